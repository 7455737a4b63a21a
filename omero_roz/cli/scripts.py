"""`omero roz scripts install|list|remove`: the official scripts that OMERO.web's menu shows."""

import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from omero_roz.cli.telling import own_version
from omero_roz.errors import Problem, Refused

if TYPE_CHECKING:
    from omero_roz.ports.omero.official_scripts import OfficialScripts
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Put the scripts of omero-roz into OMERO.web's menu, for administrators (docs/scripts.md)"
DIRECTORY = "/roz/"
NAMES = ("Import_OME_Zarr.py", "Metadata_Completeness.py", "Replace_Filesets.py", "Verify_OME_Zarr.py")
WHAT = "install: upload them, or bring older ones up to date; list: show what is there; remove: delete them"
_VERSION = re.compile(r'^\s*version="([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stated:
    """A script: its id on the server and the version there (None where it is not), the version here, what it is now.

    `state`: current, other (its text differs), missing; after a change installed, updated, removed.
    """

    name: str
    id: int | None
    installed: str | None
    here: str
    state: str


def add_options(parser: ArgumentParser) -> None:
    """The options of `scripts`."""
    parser.add_argument("what", choices=("install", "list", "remove"), help=WHAT)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Install, list or remove the scripts; changing them is for administrators."""
    from omero_roz.ports.omero.official_scripts import OfficialScripts

    mine = session()
    if args.what != "list" and not mine.who.is_admin:
        what = "only an administrator may change the scripts of a server"
        raise Refused(what, mine.who.user_name, "ask one, or log in as one; `list` is for everybody")
    scripts = OfficialScripts(mine, DIRECTORY)
    stated = {"install": _install, "list": _list, "remove": _remove}[args.what](scripts)
    if args.json:
        return ctx.json([asdict(one) for one in stated])
    from omero_roz.cli.terminal import show_rows

    columns = ("script", "id", "on the server", "here", "state")
    rows = [(DIRECTORY + o.name, str(o.id or ""), o.installed or "", o.here, o.state) for o in stated]
    show_rows(columns, rows, sys.stdout)


def text_here(name: str) -> str:
    """The text of a script as this version has it."""
    from importlib.resources import files

    return files("omero_roz.scripts").joinpath(name).read_text("utf-8")


def _list(scripts: "OfficialScripts") -> list[Stated]:
    found = scripts.found()
    return [_stated(scripts, name, found.get(name)) for name in NAMES]


def _stated(scripts: "OfficialScripts", name: str, file: Any) -> Stated:
    if file is None:
        return Stated(name, None, None, own_version(), "missing")
    text = scripts.text(file)
    stated = _VERSION.search(text)
    state = "current" if text == text_here(name) else "other"
    return Stated(name, file.id.val, stated[1] if stated else "?", own_version(), state)


def _install(scripts: "OfficialScripts") -> list[Stated]:
    done, found, here = [], scripts.found(), own_version()
    for name in NAMES:
        before = _stated(scripts, name, found.get(name))
        if before.state == "missing":
            done.append(Stated(name, scripts.add(name, text_here(name)), here, here, "installed"))
        elif before.state == "other":
            scripts.edit(found[name], text_here(name))
            done.append(Stated(name, before.id, here, here, "updated"))
        else:
            done.append(before)
    return done


def _remove(scripts: "OfficialScripts") -> list[Stated]:
    """Each by itself: one that OMERO keeps does not hold up the others."""
    done, found = [], scripts.found()
    kept: list[Problem] = []
    for name in NAMES:
        if (file := found.get(name)) is not None:
            try:
                scripts.remove(file)
            except Refused as error:
                kept += error.problems
        state = "missing" if file is None else "removed"
        done.append(Stated(name, None, None, own_version(), state))
    if kept:
        raise Refused.of(kept)
    return done
