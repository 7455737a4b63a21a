"""Planning many replacements: OMERO is asked for many at once, Zarrs are read and compared on several threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from omero_roz.binding import zarr_reader
from omero_roz.binding.lsid import ServerPath, ServerView
from omero_roz.errors import Refused, RozError
from omero_roz.fileset import Fileset, PixelsFile
from omero_roz.plan import batches
from omero_roz.ports.filesets import Filesets
from omero_roz.ports.zarr_stores import Access
from omero_roz.record import NS_RECORD, Record, from_json
from omero_roz.replace import one, swap
from omero_roz.replace.bulk_table import Line, fileset_id
from omero_roz.replace.one import Planned
from omero_roz.replace.owners import Owners
from omero_roz.replace.proof import Proof
from omero_roz.replace.sources import read_source
from omero_roz.replace.steps import Source, Written

CHUNK = 100  # lines that are planned together, and so the layouts that are in memory at once


@dataclass(frozen=True, slots=True)
class Options:
    """How all lines of a run are replaced; `run` is its name, `paths` how the server sees what is local here."""

    run: str
    binding: str
    proof: Proof
    probe: bool = True
    paths: tuple[ServerPath, ...] = ()
    access: Access = field(default_factory=Access)
    batch: int = 100
    jobs: int = 4
    stop_on_error: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A line that can be replaced: its plan, its Zarr, and the record to be written."""

    line: Line
    planned: Planned
    source: Source
    record: Record
    seconds: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that cannot be replaced, and why."""

    line: Line
    error: RozError


def plan_all(owners: Owners, lines: Sequence[Line], options: Options) -> Iterator[Job | Rejected]:
    """Plan each line, in their order; nothing is changed. A fileset that two lines name is refused at the second."""
    taken: dict[int, int] = {}
    for chunk in batches(lines, CHUNK):
        yield from _plan_chunk(owners, chunk, options, taken)


@dataclass(frozen=True, slots=True)
class _Known:
    """What OMERO has of a line."""

    named: int
    fileset: Fileset
    written: Sequence[Written]
    pixels: Mapping[int, PixelsFile]


def _plan_chunk(
    owners: Owners, lines: Sequence[Line], options: Options, taken: dict[int, int]
) -> Iterator[Job | Rejected]:
    known = _look_up(owners, lines, options)

    def planned(line: Line) -> Job | Rejected:
        found = known[line.number]
        if isinstance(found, Rejected):
            return found
        first = taken[found.fileset.id]
        if first != line.number:
            return Rejected(line, Refused(f"line {first} has the same fileset", line.fileset, "name it once"))
        try:
            return _plan(owners, line, found, options)
        except RozError as error:
            return Rejected(line, error)

    for line in lines:
        found = known[line.number]
        if isinstance(found, _Known):
            taken.setdefault(found.fileset.id, line.number)
            try:
                owners.means(found.fileset.owner, f"Fileset:{found.fileset.id}")
            except Refused as error:
                known[line.number] = Rejected(line, error)
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            yield from pool.map(planned, lines)
        finally:
            pool.shutdown(cancel_futures=True)


def _look_up(owners: Owners, lines: Sequence[Line], options: Options) -> dict[int, _Known | Rejected]:
    """What OMERO has of each line, by its number, with few queries for all."""
    filesets, known = Filesets(owners.session), dict[int, _Known | Rejected]()
    ids: dict[int, int] = {}
    for line in lines:
        try:
            ids[line.number] = fileset_id(filesets, line.fileset)
        except Refused as error:
            known[line.number] = Rejected(line, error)
    found = one.holders(filesets, sorted(set(ids.values())))
    notes = filesets.notes_many(sorted({fileset.id for fileset in found.values()}), NS_RECORD)
    pixels: Mapping[int, PixelsFile] = {}
    if options.binding == zarr_reader.NAME and owners.database is not None:
        pixels = swap.pixels_files(owners.database, [i.id for fileset in found.values() for i in fileset.images])
    for line in lines:
        named = ids.get(line.number)
        if named is not None and named in found:
            fileset = found[named]
            try:
                known[line.number] = _Known(named, fileset, _written(fileset.id, notes[fileset.id]), pixels)
            except Refused as error:
                known[line.number] = Rejected(line, error)
        elif named is not None:
            absent = Refused("it does not exist or you may not see it", f"Fileset:{named}", "check the id and the user")
            known[line.number] = Rejected(line, absent)
    return known


def _written(fileset: int, notes: Sequence[tuple[int, str]]) -> list[Written]:
    return [Written(fileset, annotation, from_json(text, f"Fileset:{fileset}")) for annotation, text in notes]


def _plan(owners: Owners, line: Line, known: _Known, options: Options) -> Job:
    began = time.perf_counter()
    means = owners.means(known.fileset.owner, f"Fileset:{known.fileset.id}")
    source = read_source(line.zarr, options.access)
    view = ServerView(options.paths, source.store.bucket)
    planned = one.plan_found(means, source, known.fileset, known.written, options.binding, view, known.pixels)
    record = one.new_record(planned.plan, owners.session.who.user_name, options.run)
    if planned.done is None and not options.dry_run:
        group = known.fileset.owner.group_id
        proof = replace(options.proof, jobs=1)  # the threads are busy with other lines
        check = proof.before(means.session, source.store, planned.pairs, group, lambda *_: None)
        record = replace(record, check=check)
    return Job(line, planned, source, record, time.perf_counter() - began)
