"""Replacing one fileset: finding what the user named, planning, doing, undoing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.binding import zarr_reader
from omero_roz.binding.lsid import ServerView, server_root
from omero_roz.change import Reading
from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import Fileset, PixelsFile
from omero_roz.matching import Pair, match_fileset
from omero_roz.ports.database import Database
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession, as_owner
from omero_roz.proving.pixels import Progress
from omero_roz.record import NS_RECORD, Record, from_json
from omero_roz.replace import steps
from omero_roz.replace.plan import ReplacePlan
from omero_roz.replace.planning import plan_replacement
from omero_roz.replace.proof import NONE, Proof
from omero_roz.replace.steps import Replaced, Written
from omero_roz.zarrs import Source


@dataclass(frozen=True, slots=True)
class Planned:
    """A replacement that is planned; `done` is the record of the same one, if it was made before."""

    plan: ReplacePlan
    pairs: tuple[Pair, ...]
    done: Written | None


@contextmanager
def means_for(session: OmeroSession, fileset_id: int, database: str | None, repository: str | None) -> Iterator[Means]:
    """The means to change a fileset: its owner's session, the database at an address, the repository's directory.

    Raises UsageError, and Refused where the user may not change it.
    """
    if repository is not None and database is None:
        raise UsageError("files that are written there are registered by SQL", "--managed-repository", "give --db too")
    opened = Database(database) if database is not None else None
    try:
        with as_owner(session, Filesets(session).get(fileset_id).owner, f"Fileset:{fileset_id}") as owner:
            yield Means(owner, opened, Path(repository) if repository is not None else None)
    finally:
        if opened is not None:
            opened.close()


def plan(means: Means, source: Source, fileset_id: int, binding: str, view: ServerView) -> Planned:
    """Plan the replacement of the fileset that has the images of the one named, which may have been replaced before.

    Raises Refused, LayoutError or UsageError with all that forbids it.
    """
    filesets = Filesets(means.session)
    found = holder(filesets, fileset_id)
    pixels: Mapping[int, PixelsFile] = {}
    if binding == zarr_reader.NAME and means.database is not None:
        pixels = swap.pixels_files(means.database, [image.id for image in found.images])
    on_disk = means.repository is not None
    return plan_found(source, found, steps.all_records(filesets, found.id), binding, view, pixels, on_disk)


def plan_found(
    source: Source,
    found: Fileset,
    written: Sequence[Written],
    binding: str,
    view: ServerView,
    pixels: Mapping[int, PixelsFile],
    on_disk: bool,
) -> Planned:
    """Plan the replacement of a fileset with its records, oldest first; `pixels` says which files the server opens.

    `on_disk`: the ManagedRepository's directory is at hand, and with it the database. Asks neither OMERO nor the
    database. Raises as `plan` does.
    """
    if not found.images:
        raise Refused("it has no images, and no record says where they went", f"Fileset:{found.id}", "check the id")
    if binding == zarr_reader.NAME and not on_disk:
        what = "it writes into the ManagedRepository and changes which file the server opens"
        raise UsageError(what, f"--binding {binding}", "give --db and --managed-repository")
    fileset = _in_recorded_order(found, written)
    pairs = match_fileset(fileset, source.layout, source.mapping)
    root = server_root(source.layout.uri, view)
    made = plan_replacement(fileset, source.store, pairs, root, binding, pixels, on_disk, datetime.now(UTC))
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
        proven = steps.prove(means, done, made.owner, planned.pairs, source, record, progress)
        return replace(proven, already=True)
    return Replaced(done.fileset, 0, already=True)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The source that has its images back; `already`: it had them before, and nothing was written."""

    source: int
    already: bool = False


def roll_back(means: Means, fileset_id: int, user: str) -> RolledBack:
    """Bring back the source of a replaced fileset, unless that was done before."""
    filesets = Filesets(means.session)
    fileset, records = filesets.get(fileset_id), [one.record for one in steps.all_records(filesets, fileset_id)]
    if records and not fileset.images and all(record.state == "rolled-back" for record in records):
        now = holder(filesets, fileset_id)
        if now.images:
            return RolledBack(now.id, already=True)
    if not records and not fileset.images and (now := holder(filesets, fileset_id)).id != fileset_id:
        what = f"it is the source, and its images are in Fileset:{now.id}"
        raise Refused(what, f"Fileset:{fileset_id}", f"omero roz rollback Fileset:{now.id}")
    written = steps.latest(filesets, fileset_id)
    undone = written.record
    record = _record("rollback", "done", undone.uri, undone.binding, user, fileset_id)
    return RolledBack(steps.roll_back(means, written, fileset.owner, record))


def holder(filesets: Filesets, fileset_id: int) -> Fileset:
    """The fileset that has the images which a fileset had: itself, or the one that replaced it, over several steps."""
    return holders(filesets, [fileset_id]).get(fileset_id) or filesets.get(fileset_id)


def holders(filesets: Filesets, ids: Sequence[int]) -> dict[int, Fileset]:
    """The holder of each fileset that there is, with few queries for all of them."""
    found = {named: (one, {named}) for named, one in filesets.get_many(ids).items()}
    while empty := {named: one for named, (one, _) in found.items() if not one.images}:
        following = followers(filesets, [one.id for one in empty.values()])
        wanted = {named: following[one.id] for named, one in empty.items() if one.id in following}
        more = filesets.get_many(sorted(set(wanted.values())))
        moved = {n: more[to] for n, to in wanted.items() if to in more and to not in found[n][1]}
        if not moved:
            break
        found |= {named: (one, found[named][1] | {one.id}) for named, one in moved.items()}
    return {named: one for named, (one, _) in found.items()}


def followers(filesets: Filesets, ids: Sequence[int]) -> dict[int, int]:
    """The fileset that got the images of each, as the newest record in force says that names that one as source."""
    following = {}
    notes = filesets.named_many(NS_RECORD, [f"Fileset:{number}" for number in ids])
    for number in ids:
        for fileset, _, text in reversed(notes.get(f"Fileset:{number}", [])):
            if from_json(text, f"Fileset:{fileset}").state != "rolled-back":
                following[number] = fileset
                break
    return following


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


def in_force(filesets: Filesets, ids: Sequence[int]) -> list[int]:
    """Those of the filesets that are a replacement which was not rolled back."""
    notes = filesets.notes_many(ids, NS_RECORD)
    records = ((number, from_json(text, f"Fileset:{number}")) for number in ids for _, text in notes[number])
    return list(dict.fromkeys(n for n, one in records if one.kind == "replace" and one.state != "rolled-back"))
