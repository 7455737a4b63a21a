"""Replacing one fileset: finding what the user named, planning, doing, undoing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.applying.means import Means, database_of
from omero_roz.binding import zarr_reader
from omero_roz.binding.lsid import ServerView, server_root
from omero_roz.change import Reading
from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import Fileset, PixelsFile
from omero_roz.matching import Pair, match_fileset
from omero_roz.places import default_top
from omero_roz.ports.omero.events import deleted
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.session import OmeroSession, as_owner
from omero_roz.proving.pixels import Progress
from omero_roz.record import Record
from omero_roz.replace import steps
from omero_roz.replace.plan import ReplacePlan
from omero_roz.replace.planning import plan_replacement
from omero_roz.replace.proof import NONE, Proof
from omero_roz.replace.steps import Replaced
from omero_roz.settled import Settled, Written
from omero_roz.settling import holder, left_behind
from omero_roz.zarrs import Source


@dataclass(frozen=True, slots=True)
class Planned:
    """A replacement that is planned; `done` is the record of the same one, if it was made before."""

    plan: ReplacePlan
    pairs: tuple[Pair, ...]
    done: Written | None


@contextmanager
def means_for(session: OmeroSession, settled: Settled, database: str | None, repository: str | None) -> Iterator[Means]:
    """The means to change a fileset: its owner's session, the database at an address, the repository's directory.

    Raises UsageError, and Refused where the user may not change it.
    """
    if repository is not None and database is None:
        raise UsageError("files that are written there are registered by SQL", "--managed-repository", "give --db too")
    with (
        database_of(session, database) as opened,
        as_owner(session, settled.fileset.owner, settled.where) as owner,
    ):
        yield Means(owner, opened, Path(repository) if repository is not None else None)


def plan(
    means: Means, source: Source, settled: Settled, binding: str, view: ServerView, dry_run: bool = False
) -> Planned:
    """Plan the replacement of the fileset that has the images.

    Raises Refused, LayoutError or UsageError with all that forbids it.
    """
    found = settled.fileset
    pixels: Mapping[int, PixelsFile] = {}
    if binding == zarr_reader.NAME and means.database is not None:
        pixels = swap.pixels_files(means.database, [image.id for image in found.images])
    return plan_found(source, settled, binding, view, pixels, whose_place(means, found, dry_run))


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """The owner's own directory in the ManagedRepository; `on_disk`: this process writes there, past the API."""

    top: str
    on_disk: bool


def whose_place(means: Means, fileset: Fileset, dry_run: bool) -> OwnPlace:
    """Where the files of a replacement go; a dry run asks nobody."""
    top = default_top(fileset.owner) if dry_run else means.top(fileset.owner, fileset.prefix)
    return OwnPlace(top, means.repository is not None)


def plan_found(
    source: Source, settled: Settled, binding: str, view: ServerView, pixels: Mapping[int, PixelsFile], own: OwnPlace
) -> Planned:
    """Plan the replacement of a settled fileset; `pixels` says which files the server opens.

    Asks neither OMERO nor the database. Raises as `plan` does.
    """
    found, written = settled.fileset, settled.records
    if not found.images:
        raise Refused("it has no images, and no record says where they went", f"Fileset:{found.id}", "check the id")
    if binding == zarr_reader.NAME and not own.on_disk:
        what = "it writes into the ManagedRepository and changes which file the server opens"
        raise UsageError(what, f"--binding {binding}", "give --db and --managed-repository")
    fileset = _in_recorded_order(found, written)
    pairs = match_fileset(fileset, source.layout, source.mapping)
    root, now = server_root(source.layout.uri, view), datetime.now(UTC)
    made = plan_replacement(fileset, source.store, pairs, root, binding, pixels, own.on_disk, own.top, now)
    return Planned(made, pairs, next((one for one in reversed(written) if _is_done(made, one.record)), None))


def run(
    means: Means, planned: Planned, source: Source, user: str, probe: bool, progress: Progress, proof: Proof = NONE
) -> Replaced:
    """Replace as planned, or prove what was replaced before and is not proven yet; `user` is who does it."""
    made, done = planned.plan, planned.done
    record = new_record(made, user)
    if done is None:
        return steps.run_replacement(means, made, planned.pairs, source, record, probe, progress, proof)
    if done.record.state == "unproven" and probe:
        with plane_readers(means.session, made.owner.group_id) as readers:
            proven = steps.prove(means, done, made.owner, planned.pairs, source, record, progress, readers)
        return replace(proven, already=True)
    return Replaced(done.fileset, 0, already=True)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The source that has its images back; `already`: it had them before, and nothing was written."""

    source: int
    already: bool = False


def way_back(session: OmeroSession, settled: Settled) -> RolledBack | Written:
    """What a rollback undoes, or that it was done before; Refused where there is nothing, or no source any more."""
    fileset, records = settled.fileset, settled.records
    if not fileset.images and not any(one.record.in_force for one in records):
        now = holder(session, fileset.id).fileset
        if records and now.images:
            return RolledBack(now.id, already=True)
        if not records and now.id != fileset.id:
            what = f"it is the source, and its images are in Fileset:{now.id}"
            raise Refused(what, settled.where, f"omero roz rollback Fileset:{now.id}")
    if kept := left_behind(session, [settled]):
        raise Refused.of(kept.values())
    written = settled.undoes
    source = written.record.source
    if source is not None and (gone := deleted(session, source)):
        raise Refused(f"its source, Fileset:{source}, was removed {gone}", settled.where, "there is no way back")
    return written


def roll_back(means: Means, settled: Settled, user: str) -> RolledBack:
    """Bring back the source of a replaced fileset, unless that was done before."""
    written = way_back(means.session, settled)
    if isinstance(written, RolledBack):
        return written
    record = _record("rollback", "done", written.record.uri, written.record.binding, user, settled.fileset.id)
    return RolledBack(steps.roll_back(means, written, settled.fileset.owner, record))


def _in_recorded_order(fileset: Fileset, written: Sequence[Written]) -> Fileset:
    """The fileset with its images in the order of its last record: those in shadows all have the series 0."""
    if not written:
        return fileset
    order = {image.id: number for number, image in enumerate(written[-1].record.images)}
    if set(order) != {image.id for image in fileset.images}:
        return fileset
    return replace(fileset, images=tuple(sorted(fileset.images, key=lambda image: order[image.id])))


def _is_done(made: ReplacePlan, record: Record) -> bool:
    """Whether a record says that what is planned was done, and the images are still as it says."""
    if record.kind == "rollback" or (record.binding, record.uri) != (made.binding, made.uri):
        return False
    now = [(s.image.id, s.path, Reading(s.image.series, s.image.external_info, s.pixels_before)) for s in made.swaps]
    recorded = [(i.id, i.path, i.after) for i in record.images]
    return now == recorded and all(s.binding == s.image.external_info for s in made.swaps)


def new_record(made: ReplacePlan, user: str, run: str | None = None) -> Record:
    """The record of a replacement that is planned, without its images; `run` names the bulk run it belongs to."""
    return replace(_record("replace", "unproven", made.uri, made.binding, user, made.source), run=run)


def _record(kind: str, state: str, uri: str, binding: str, user: str, source: int | None) -> Record:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(kind, state, uri, binding, user, when, version("omero-roz"), source)
