"""What people see: tables, drawn with rich."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from omero_roz.cli.drawing import console_on, new_table
from omero_roz.layout.parts import parts_of
from omero_roz.shown import counted, one_line

if TYPE_CHECKING:
    from omero_roz.layout.model import MetadataSource, Plate, ZarrLayout
    from omero_roz.replace.bulk import Outcome
    from omero_roz.replace.status import Stated
    from omero_roz.verify.certificate import Certificate
    from omero_roz.verify.completeness import Completeness, Field
    from omero_roz.verify.filling import Filling

MOST_ROWS = 50


def show_layout(layout: ZarrLayout, out: TextIO) -> None:
    """What `inspect` prints: version, mapping, sources, series, plates, all that is wrong."""
    console = console_on(out)
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
    table = new_table("series", "name", "x", "y", "z", "c", "t", "type", "levels", "axes")
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
    counts = f"{counted(len(fields), 'well')}, {missing} missing, {counted(sum(fields.values()), 'field')}"
    console.print(f"plate {plate.name or plate.path or '/'}: {counts}")
    grid = new_table("", *plate.columns)
    for row, name in enumerate(plate.rows):
        grid.add_row(name, *(str(fields.get((row, column), ".")) for column in range(len(plate.columns))))
    console.print(grid)


def show_records(named: str, stated: Sequence[Stated], out: TextIO) -> None:
    """What `status` prints: for each record, oldest first, a line and what it says below it."""
    if not stated:
        out.write(one_line(f"{named}: nothing was done by omero-roz") + "\n")
        return
    console = console_on(out)
    for one in stated:
        r = one.record
        state = r.state + (" (changed since)" if one.as_recorded is False else "")
        count = counted(len(r.images), "image")
        console.print(f"Fileset:{one.fileset}: {r.kind}, {state}, {count}, by {r.user} at {r.when}", soft_wrap=True)
        source = "" if r.source is None else f"Fileset:{r.source}" + (" (removed)" if one.source_gone else "")
        below = {"Zarr": r.uri, "binding": r.binding, "source": source, "run": r.run or "", "proof": one.proof}
        for what, text in below.items():
            if text:
                console.print(f"  {what:8} {text}", soft_wrap=True)


def show_completeness(result: Completeness, out: TextIO) -> None:
    """What `completeness` prints: a row for each group, then what is lost or differs."""
    later = ("not yet in B",) if result.whole.not_yet else ()
    table = new_table("group", "of A in B", "equal", "different", "only in A", "only in B", *later)
    for score in (*result.scores(), result.whole):
        counts = (score.equal, score.different, score.only_a, score.only_b, *([score.not_yet] if later else []))
        table.add_row(score.group, "" if score.percent is None else f"{score.percent:g} %", *map(str, counts))
    console = console_on(out)
    console.print(f"A: {result.a}")
    console.print(f"B: {result.b}")
    console.print(table)
    if result.lost:
        console.print(_lost_table(result.lost))


def show_filling(filling: Filling, out: TextIO) -> None:
    """What `completeness --fill` prints: what would be filled, and what cannot be."""
    console, fields = console_on(out), filling.fields
    table = new_table("to be filled", "with")
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


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO, all_in: str = "") -> None:
    """A plain table; of very many rows the first, where `all_in` says what has all of them."""
    table = new_table(*columns)
    for row in rows[: MOST_ROWS if all_in else None]:
        table.add_row(*row)
    if all_in and len(rows) > MOST_ROWS:
        table.caption = f"and {len(rows) - MOST_ROWS} more (all of them: {all_in})"
    console_on(out).print(table)


def show_certificate(found: Certificate, out: TextIO) -> None:
    """What `verify` prints: what is wrong of each image, then the sums."""
    table = new_table("image", "fileset", "binding", "Zarr", "link", "what is wrong")
    failed = found.failed()
    for one in failed[:MOST_ROWS]:
        texts = (str(one.image), str(one.fileset or ""), one.binding or "", one.uri or "", one.link or "")
        table.add_row(*texts, Text("\n".join(map(one_line, one.problems))))
    if len(failed) > MOST_ROWS:
        table.caption = f"and {len(failed) - MOST_ROWS} more (all of them: --json)"
    console = console_on(out)
    if failed:
        console.print(table)
    from omero_roz.verify.certificate import counts

    sums = counts(found.images.values())
    unknown = sum(one.absent is None and one.ok for one in found.images.values())
    absent = f"{sums['absent']} of {counted(sums['chunks'], 'chunk')} absent"
    absent += f" ({unknown} images: unknown)" if unknown else ""
    told = f"{counted(sums['images'], 'image')}: {sums['ok']} right, {sums['failed']} wrong"
    told += f"; {counted(sums['planes'], 'plane')} compared"
    console.print(f"{told}, {absent}", soft_wrap=True)


def _lost_table(lost: Sequence[Field]) -> Table:
    table = new_table("lost or changed", "A", "B")
    for field in lost[:MOST_ROWS]:
        table.add_row(*("" if v is None else str(v) for v in (field.path, field.a, field.b)))
    if len(lost) > MOST_ROWS:
        table.caption = f"and {len(lost) - MOST_ROWS} more (all of them: --json)"
    return table


def show_outcomes(outcomes: Sequence[Outcome], out: TextIO) -> None:
    """What a bulk run prints at its end: what was not done or not proven, then how many are in which state."""
    from omero_roz.replace.bulk import UNPROVEN

    console, bad = console_on(out), [outcome for outcome in outcomes if outcome.bad or outcome.state == UNPROVEN]
    if bad:
        table = new_table("line", "fileset", "Zarr", "state", "why")
        for o in bad[:MOST_ROWS]:
            table.add_row(str(o.line), o.fileset, o.zarr, o.state, o.reason)
        if len(bad) > MOST_ROWS:
            table.caption = f"and {len(bad) - MOST_ROWS} more (all of them: --report FILE)"
        console.print(table)
    states = Counter(outcome.state for outcome in outcomes)
    rows = sum(outcome.rows for outcome in outcomes)
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    console.print(f"{counted(len(outcomes), 'fileset')}: {told}; {counted(rows, 'new row')} in the database")
