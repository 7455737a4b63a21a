"""Removing a fileset that a replacement or a rollback has emptied, through OMERO's own delete.

OMERO deletes what a fileset registers through links, and an image that is still in it (facts: omero_replacement d): so
everything is looked at first, and what cannot be looked at is a reason to refuse. What its records say is settled by
what no user can write: the images that it had are those that the log of events has in the transaction of the change,
and for no other image the server opens one of its files.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.applying.sweeping import remove_place
from omero_roz.errors import Problem, Refused, Unreachable
from omero_roz.fileset import Fileset
from omero_roz.matching import Pair
from omero_roz.places import Place
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.deletion import delete, would_delete
from omero_roz.ports.omero.events import images_changed
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.repository.disk import behind_links
from omero_roz.ports.zarr.stores import Access
from omero_roz.proving.evidence import seek
from omero_roz.proving.pixels import Progress
from omero_roz.proving.sampling import Sample
from omero_roz.proving.served import compare_served
from omero_roz.record import PROVEN
from omero_roz.replace import proof
from omero_roz.replace.owners import Owners
from omero_roz.settled import Settled, Written
from omero_roz.settling import holder, settle_one
from omero_roz.shown import counted
from omero_roz.zarrs import read_source

# What may go with a fileset: all else that OMERO's dry run lists is a reason to refuse.
ITS_OWN = (
    "Fileset", "FilesetEntry", "FilesetJobLink", "FilesetAnnotationLink", "OriginalFile", "JobOriginalFileLink", "Job",
    "UploadJob", "MetadataImportJob", "PixelDataJob", "ThumbnailGenerationJob", "IndexingJob", "ImportJob",
    "CommentAnnotation", "MapAnnotation", "ExternalInfo",
)  # fmt: skip
MOST_TOLD = 5
METADATA = (".zattrs", ".zgroup", ".zarray", "zarr.json")  # one of them is in every group and array


@dataclass(frozen=True, slots=True)
class Cleanup:
    """A fileset that can be removed: its files in the ManagedRepository with their bytes, and who has its images.

    `ends_rollback_of` is the fileset that it is the source of, None where the images are back in their source.
    """

    fileset: Fileset
    holder: Fileset
    files: tuple[str, ...]
    bytes: int
    ends_rollback_of: int | None


def examine(owners: Owners, fileset_id: int, access: Access, progress: Progress) -> Cleanup:
    """Look whether a fileset can be removed without harm. Nothing is changed.

    Raises Refused with all that forbids it, the gravest first, or what cannot be known.
    """
    settled = settle_one(owners.session, fileset_id)
    if owners.repository is None:
        what = "whether links lead out of its files cannot be seen, and OMERO would delete through them"
        raise Refused(what, settled.where, "give --managed-repository DIR")
    now, undone = holder(owners.session, fileset_id), settled.is_rolled_back
    follower = None if undone else settled.follower
    files, problems = _looked_at(owners, settled.fileset, () if undone else _ids(now.fileset))
    if now.fileset.id == fileset_id or not now.fileset.images:
        what = "no record says that its images went elsewhere"
        problems.append(Problem(settled.where, what, "only what omero-roz emptied is removed"))
    elif follower is not None and not problems:
        problems = [*_older(owners, settled), *_unproven(owners, settled, now, access, progress)]
    if problems:
        raise Refused.of(problems)
    size = sum(path.stat().st_size for path in files if path.is_file())
    source_of = follower.fileset if follower is not None else None
    return Cleanup(settled.fileset, now.fileset, tuple(map(str, files)), size, source_of)


def remove(owners: Owners, planned: Cleanup) -> Problem | None:
    """Remove a fileset that was examined, after looking once more that nothing else would go with it.

    What could then not be removed of the directories that are left is told.
    """
    fileset, undone = planned.fileset, planned.ends_rollback_of is None
    _, problems = _looked_at(owners, fileset, () if undone else _ids(planned.holder))
    if problems:
        raise Refused.of(problems)
    means = owners.means(fileset.owner, f"Fileset:{fileset.id}")
    delete(means.session, {"Fileset": [fileset.id]}, fileset.owner.group_id)
    place = Place.parse(fileset.prefix.said)
    try:
        if place is not None:
            remove_place(means, fileset.owner, place)
    except Refused as left:
        first = left.problems[0]
        return Problem(first.where, f"its directory is left: {first.what}", first.fix)
    return None


def _ids(fileset: Fileset) -> set[int]:
    return {image.id for image in fileset.images}


def _looked_at(owners: Owners, fileset: Fileset, proven: Collection[int]) -> tuple[list[Path], list[Problem]]:
    """The files that OMERO would delete with a fileset, and all that forbids it, the gravest first.

    `proven` are the images of which it is proven elsewhere that they need none of its files.
    """
    where, root = f"Fileset:{fileset.id}", owners.repository
    assert root is not None
    session, group = owners.means(fileset.owner, where).session, fileset.owner.group_id
    problems = [*_images_inside(owners, fileset), *_read_elsewhere(owners, fileset, proven)]
    try:
        gone = would_delete(session, {"Fileset": [fileset.id]}, group)
    except Unreachable:
        raise
    except Refused as error:
        gone = {}
        problems += error.problems
    files = Filesets(session).paths(gone.get("OriginalFile", []))
    problems += [*_links(where, root, files), *_read_there(owners, session, fileset)]
    problems += _more_than_it(session, fileset, gone) if gone else ()
    found = [root / path for path, _ in files]
    if found and not any(path.exists() for path in found):
        what, fix = f"{root} has none of its files", "give the ManagedRepository's directory, or check it"
        problems.append(Problem(where, what, fix))
    return found, problems


def _images_inside(owners: Owners, fileset: Fileset) -> Iterator[Problem]:
    where, session = f"Fileset:{fileset.id}", owners.session
    if owners.database is None and not session.who.is_admin:
        what = "only the database or an administrator can say that no image of any group is in it"
        yield Problem(where, what, "give --db, or log in as an administrator")
        return
    inside = {image.id for image in Filesets(session).get(fileset.id).images}
    if owners.database is not None:
        inside |= swap.images_inside(owners.database, fileset.id)
    if inside:
        what = f"{counted(len(inside), 'image is', 'images are')} in it ({_named(inside)})"
        yield Problem(where, what, "they would be deleted; replace it first")


def _read_elsewhere(owners: Owners, fileset: Fileset, proven: Collection[int]) -> Iterator[Problem]:
    """Other images, of anybody's and in whatever fileset, for which the server opens a file of this one."""
    read = swap.read_from(owners.database, fileset.id) if owners.database is not None else set()
    inside = {image.id for image in fileset.images}
    if others := read - inside - set(proven):
        count = counted(len(others), "image elsewhere is", "images elsewhere are")
        what = f"{count} read from its files ({_named(others)})"
        yield Problem(f"Fileset:{fileset.id}", what, "bring them back into it, and replace them with it")


def _older(owners: Owners, settled: Settled) -> Iterator[Problem]:
    """An older source that is still there: the record that leads on from it goes with this fileset."""
    in_force = [one.record for one in settled.records if one.record.kind == "replace" and one.record.in_force]
    sources = [record.source for record in in_force if record.source is not None]
    for source in sorted(Filesets(owners.session).get_many(sources)):
        what = f"it holds the record of Fileset:{source}, whose images it had"
        yield Problem(settled.where, what, f"remove the oldest first: omero roz cleanup Fileset:{source}")


def _unproven(owners: Owners, settled: Settled, now: Settled, access: Access, progress: Progress) -> Sequence[Problem]:
    """What tells that the images which the fileset had are not, all of them, read from the Zarr now."""
    written, source = now.undoes, settled.fileset.id
    record = written.record
    if record.kind != "replace" or record.state != PROVEN:
        what = f"the replacement of {settled.where} is not proven ({record.kind}, {record.state})"
        return [Problem(now.where, what, f"prove it with omero roz replace-fileset {settled.where} {record.uri}")]
    if problems := [*_not_its_images(owners, settled, now)]:
        return problems
    read, pairs = read_source(record.uri, access), _pairs(now.fileset, written, access)
    group, chance = now.fileset.owner.group_id, proof.Proof("sample").seed
    session = owners.means(now.fileset.owner, f"Fileset:{source}").session
    evidence = seek(read.store, pairs)
    if evidence.missing:
        fix = "look at its images, then delete the source in OMERO by hand"
        return [Problem(now.where, evidence.missing, fix)]
    every = Sample(chance, every_image=True)  # what is removed does not come back
    replaced = [(pairs, evidence, record)]
    with proof.bound(session, replaced, group) as [stood], plane_readers(session, group) as readers:
        unserved, seen = compare_served(readers, read.store, stood, pairs, every, progress, evidence=evidence)
    return [*(unserved or seen.problems)]


def _not_its_images(owners: Owners, settled: Settled, now: Settled) -> Iterator[Problem]:
    """What tells that the images of the holder are others than those that left the fileset.

    The record says which these were; the log of events has them in the transaction that made that record.
    """
    follower = settled.follower
    assert follower is not None
    images, moved = {image.id for image in now.fileset.images}, {image.id for image in follower.record.images}
    if images != moved:
        what = f"its images are not those that left {settled.where} ({_named(images ^ moved)})"
        yield Problem(now.where, what, "look with omero roz status")
        return
    known = images_changed(owners.session, follower.event, moved)
    if owners.database is not None:  # what the server opens for them still is its file, unless a shadow is
        known |= swap.read_from(owners.database, settled.fileset.id)
    if strange := moved - known:
        what = f"the log of events does not have them in the change that its record tells of ({_named(strange)})"
        yield Problem(now.where, what, "was the record copied or edited?")


def _pairs(holder: Fileset, written: Written, access: Access) -> list[Pair]:
    series = {one.path: one for one in read_source(written.record.uri, access).layout.series}
    images = {image.id: image for image in holder.images}
    wrong = [
        i.id
        for i in written.record.images
        if i.id not in images or i.path not in series or images[i.id].external_info != i.binding
    ]
    unknown = sorted(images.keys() - {i.id for i in written.record.images})
    if wrong or unknown:
        what = f"its images are not as its record says (Image:{(wrong + unknown)[0]})"
        raise Refused(what, f"Fileset:{holder.id}", "look with omero roz status")
    return [Pair(images[i.id], series[i.path]) for i in written.record.images]


def _more_than_it(session: OmeroSession, fileset: Fileset, gone: Mapping[str, list[int]]) -> Iterator[Problem]:
    """What else OMERO would delete. What others have written on the fileset stops nobody: it goes with its link."""
    where, fix = f"Fileset:{fileset.id}", "take that off it first"
    notes = {kind: ids for kind, ids in gone.items() if kind.endswith("Annotation") and kind not in ITS_OWN}
    others = {kind: ids for kind, ids in gone.items() if kind not in ITS_OWN and kind not in notes}
    if others or gone.get("Fileset") != [fileset.id]:
        named = ", ".join(f"{len(ids)} {kind}" for kind, ids in sorted(others.items())) or "another fileset"
        yield Problem(where, f"OMERO would delete more than the fileset: {named}", fix)
    theirs = Filesets(session).annotations_of(fileset.owner, [one for ids in notes.values() for one in ids])
    kept = {kind: len(theirs.intersection(ids)) for kind, ids in sorted(notes.items())}
    if any(kept.values()):
        named = ", ".join(f"{count} {kind}" for kind, count in kept.items() if count)
        yield Problem(where, f"its owner's annotations would go with it: {named}", fix)


def _read_there(owners: Owners, session: OmeroSession, fileset: Fileset) -> Iterator[Problem]:
    """Images that are read from a Zarr among the fileset's files: it was imported as it is.

    Anybody may write that of an image, so the Zarr has to be there.
    """
    directory = Filesets(session).directory(fileset.id)
    for image, lsid in containers.bound_inside(owners.session, directory) if directory else ():
        _, there, inside = f"{lsid}/".partition(f"/{directory}/")
        inside = os.path.normpath(inside)
        place = Path(owners.repository or "", directory, inside)
        if not there or inside.startswith(("..", "/")) or not any((place / name).exists() for name in METADATA):
            continue
        what = f"Image:{image} is read from {lsid}, which lies among its files"
        yield Problem(f"Fileset:{fileset.id}", what, "put a copy of that Zarr elsewhere and replace by it first")
        return  # one is enough, a plate has thousands


def _links(where: str, root: Path, files: list[tuple[str, bool]]) -> Iterator[Problem]:
    for path, _ in files:
        for link in behind_links(root, path):
            what = f"{path} is a link or lies behind one ({link}), and OMERO's delete follows links"
            yield Problem(where, what, "it may be an in-place import, or was linked to a Zarr: it stays")
            return  # one is enough, a plate has thousands


def _named(images: Iterable[int]) -> str:
    found = sorted(images)
    return ", ".join(f"Image:{image}" for image in found[:MOST_TOLD]) + (" …" if found[MOST_TOLD:] else "")
