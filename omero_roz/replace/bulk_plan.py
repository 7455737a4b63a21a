"""Planning many replacements: OMERO is asked for many at once, Zarrs are read and compared by several workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.binding import zarr_reader
from omero_roz.binding.lsid import ServerPath, ServerView
from omero_roz.errors import Refused, RozError
from omero_roz.fileset import Fileset, PixelsFile
from omero_roz.plan import batches
from omero_roz.ports.zarr.stores import Access
from omero_roz.record import Record
from omero_roz.replace import one
from omero_roz.replace.bulk_table import Line, fileset_id
from omero_roz.replace.one import OwnPlace, Planned
from omero_roz.replace.owners import Owners
from omero_roz.replace.proof import Proof
from omero_roz.replace.workers import Place, Workers, readers_at
from omero_roz.settled import Settled
from omero_roz.settling import holders
from omero_roz.zarrs import Source, read_source

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


def plan_all(owners: Owners, lines: Sequence[Line], options: Options, workers: Workers) -> Iterator[Job | Rejected]:
    """Plan each line, in their order; nothing is changed. A fileset that two lines name is refused at the second."""
    taken: dict[int, int] = {}
    for chunk in batches(lines, CHUNK):
        yield from _plan_chunk(owners, chunk, options, workers, taken)


@dataclass(frozen=True, slots=True)
class _Known:
    """What OMERO has of a line."""

    settled: Settled
    pixels: Mapping[int, PixelsFile]


@dataclass(frozen=True, slots=True)
class _Task:
    """A line with all that planning it takes; `user` is who runs it, `own` as `one.plan_found` has it."""

    line: Line
    known: _Known
    options: Options
    user: str
    own: OwnPlace


def _plan_chunk(
    owners: Owners, lines: Sequence[Line], options: Options, workers: Workers, taken: dict[int, int]
) -> Iterator[Job | Rejected]:
    known = _look_up(owners, lines, options)
    places, tasks = list[Place](), list[_Task]()
    for line in lines:
        found = known[line.number]
        if isinstance(found, Rejected):
            continue
        try:
            means = _means(owners, line, found.settled.fileset, taken)
            own = one.whose_place(means, found.settled.fileset, options.dry_run)
        except Refused as error:
            known[line.number] = Rejected(line, error)
            continue
        places.append(workers.place(means.session))
        tasks.append(_Task(line, found, options, owners.session.who.user_name, own))
    planned = iter(workers.pool.map(_plan, places, tasks))
    for line in lines:
        found = known[line.number]
        yield found if isinstance(found, Rejected) else next(planned)


def _means(owners: Owners, line: Line, fileset: Fileset, taken: dict[int, int]) -> Means:
    """The means to change a line's fileset; Refused where the user may not, or another line has the fileset."""
    first = taken.setdefault(fileset.id, line.number)
    if first != line.number:
        raise Refused(f"line {first} has the same fileset", line.fileset, "name it once")
    return owners.means(fileset.owner, f"Fileset:{fileset.id}")


def _look_up(owners: Owners, lines: Sequence[Line], options: Options) -> dict[int, _Known | Rejected]:
    """What OMERO has of each line, by its number, with few queries for all."""
    known = dict[int, _Known | Rejected]()
    ids: dict[int, int] = {}
    for line in lines:
        if line.wrong is not None:
            known[line.number] = Rejected(line, line.wrong)
            continue
        try:
            ids[line.number] = fileset_id(owners.session, line.fileset)
        except RozError as error:
            known[line.number] = Rejected(line, error)
    found = holders(owners.session, sorted(set(ids.values())))
    pixels: Mapping[int, PixelsFile] = {}
    if options.binding == zarr_reader.NAME and owners.database is not None:
        settled = [each.fileset for each in found.values() if isinstance(each, Settled)]
        pixels = swap.pixels_files(owners.database, [i.id for fileset in settled for i in fileset.images])
    for line in lines:
        if line.number in ids:
            known[line.number] = _known(line, ids[line.number], found.get(ids[line.number]), pixels)
    return known


def _known(
    line: Line, number: int, found: Settled | Refused | None, pixels: Mapping[int, PixelsFile]
) -> _Known | Rejected:
    if found is None:
        found = Refused("it does not exist or you may not see it", f"Fileset:{number}", "check the id and the user")
    if not isinstance(found, Settled):
        return Rejected(line, found)
    return _Known(found, {i.id: pixels[i.id] for i in found.fileset.images if i.id in pixels})


def _plan(place: Place, task: _Task) -> Job | Rejected:
    """Plan a line and compare planes, wherever it runs."""
    began = time.perf_counter()
    try:
        planned, source, record = _planned(place, task)
    except RozError as error:
        return Rejected(task.line, error)
    except Exception as error:  # whatever is odd with one line must not end the others'
        what = f"it could not be planned ({type(error).__name__}: {str(error)[:200]})"
        return Rejected(task.line, RozError(what, task.line.fileset, "look at its record and its Zarr"))
    return Job(task.line, planned, source, record, time.perf_counter() - began)


def _planned(place: Place, task: _Task) -> tuple[Planned, Source, Record]:
    known, options = task.known, task.options
    source = read_source(task.line.zarr, options.access)
    view = ServerView(options.paths, source.store.bucket)
    planned = one.plan_found(source, known.settled, options.binding, view, known.pixels, task.own)
    record = one.new_record(planned.plan, task.user, options.run)
    if planned.done is None and not options.dry_run:
        proof = replace(options.proof, jobs=1)  # the workers are busy with other lines
        with readers_at(place, known.settled.fileset.owner.group_id) as readers:
            check = proof.before(readers, source.store, planned.pairs, lambda *_: None)
        record = replace(record, check=check)
    return planned, source, record
