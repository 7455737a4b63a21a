"""What `omero roz` says of itself: its verbs by what they are for, with examples, as wide as the terminal."""

import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from omero_roz.cli.telling import own_version
from omero_roz.errors import UsageError

ABOUT = "Move the images of an OMERO server to OME-Zarr, without losing their ids, metadata, links or trust."
NARROWEST = 40

# Purpose: verb: examples, the first of which stands in the overview.
GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Look before anything is touched": {
        "inspect": (
            "inspect /data/plate.zarr",
            "inspect s3://bucket/plate.zarr --endpoint https://s3.example.org --anonymous",
            "inspect /data --json",
        ),
        "annotate": ("annotate /data/plate.zarr --dry-run", "annotate /data/plate.zarr --mapping series.txt --yes"),
        "doctor": ("doctor", "doctor /data/plate.zarr --db omero --managed-repository /OMERO/ManagedRepository"),
    },
    "Move images to OME-Zarr": {
        "import": (
            "import /data/plate.zarr --target Screen:name:siRNA",
            "import /data/*.zarr --target Dataset:5 --dry-run",
            "import --from zarrs.csv --server-path /mnt/data=/zarrs",
        ),
        "replace-fileset": (
            "replace-fileset Fileset:12 /data/plate.zarr --dry-run",
            "replace-fileset Fileset:12 /data/plate.zarr --check all",
            "replace-fileset --from filesets.csv --db omero",
        ),
    },
    "Know and prove": {
        "status": ("status Image:39", "status Screen:3 --json"),
        "verify": ("verify Plate:7", "verify Project:2 --check all --certificate project.json"),
        "completeness": (
            "completeness original.ome.xml Image:39",
            "completeness Image:39 /data/plate.zarr --html lost.html",
            "completeness Image:39 original.ome.xml --fill --dry-run",
        ),
    },
    "Go back, and free the disk": {
        "rollback": ("rollback Fileset:13", "rollback --all-from july --json"),
        "cleanup": ("cleanup Fileset:12 --dry-run", "cleanup Fileset:12 --yes"),
        "sweep": ("sweep --dry-run", "sweep --of curator"),
    },
    "In OMERO.web": {"scripts": ("scripts list", "scripts install")},
}

OPTIONS = {
    "omero roz VERB -h": "a verb's options and more examples",
    "omero roz --version": "which omero-roz this is",
    "omero roz --completion SHELL": "what lets bash or zsh complete verbs and options at TAB",
}


def width() -> int:
    """How many columns there are."""
    return max(NARROWEST, shutil.get_terminal_size().columns)


def overview(about: Mapping[str, str]) -> str:
    """All verbs, each with what `about` says of it and its first example."""
    return "\n".join(_lines(about)) + "\n"


def _lines(about: Mapping[str, str]) -> Iterator[str]:
    yield from textwrap.wrap(ABOUT, width())
    left = 2 + max(map(len, about)) + 2
    for purpose, verbs in GROUPS.items():
        yield from ("", purpose)
        for verb, examples in verbs.items():
            yield from _beside(f"  {verb}", about[verb], left)
            yield f"{'':{left}}$ omero roz {examples[0]}"
    yield ""
    for call, what in OPTIONS.items():
        yield from _beside(call, what, max(map(len, OPTIONS)) + 2)


def _beside(name: str, text: str, left: int) -> list[str]:
    return textwrap.wrap(text, width(), initial_indent=f"{name:{left}}", subsequent_indent=" " * left)


def examples(verb: str) -> str:
    """What stands below a verb's options."""
    given = next(verbs[verb] for verbs in GROUPS.values() if verb in verbs)
    return "Examples:\n" + "".join(f"  $ omero roz {example}\n" for example in given)


class Wrapped:
    """Mixed into OMERO's formatter of help, which shows a help's first line only, however long, at 80 columns."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=width() - 1)  # type: ignore[call-arg]

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), max(width, 20))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrapped where it is one paragraph; lists and examples stay as they are."""
        if "\n" in text.strip():
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent) + "\n"


def version() -> str:
    """The installed version."""
    from importlib.metadata import PackageNotFoundError

    try:
        return f"omero-roz {own_version()}"
    except PackageNotFoundError:  # sources on the path
        return "omero-roz, not installed by pip"


def completion(shell: str) -> str:
    """The completion file of a shell, made by tools/completion.py; raises UsageError where there is none."""
    from pathlib import Path

    files = {path.suffix[1:]: path for path in Path(__file__).parent.glob("omero-roz.*")}
    if shell not in files:
        raise UsageError("no completion is made for it", f"--completion {shell}", f"say {' or '.join(sorted(files))}")
    return files[shell].read_text()


def answer(arguments: Sequence[str], about: Mapping[str, str]) -> str:
    """What `omero roz` says without a verb; raises UsageError."""
    match arguments:
        case [] | ["-h" | "--help"]:
            return overview(about)
        case ["--version"]:
            return version() + "\n"
        case ["--completion", *shell]:
            return completion(" ".join(shell))
    raise UsageError("nothing else goes with it", arguments[0], "say it alone")


def without_verb(parser: Any, about: Mapping[str, str], show: Callable[[Callable[[], str]], None]) -> None:
    """Let a parser take a call without a verb, which OMERO's takes for an error; `show` is given what to say."""
    parse = parser.parse_known_args

    def parse_all(args: list[str], namespace: Any) -> Any:
        if args and args[0] not in ("-h", "--help", "--version", "--completion"):
            return parse(args, namespace)
        namespace.func = lambda _: show(lambda: answer(args, about))
        return namespace, []

    parser.parse_known_args, parser.format_help = parse_all, lambda: overview(about)
