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
    """What a table of --from has in the first of these columns that it has, line by line; raises UsageError."""
    from omero_roz.address import refuse_secrets
    from omero_roz.ports.tables import rows

    where = f"--from {file}"
    lines = rows(file, where)
    _, header = next(lines, (0, []))
    columns = [cell.lower() for cell in header]
    places = {name: columns.index(name) for name in names if name in columns}
    if not places:
        raise UsageError(f"its first line must name the column {' or '.join(names)}", where)
    for number, cells in lines:
        found = {name: cells[place] for name, place in places.items() if cells[place:] and cells[place]}
        for name, text in list(found.items())[:1]:
            refuse_secrets(text, f"line {number}", is_address=True)
            yield _named(text, name)


def _named(text: str, column: str) -> str:
    """What a cell names: in a column of filesets an id or a name alone is a fileset's."""
    if column not in ("new", "fileset") or re.match(r"\w+:(\d+|[-+%]?name:.+)$", text):
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
