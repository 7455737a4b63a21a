"""The objects of OMERO that a verb is given: by id or name, several of them, or in a table; one stops no other."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession

OBJECTS = (
    "Fileset:ID, Image:ID, Dataset:ID, Project:ID, Plate:ID or Screen:ID, or by name: Plate:name:NAME "
    "([+-]name: the newest, the oldest of several)"
)
FILESETS = "Fileset:ID, or Fileset:name:NAME with the name of its image or plate"


def check(text: str) -> None:
    """Raise UsageError for what names no object, before anybody has to log in."""
    from omero_roz.ports.omero import containers

    if not containers.is_named(text) and containers.parse(text) is None:
        raise UsageError("it names no object of OMERO", text, "name Fileset:ID, Image:ID, Plate:name:NAME …")


def find(session: "OmeroSession", text: str) -> tuple[str, int]:
    """KIND and ID of what is named; raises Refused where there is none or several, UsageError for another text."""
    from omero_roz.ports.omero import containers

    check(text)
    found = containers.find(session, text)
    assert found is not None
    return found


def is_fileset(text: str) -> None:
    """Raise UsageError for what names no fileset, before anybody has to log in."""
    if text.isdecimal():
        text = f"Fileset:{text}"
    check(text)
    if not text.startswith("Fileset:"):
        raise UsageError("it is not Fileset:ID", text, FILESETS)


def fileset(session: "OmeroSession", text: str) -> int:
    """The id of the fileset that is named, an id alone too; raises as `find`."""
    is_fileset(text)
    return find(session, f"Fileset:{text}" if text.isdecimal() else text)[1]


def column(file: str, names: Sequence[str]) -> Iterator[str]:
    """What a table of --from has in the first of these columns that a line has; raises UsageError for another table."""
    for _, (found,) in _cells(file, (names,)):
        if found:
            yield found


def pairs(file: str, *names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The same of several groups of columns, of each of which a line must have one; UsageError where it has not."""
    for number, found in _cells(file, names):
        missing = [" or ".join(group) for group, text in zip(names, found, strict=True) if not text]
        if missing:
            raise UsageError(f"line {number} has no {' and no '.join(missing)}", f"--from {file}", "mend the table")
        yield found


def _cells(file: str, groups: Sequence[Sequence[str]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """For each line its number and, of each group of columns, the first that is not empty."""
    from omero_roz.address import refuse_secrets
    from omero_roz.ports.tables import rows

    where = f"--from {file}"
    lines = rows(file, where)
    _, header = next(lines, (0, []))
    columns = [cell.lower() for cell in header]
    if missing := [" or ".join(group) for group in groups if not set(group) & set(columns)]:
        raise UsageError(f"its first line must name the column {', and '.join(missing)}", where)
    for number, cells in lines:
        line = dict(zip(columns, cells, strict=False))
        found = [next(((line[name], name) for name in group if line.get(name)), ("", "")) for group in groups]
        for text, _ in found:
            refuse_secrets(text, f"line {number}", is_address=True)
        yield number, tuple(_named(*one) for one in found)


def _named(text: str, column: str) -> str:
    """What a cell names: in a column of filesets an id or a name alone is a fileset's."""
    if not text or column not in ("new", "fileset") or re.match(r"\w+:(\d+|[-+%]?name:.+)$", text):
        return text
    return f"Fileset:{text}" if text.isdecimal() else f"Fileset:name:{text}"


def one_by_one(
    ctx: Any, given: Sequence[Any], do: Callable[[Any], None], several: bool | None = None
) -> list[RozError]:
    """Do it for each, whatever becomes of the others; what failed, told already where there are `several` in all."""
    from omero_roz.cli.problems import show_differences

    failed: list[RozError] = []
    several = len(given) > 1 if several is None else several
    for one in given:
        try:
            do(one)
        except RozError as error:
            failed.append(error)
            for problem in show_differences(error, sys.stderr) if several else ():
                ctx.err(str(problem))
    return failed


def raise_for(failed: Sequence[RozError], count: int) -> None:
    """Raise the error of the only one, or one that counts those that failed."""
    if failed and count == 1:
        raise failed[0]
    if failed:
        raise RozError(f"{len(failed)} of {count} failed", fix="see above")
