"""What people see of what went wrong: a table of all that differs, and a line for everything else."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TextIO

from omero_roz.errors import Contradiction, Problem, RozError
from omero_roz.matching import Mismatch, Proposal
from omero_roz.shown import as_json

MOST_ALIKE = 10
NAMED = 3  # of more than that


def show_differences(error: RozError, out: TextIO) -> list[Problem]:
    """The table of all that differs between a fileset, or an OME-XML, and a Zarr; what is still to be told in lines."""
    if isinstance(error, Mismatch) and error.differences:
        return [_mismatch(error, out)]
    return _folded(_without_contradictions(error.problems, out))


def _mismatch(error: Mismatch, out: TextIO) -> Problem:
    """The table of a mismatch, an order without one, and the line that sums it up."""
    cells = [
        ("" if d.image_id is None else str(d.image_id), d.name, d.path, d.what, d.omero, d.zarr)
        for d in error.differences
    ]
    _show_table(("image", "name", "series", "what", "OMERO", "Zarr"), cells, out)
    if error.proposal is not None:
        _show_proposal(error.proposal, out)
    counts = Counter(d.what for d in error.differences)
    told = ", ".join(f"{what} of {count}" for what, count in counts.items())
    fix = "name the Zarr that was made of it, or say with --mapping which series is which image"
    return Problem(error.problems[0].where, f"it and the Zarr differ, see the table: {told}", fix)


def _folded(problems: Iterable[Problem]) -> list[Problem]:
    """Problems, those alike side by side; what is wrong at many places, such as each field of a plate, is one."""
    alike: dict[tuple[str, str], list[Problem]] = {}
    for one in problems:
        alike.setdefault((one.what, one.fix), []).append(one)
    return [told for some in alike.values() for told in (some if len(some) <= MOST_ALIKE else [_together(some)])]


def _together(some: Sequence[Problem]) -> Problem:
    first = ", ".join(one.where for one in some[:NAMED])
    return replace(some[0], where=f"{first} and {len(some) - NAMED} more")


def _without_contradictions(problems: Sequence[Problem], out: TextIO) -> Iterator[Problem]:
    """Problems without those that a table shows whole, which one line sums up at their end."""
    rows = [one for one in problems if isinstance(one, Contradiction)]
    yield from (one for one in problems if not isinstance(one, Contradiction))
    if rows:
        cells = [(one.image, one.where, one.aspect, one.stated, one.found) for one in rows]
        _show_table(("name", "series", "what", "OME-XML", "Zarr"), cells, out)
        counted = Counter(one.aspect for one in rows)
        told = ", ".join(f"{aspect} of {count}" for aspect, count in counted.items())
        yield Problem("", f"OME-XML and Zarr differ, see the table: {told}", rows[0].fix)


def _show_proposal(proposal: Proposal, out: TextIO) -> None:
    doubt = "" if proposal.certain else " (several are alike: look whether it is the right one)"
    out.write(f"in this order all agree{doubt}; to use it, save the line as a file and give it with --mapping:\n")
    out.write(as_json({"seriesMapping": proposal.paths}, None) + "\n")


def _show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO) -> None:
    from omero_roz.cli.terminal import show_rows

    show_rows(columns, rows, out, "--report FILE")
