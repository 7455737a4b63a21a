"""`python -m tools.completion`: make the files with which bash and zsh complete `omero roz`.

shtab reads the standard library's parsers, and omero-py brings an argparse of its own: so the verbs' options are asked
for once more. argcomplete would start `omero` at each TAB, which takes a second.
"""

import argparse
from pathlib import Path

import shtab
from omero.cli import Parser

from omero_roz.cli import options
from omero_roz.cli.overview import OPTIONS
from omero_roz.cli_plugin import WITH_OMERO, WITHOUT_OMERO

FOLDER = Path(__file__).parents[1] / "omero_roz" / "cli"
SHELLS = ("bash", "zsh")
FILES = {"FILE", "FILE.csv", "URI", "OBJECT|URI", "A", "B"}


def parser() -> argparse.ArgumentParser:
    """`omero` with one plugin: ours."""
    omero = argparse.ArgumentParser("omero")
    roz = omero.add_subparsers().add_parser("roz", help="Move images to OME-Zarr")
    roz.add_argument("--version", action="store_true", help=OPTIONS["omero roz --version"])
    roz.add_argument("--completion", choices=SHELLS, help=OPTIONS["omero roz --completion SHELL"])
    _add_verbs(roz)
    return omero


def verbs() -> dict[str, argparse.ArgumentParser]:
    """Each verb's parser, with what OMERO's login adds to it."""
    return _add_verbs(argparse.ArgumentParser("omero roz"))


def _add_verbs(roz: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    added = {}
    verbs = roz.add_subparsers()
    for name, verb in (WITHOUT_OMERO | WITH_OMERO).items():
        added[name] = one = verbs.add_parser(name, help=verb.HELP, description=verb.HELP)
        verb.add_options(one)
        if name in WITH_OMERO:
            Parser.add_login_arguments(one)
            options.add_timeout_option(one)
        for action in one._actions:
            if action.metavar in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    return added


def text(shell: str) -> str:
    """What a shell completes with."""
    return shtab.complete(parser(), shell)


if __name__ == "__main__":
    for shell in SHELLS:
        (FOLDER / f"omero-roz.{shell}").write_text(text(shell))
