"""Replacing a fileset as planned, and bringing its source back."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.binding import zarr_reader
from omero_roz.change import Change, NewFile, NewFileset
from omero_roz.errors import Refused, Unreachable
from omero_roz.fileset import Owner
from omero_roz.layout.reading import read_layout
from omero_roz.matching import Pair
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.planes import PlaneReaders, plane_readers
from omero_roz.ports.omero.together import at_once
from omero_roz.ports.repository.disk import RepositoryDisk, check_source
from omero_roz.ports.repository.managed import ManagedRepository
from omero_roz.proving.evidence import seek
from omero_roz.proving.pixels import JOBS, Progress
from omero_roz.record import ROLLED_BACK, TAKEN_BACK, Record
from omero_roz.replace.plan import ReplacePlan, moves
from omero_roz.replace.proof import NONE, Proof, after, bound
from omero_roz.settled import Settled, Written, unchanged
from omero_roz.settling import settle_one
from omero_roz.zarrs import Source


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a replacement made: the new fileset, and the number of planes that were compared after it, of how many.

    `already`: it had been made before. `compared` says the same for people, `unproven` why it proves nothing.
    """

    fileset: int
    planes: int
    already: bool = False
    of_planes: int = 0
    compared: str = ""
    unproven: str = ""


def run_replacement(
    means: Means,
    plan: ReplacePlan,
    pairs: Sequence[Pair],
    source: Source,
    record: Record,
    probe: bool,
    progress: Progress,
    proof: Proof = NONE,
) -> Replaced:
    """Compare planes with the Zarr's, move the images to a new fileset in one transaction, compare again.

    Raises Refused: before the move nothing was changed; where planes differ after it the source was brought back.
    """
    with plane_readers(means.session, plan.owner.group_id) as readers:
        record = replace(record, check=proof.before(readers, source.store, pairs, progress))
        with prepared(means, plan, pairs, source, record) as change:
            progress("moving images", 0, len(plan.swaps))
            fileset = means.apply(change)
        if not probe:
            return Replaced(fileset, 0)
        looked: list[Any] = at_once(
            lambda: settle_one(means.session, fileset), lambda: readers.prepare(min(JOBS, len(pairs)))
        )
        written = made_by(plan, record, looked[0])
        return prove(means, written, plan.owner, pairs, source, record, progress, readers)


def made_by(plan: ReplacePlan, record: Record, settled: Settled) -> Written:
    """The record on a new fileset, which a plan and its own record have just made.

    Raises Refused where it is not what was written: its owner may write on it, and it is what a proof and a way back go
    by.
    """
    written = settled.undoes
    images = [replace(image, pixels=None) for image in written.record.images]
    if replace(written.record, images=()) != record or images != list(plan.images(None)):
        what = "the images are in it, but its record is not as it was just written"
        raise Refused(what, f"Fileset:{settled.fileset.id}", "look with omero roz status")
    return written


@contextmanager
def prepared(
    means: Means, plan: ReplacePlan, pairs: Sequence[Pair], source: Source, record: Record
) -> Iterator[Change]:
    """The change that a plan means, its files written; where it is refused they are removed.

    Where its outcome is not known they stay, and the next replacement of the same fileset removes them if need be.
    """
    _check_unchanged(source)
    if means.repository is None or means.database is None:
        repository, directory = ManagedRepository(means.session, plan.owner.group_id), plan.file.directory
        at_once(lambda: repository.clear(plan.file.place.parent), lambda: repository.make(directory))
        file_id = repository.write(directory, plan.file.name, _ome_xml(source), there=True)
        try:
            yield _change(plan, NewFileset(directory, plan.file.client_path, file_id), (), None, record)
        except Unreachable:
            raise
        except Refused:
            repository.clear(directory)
            raise
        return
    database, place = means.database, plan.file.place
    if plan.binding == zarr_reader.NAME and "://" not in plan.uri:
        check_source(Path(plan.uri if "://" in source.named else source.named), means.repository, source.store.follow)
    disk = means.disk(place.top, plan.owner)
    with disk.claimed(place, lambda places: swap.places_used(database, places)):
        try:
            files = _write_files(disk, plan, pairs, source)
            yield _change(plan, NewFileset(plan.file.directory), files, disk.uuid, record)
        except Unreachable:
            raise
        except Refused:
            disk.discard(place)
            raise


def prove(
    means: Means,
    written: Written,
    owner: Owner,
    pairs: Sequence[Pair],
    source: Source,
    record: Record,
    progress: Progress,
    readers: PlaneReaders,
) -> Replaced:
    """Compare planes of a replaced fileset with the Zarr's, and write into its record that they are equal.

    Raises Refused where they differ or cannot be compared; the source was then brought back. Where that could not be
    done either, and where the user stops it, the error says that it is replaced and not proven.
    """
    undone = replace(record, kind="rollback", state=TAKEN_BACK, source=written.fileset, check=None)
    try:
        session, group = means.session, owner.group_id
        evidence = seek(source.store, pairs)
        replaced = [(pairs, evidence, written.record)]
        with ThreadPoolExecutor() as beside:  # its end waits until the scratch images are deleted
            with bound(session, replaced, group, beside) as [stood]:
                proved = after(readers, source.store, pairs, written.record, evidence, stood, progress)
            beside.submit(readers.close)
            if proved.seen is None or proved.problems:
                raise Refused.of(proved.problems)
            text, still = proved.record.to_json(), unchanged([written])
            Filesets(means.session).rewrite(written.annotation, text, owner.group_id, still=still)
    except KeyboardInterrupt as stopped:
        raise _unproven(written, "it was stopped") from stopped
    except Refused as error:
        try:
            roll_back(means, written, owner, undone)
        except Refused as left:
            raise _unproven(written, f"{error}; and the source could not be brought back ({left})") from error
        raise
    seen = proved.seen
    return Replaced(written.fileset, seen.planes, False, seen.of_planes, seen.share, proved.missing)


def _unproven(written: Written, why: str) -> Refused:
    where = f"Fileset:{written.record.source} is replaced by Fileset:{written.fileset}, but not proven"
    fix = f"the same command proves it; omero roz rollback Fileset:{written.fileset} brings the source back"
    return Refused(why, where, fix)


def roll_back(means: Means, written: Written, owner: Owner, record: Record) -> int:
    """Give the images of a replaced fileset back to its source, with the bindings they had; the source's id.

    Raises Refused where anything that the record holds was changed since; nothing is then changed. What the record says
    is no more than a wish: OMERO, or the database (`applying/swap.py`), does only what it can see to be the owner's.
    """
    undone, where = written.record, f"Fileset:{written.fileset}"
    if undone.state == TAKEN_BACK:
        what = f"its replacement by {undone.uri} was taken back because it could not be proven"
        raise Refused(what, where, f"to try again: omero roz replace-fileset {where} {undone.uri}")
    if undone.source is None:
        raise Refused("it was imported, so it has no source to go back to", where, "delete it instead")
    if means.database is None and any(image.pixels is not None for image in undone.images):
        raise Refused("only SQL can change back which file the server opens", where, "give --db")
    images = tuple(image.undone() for image in undone.images)
    back = replace(record, images=images)
    superseded = (written.annotation, replace(undone, state=ROLLED_BACK).to_json())
    return means.apply(Change(written.fileset, undone.source, owner, moves(images), back.note(), superseded))


def _check_unchanged(source: Source) -> None:
    mapping = source.layout.mapping
    given = mapping if mapping.rule == "mapping file" else None
    if read_layout(source.store, given) != source.layout:
        raise Refused("the Zarr was changed since it was planned", source.layout.uri, "repeat the command")


def _write_files(disk: RepositoryDisk, plan: ReplacePlan, pairs: Sequence[Pair], source: Source) -> list[NewFile]:
    place = plan.file.place
    files = [disk.write(place, plan.file.name, _ome_xml(source))]
    if plan.binding == zarr_reader.NAME:
        shadows = zarr_reader.shadows(source.store, plan.root, [pair.series for pair in pairs])
        files += disk.write_trees(place, shadows)
    return files


def _ome_xml(source: Source) -> bytes:
    """The Zarr's OME-XML, without pixel data."""
    from ome_graph.xml import metadata_only
    from omero_roz.layout.union import ome_xml_of

    return metadata_only(ome_xml_of(source.layout))


def _change(plan: ReplacePlan, to: NewFileset, files: Sequence[NewFile], repo: str | None, record: Record) -> Change:
    images = plan.images(repo)
    return Change(plan.source, to, plan.owner, moves(images), replace(record, images=images).note(), None, files)
