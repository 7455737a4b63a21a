"""The table of a bulk run: which fileset gets which Zarr."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omero_roz.address import Address, refuse_secrets
from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import is_id
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.tables import rows

COLUMNS = ("fileset", "zarr")
NOT_SHOWN = "(not shown)"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: the fileset by its id or a name, and the path or address of the Zarr.

    `wrong` is why it can be nothing but refused; what has a secret in it is not kept.
    """

    number: int
    fileset: str
    zarr: str
    wrong: UsageError | None = None


def read_table(file: str, prefix: str | None) -> Iterator[Line]:
    """The lines of a table with the columns fileset and zarr, or of IDR's form: name, path of the Zarr, fileset id.

    `prefix` is put before what is no absolute path or address. Raises UsageError for another table.
    """
    where = f"--from {file}"
    prefix = prefix and Address(prefix, "--prefix")
    yield from _lines(rows(file, where), where, prefix)


def run_name(file: str) -> str:
    """The name of the run that a table means: the same table gives the same, so that a resumed run is one."""
    with Path(file).open("rb") as table:
        return hashlib.file_digest(table, "sha256").hexdigest()[:12]


def fileset_id(session: OmeroSession, text: str) -> int:
    """The fileset of an id, `Fileset:ID`, `Image:ID` or another object with images, or the name of a plate or image
    that only one fileset has.

    Raises Refused where none or several have the name, or the images of the object.
    """
    number = text.removeprefix("Fileset:")
    if number.isdecimal():
        if not is_id(number):
            raise Refused("OMERO has no ids as large as that", text[:60], "mend the table")
        return int(number)
    if "\x00" in text:
        raise Refused("no name has such a character", text, "mend the table")
    if containers.is_object(text):
        return containers.fileset_of(session, text)
    found = Filesets(session).called(text)
    if len(found) != 1:
        named = ", ".join(f"Fileset:{number}" for number in found[:20]) + (" …" if found[20:] else "")
        have = f"{len(found)} filesets have" if found else "no fileset that you may see has"
        told = f" ({named})" if found else ""
        raise Refused(f"{have} an image or plate of this name{told}", text, "give the fileset's id")
    return found[0]


def _lines(table: Iterable[tuple[int, list[str]]], where: str, prefix: str | None) -> Iterator[Line]:
    columns: Sequence[int] | None = None
    for number, cells in table:
        if columns is None:
            columns, header = _form(cells, where)
            if header:
                continue
        if len(cells) <= max(columns) or not all(cells[n] for n in columns):
            raise UsageError(f"line {number} has no fileset or no Zarr", where, "mend the table")
        fileset, zarr = (cells[n] for n in columns)
        yield _line(number, fileset, zarr, prefix)


def _form(cells: list[str], where: str) -> tuple[Sequence[int], bool]:
    """Where fileset and Zarr are in a line, and whether this one is only a header."""
    named = [cell.lower() for cell in cells]
    if set(COLUMNS) <= set(named):
        return [named.index(name) for name in COLUMNS], True
    if len(cells) == 3 and (cells[2].isdecimal() or cells[2].lower() == "fileset id"):
        return (2, 1), not cells[2].isdecimal()
    what = "its first line must name the columns fileset and zarr, or be of the form name,uuid path,fileset id"
    raise UsageError(what, where, "mend the table")


def _line(number: int, fileset: str, zarr: str, prefix: str | None) -> Line:
    where = f"line {number}"
    try:
        refuse_secrets(fileset, where)
        refuse_secrets(zarr, where, is_address=True)
        if prefix is None or "://" in zarr or zarr.startswith("/"):
            return Line(number, fileset, Address(zarr, where))
        return Line(number, fileset, Address(f"{prefix.rstrip('/')}/{zarr}", where))
    except UsageError as error:
        return Line(number, NOT_SHOWN, NOT_SHOWN, error)
