"""`--report`: one table for all verbs. What one of them writes, each of the others takes with --from."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.shown import as_json, clean

if TYPE_CHECKING:
    from omero_roz.errors import Problem

# `fileset` is what was asked about, `new` the fileset that the images are in now.
COLUMNS = ("line", "fileset", "zarr", "state", "new", "reason", "seconds", "rows")
HELP = "write a line for each into a table that every verb takes with --from, as JSON to *.json, else as CSV"


def add_option(parser: ArgumentParser) -> None:
    """The option that names the file."""
    parser.add_argument("--report", metavar="FILE", help=HELP)


def check(args: Namespace) -> None:
    """Raise UsageError where the file cannot be written, before anything is done."""
    from omero_roz.ports.own_files import check_writable

    if args.report:
        check_writable(Path(args.report), "--report")


@contextmanager
def reporting(args: Namespace) -> Iterator[list[Mapping[str, Any]]]:
    """What is put into the list is written at the end, also where the work is stopped."""
    rows = list[Mapping[str, Any]]()
    try:
        yield rows
    finally:
        write(args, rows)


def write(args: Namespace, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write what became of each, if a file was named; filesets are ids or names, lines are counted from 1."""
    if args.report:
        write_table(args, COLUMNS, [_row(number, row) for number, row in enumerate(rows, 1)])


def write_table(args: Namespace, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table with columns of its own; a record of somebody else's may have an address with a secret."""
    from omero_roz.ports.own_files import write as write_file
    from omero_roz.ports.tables import text_of

    file, lines = Path(args.report), clean(list(rows))
    write_file(file, as_json(lines) if file.suffix == ".json" else text_of(columns, lines), "--report")


def reason(problems: "Iterable[Problem]") -> str:
    """All that is wrong, on one line."""
    return " | ".join(map(str, problems))


def _row(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {"line": number} | dict(row)
    seconds = whole["seconds"]
    return whole | {
        "fileset": _fileset(whole["fileset"]), "new": _fileset(whole["new"]),
        "seconds": round(seconds, 3) if isinstance(seconds, float) else seconds,
    }  # fmt: skip


def _fileset(named: str | int | None) -> str:
    text = "" if named is None else str(named)
    return f"Fileset:{text}" if text.isdecimal() else text
