"""What people see: tables and progress, drawn with rich; plain lines where there is no terminal."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from omero_roz.errors import Contradiction, Problem, RozError
from omero_roz.layout.model import MetadataSource, Plate, ZarrLayout
from omero_roz.layout.parts import parts_of
from omero_roz.matching import Mismatch, Proposal
from omero_roz.proving import pixels
from omero_roz.replace.bulk import UNPROVEN, Outcome
from omero_roz.replace.status import Stated
from omero_roz.shown import as_json, one_line
from omero_roz.verify.certificate import Certificate, counts
from omero_roz.verify.completeness import Completeness, Field
from omero_roz.verify.filling import Filling

PLAIN_WIDTH = 200
MOST_ROWS = 50
SECONDS_A_LINE = 30
MOST_ALIKE = 10
NAMED = 3  # of more than that


def layout_line(layout: ZarrLayout) -> str:
    """What `inspect` prints for one layout among several."""
    errors = len(layout.errors)
    counted = ((len(layout.series), "series"), (len(layout.plates), "plates"), (errors, "errors"))
    counts = ", ".join(f"{number} {what}" for number, what in (*counted, (len(layout.problems) - errors, "warnings")))
    return one_line(f"{layout.uri}: NGFF {layout.ngff_version or '?'}, Zarr v{layout.zarr_format}, {counts}")


def show_layout(layout: ZarrLayout, out: TextIO) -> None:
    """What `inspect` prints: version, mapping, sources, series, plates, all that is wrong."""
    console = _console(out)
    version = f"NGFF {layout.ngff_version}" if layout.ngff_version else "NGFF version not stated"
    console.print(f"{layout.uri}: {version}, Zarr v{layout.zarr_format}, {len(layout.series)} series")
    console.print(f"series mapping by {layout.mapping.rule}: {_shown(layout.mapping.paths)}", soft_wrap=True)
    for source in layout.sources:
        described = _described(source, len(layout.sources))
        console.print(f"metadata: {source.kind} in {source.path}{described}", soft_wrap=True)
    bare = [part for part in parts_of(layout.sources, layout.mapping.paths) if not part.source]
    if layout.sources and bare:
        console.print(f"NGFF metadata only: {_shown(bare[0].paths)}", soft_wrap=True)
    console.print(_series_table(layout))
    for plate in layout.plates:
        _show_plate(plate, console)
    for problem in layout.problems:
        console.print(f"{problem.severity}: {problem}", soft_wrap=True)


def _shown(paths: Sequence[str]) -> str:
    return ", ".join(path or "/" for path in paths[:MOST_ROWS]) + (" …" if paths[MOST_ROWS:] else "")


def _described(source: MetadataSource, sources: int) -> str:
    """What a source describes, where there are several."""
    return f", by {source.mapping.rule}: {_shown(source.mapping.paths)}" if sources > 1 else ""


def _series_table(layout: ZarrLayout) -> Table:
    named = layout.names
    table = _table("series", "name", "x", "y", "z", "c", "t", "type", "levels", "axes")
    for series in layout.series[:MOST_ROWS]:
        sizes = series.sizes
        table.add_row(
            series.path or "/",
            named.get(series.path) or series.name,
            *(str(size) for size in (sizes.x, sizes.y, sizes.z, sizes.c, sizes.t)),
            series.pixel_type or series.levels[0].dtype,
            str(len(series.levels)),
            "".join(series.axes),
        )
    if len(layout.series) > MOST_ROWS:
        table.caption = f"and {len(layout.series) - MOST_ROWS} more series (all of them: --json)"
    return table


def _show_plate(plate: Plate, console: Console) -> None:
    """The plate as a grid: the number of fields of each well, a dot where there is none."""
    fields = {(well.row, well.column): len(well.fields) for well in plate.wells}
    missing = len(plate.rows) * len(plate.columns) - len(fields)
    counts = f"{len(fields)} wells, {missing} missing, {sum(fields.values())} fields"
    console.print(f"plate {plate.name or plate.path or '/'}: {counts}")
    grid = _table("", *plate.columns)
    for row, name in enumerate(plate.rows):
        grid.add_row(name, *(str(fields.get((row, column), ".")) for column in range(len(plate.columns))))
    console.print(grid)


def show_differences(error: RozError, out: TextIO) -> list[Problem]:
    """The table of all that differs between a fileset, or an OME-XML, and a Zarr; what is still to be told in lines."""
    if isinstance(error, Mismatch):
        table = _table("image", "name", "series", "what", "OMERO", "Zarr")
        for d in error.differences[:MOST_ROWS]:
            number = "" if d.image_id is None else str(d.image_id)
            table.add_row(number, d.name, d.path, d.what, d.omero, d.zarr)
        _console(out).print(table)
        if error.proposal is not None:
            _show_proposal(error.proposal, out)
    return _folded(_without_contradictions(error.problems, out))


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
        show_rows(("name", "series", "what", "OME-XML", "Zarr"), cells, out)
        counted = Counter(one.aspect for one in rows)
        told = ", ".join(f"{aspect} of {count}" for aspect, count in counted.items())
        yield Problem("", f"OME-XML and Zarr differ, see the table: {told}", rows[0].fix)


def _show_proposal(proposal: Proposal, out: TextIO) -> None:
    doubt = "" if proposal.certain else " (several are alike: look whether it is the right one)"
    out.write(f"in this order all agree{doubt}; to use it, save the line as a file and give it with --mapping:\n")
    out.write(as_json({"seriesMapping": proposal.paths}, None) + "\n")


def show_records(named: str, stated: Sequence[Stated], out: TextIO) -> None:
    """What `status` prints: a row for each record, oldest first."""
    if not stated:
        out.write(one_line(f"{named}: nothing was done by omero-roz") + "\n")
        return
    table = _table("fileset", "what", "state", "Zarr", "binding", "source", "images", "by", "when", "proven")
    for one in stated:
        r = one.record
        source = "" if r.source is None else f"Fileset:{r.source}" + (" (removed)" if one.source_gone else "")
        state = r.state + (" (changed since)" if one.as_recorded is False else "")
        cells = (f"Fileset:{one.fileset}", r.kind, state, r.uri, r.binding, source, str(len(r.images)), r.user, r.when)
        table.add_row(*cells, one.proof)
    _console(out).print(table)


def show_completeness(result: Completeness, out: TextIO) -> None:
    """What `completeness` prints: a row for each group, then what is lost or differs."""
    later = ("not yet in B",) if result.whole.not_yet else ()
    table = _table("group", "of A in B", "equal", "different", "only in A", "only in B", *later)
    for score in (*result.scores(), result.whole):
        counts = (score.equal, score.different, score.only_a, score.only_b, *([score.not_yet] if later else []))
        table.add_row(score.group, "" if score.percent is None else f"{score.percent:g} %", *map(str, counts))
    console = _console(out)
    console.print(f"A: {result.a}")
    console.print(f"B: {result.b}")
    console.print(table)
    if result.lost:
        console.print(_lost_table(result.lost))


def show_filling(filling: Filling, out: TextIO) -> None:
    """What `completeness --fill` prints: what would be filled, and what cannot be."""
    console, fields = _console(out), filling.fields
    table = _table("to be filled", "with")
    for field in fields[:MOST_ROWS]:
        table.add_row(field.path, str(field.b))
    if len(fields) > MOST_ROWS:
        groups = Counter(field.group for field in fields)
        told = ", ".join(f"{count} of {group}" for group, count in groups.items())
        table.caption = f"and {len(fields) - MOST_ROWS} more (all of them: --json): {told}"
    if fields:
        console.print(table)
    for problem in filling.left:
        console.print(f"left as it is: {problem}", soft_wrap=True)


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO) -> None:
    """A plain table."""
    table = _table(*columns)
    for row in rows:
        table.add_row(*row)
    _console(out).print(table)


def show_certificate(found: Certificate, out: TextIO) -> None:
    """What `verify` prints: what is wrong of each image, then the sums."""
    table = _table("image", "fileset", "binding", "Zarr", "link", "what is wrong")
    failed = found.failed()
    for one in failed[:MOST_ROWS]:
        texts = (str(one.image), str(one.fileset or ""), one.binding or "", one.uri or "", one.link or "")
        table.add_row(*texts, Text("\n".join(map(one_line, one.problems))))
    if len(failed) > MOST_ROWS:
        table.caption = f"and {len(failed) - MOST_ROWS} more (all of them: --json)"
    console = _console(out)
    if failed:
        console.print(table)
    sums = counts(found.images.values())
    unknown = sum(one.absent is None and one.ok for one in found.images.values())
    absent = f"{sums['absent']} of {sums['chunks']} chunks absent"
    absent += f" ({unknown} images: unknown)" if unknown else ""
    told = f"{sums['images']} images: {sums['ok']} right, {sums['failed']} wrong; {sums['planes']} planes compared"
    console.print(f"{told}, {absent}", soft_wrap=True)


def _lost_table(lost: Sequence[Field]) -> Table:
    table = _table("lost or changed", "A", "B")
    for field in lost[:MOST_ROWS]:
        table.add_row(*("" if v is None else str(v) for v in (field.path, field.a, field.b)))
    if len(lost) > MOST_ROWS:
        table.caption = f"and {len(lost) - MOST_ROWS} more (all of them: --json)"
    return table


def show_outcomes(outcomes: Sequence[Outcome], out: TextIO) -> None:
    """What a bulk run prints at its end: what was not done or not proven, then how many are in which state."""
    console, bad = _console(out), [outcome for outcome in outcomes if outcome.bad or outcome.state == UNPROVEN]
    if bad:
        table = _table("line", "fileset", "Zarr", "state", "why")
        for o in bad[:MOST_ROWS]:
            table.add_row(str(o.line), o.fileset, o.zarr, o.state, o.reason)
        if len(bad) > MOST_ROWS:
            table.caption = f"and {len(bad) - MOST_ROWS} more (all of them: --report FILE)"
        console.print(table)
    states = Counter(outcome.state for outcome in outcomes)
    rows = sum(outcome.rows for outcome in outcomes)
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    console.print(f"{len(outcomes)} filesets: {told}; {rows} new rows in the database")


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def progress(out: TextIO) -> Iterator[pixels.Progress]:
    """A bar with rate and remaining time on a terminal; elsewhere plain lines, one when something else begins and
    one every half a minute.
    """
    if not out.isatty():
        yield _Lines(out)
        return
    what = TextColumn("{task.description}", markup=False)
    columns = (what, BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=_console(out), transient=True) as bar:
        task, begun = bar.add_task("", total=None), ""

        def report(what: str, done: int, total: int) -> None:
            nonlocal begun
            if _begins(what, begun):
                bar.reset(task)  # the rate of what went before is no matter
            begun = what
            bar.update(task, description=one_line(what), completed=done, total=total)

        yield report


def _begins(what: str, before: str) -> bool:
    """Whether it is something else; what is said after a comma may change meanwhile."""
    return what.partition(",")[0] != before.partition(",")[0]


class _Lines:
    """Plain lines that tell of progress."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._what = out, ""
        self._began = self._told = 0.0
        self._first = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if _begins(what, self._what):
            self._began, self._first = now, done
            self._tell(now, f"{what} ({total})")
        elif now - self._told >= SECONDS_A_LINE:
            self._tell(now, f"{what}: {done} of {total}{self._pace(now, done, total)}")
        self._what = what

    def _pace(self, now: float, done: int, total: int) -> str:
        rate = (done - self._first) / (now - self._began)
        return f", {rate:.1f}/s, {timedelta(seconds=round((total - done) / rate))} left" if rate > 0 else ""

    def _tell(self, now: float, line: str) -> None:
        self._told = now
        self._out.write(f"{one_line(line)}\n")
        self._out.flush()


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _console(out: TextIO) -> Console:
    width = None if out.isatty() else PLAIN_WIDTH
    return _Console(file=out, width=width, highlight=False, emoji=False, markup=False)


class _Console(Console):
    """Names and paths come from strangers: each string, also in a table's cell, becomes one line of plain text.

    [/x] is a name, not the end of something (`markup`); what shall have several lines is a Text.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """What rich makes of a string before it draws or measures it."""
        return super().render_str(one_line(text), **options)
