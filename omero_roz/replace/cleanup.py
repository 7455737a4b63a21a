"""Removing a fileset that a replacement or a rollback has emptied, through OMERO's own delete.

OMERO deletes what a fileset registers through links, and an image that is still in it (facts: omero_replacement d): so
everything is looked at first, and what cannot be looked at is a reason to refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.errors import Problem, Refused
from omero_roz.fileset import Fileset
from omero_roz.matching import Pair
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.deletion import delete, would_delete
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.repository.disk import SHADOWS, RepositoryDisk, behind_links
from omero_roz.ports.zarr.stores import Access
from omero_roz.proving.evidence import seek
from omero_roz.proving.pixels import Progress, compare
from omero_roz.proving.sampling import Sample
from omero_roz.proving.served import not_served
from omero_roz.replace import one, proof, steps
from omero_roz.replace.owners import Owners
from omero_roz.replace.steps import Written
from omero_roz.zarrs import read_source

# What may go with a fileset: all else that OMERO's dry run lists is a reason to refuse.
ITS_OWN = (
    "Fileset", "FilesetEntry", "FilesetJobLink", "FilesetAnnotationLink", "OriginalFile", "JobOriginalFileLink", "Job",
    "UploadJob", "MetadataImportJob", "PixelDataJob", "ThumbnailGenerationJob", "IndexingJob", "ImportJob",
    "CommentAnnotation", "MapAnnotation", "ExternalInfo",
)  # fmt: skip


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

    Raises Refused with what forbids it, or what cannot be known.
    """
    filesets = Filesets(owners.session)
    fileset, where = filesets.get(fileset_id), f"Fileset:{fileset_id}"
    _check_empty(owners, fileset)
    if owners.repository is None:
        what = "whether links lead out of its files cannot be seen, and OMERO would delete through them"
        raise Refused(what, where, "give --managed-repository DIR")
    holder = one.holder(filesets, fileset_id)
    if holder.id == fileset_id or not holder.images:
        raise Refused("no record says that its images went elsewhere", where, "only what omero-roz emptied is removed")
    rolled_back = _is_rolled_back(filesets, fileset_id)
    if not rolled_back:
        _check_first(filesets, fileset_id)
        _prove(owners, holder, fileset_id, access, progress)
    files = _check_delete(owners, fileset)
    _check_not_read(owners, fileset)
    size = sum(path.stat().st_size for path in files if path.is_file())
    source_of = None if rolled_back else one.followers(filesets, [fileset_id]).get(fileset_id)
    return Cleanup(fileset, holder, tuple(map(str, files)), size, source_of)


def remove(owners: Owners, planned: Cleanup) -> None:
    """Remove a fileset that was examined, after looking once more that nothing else would go with it."""
    fileset, where = planned.fileset, f"Fileset:{planned.fileset.id}"
    _check_empty(owners, fileset)
    _check_delete(owners, fileset)
    _check_not_read(owners, fileset)
    means = owners.means(fileset.owner, where)
    delete(means.session, {"Fileset": [fileset.id]}, fileset.owner.group_id)
    if f"/{SHADOWS}/" in fileset.template_prefix and owners.repository is not None:
        RepositoryDisk(owners.repository, "").remove(fileset.template_prefix)  # its links, which OMERO does not know


def _check_empty(owners: Owners, fileset: Fileset) -> None:
    where, session = f"Fileset:{fileset.id}", owners.session
    if owners.database is None and not session.who.is_admin:
        what = "only the database or an administrator can say that no image of any group is in it"
        raise Refused(what, where, "give --db, or log in as an administrator")
    inside = {image.id for image in Filesets(session).get(fileset.id).images}
    if owners.database is not None:
        inside |= swap.images_inside(owners.database, fileset.id)
    if inside:
        named = ", ".join(f"Image:{image}" for image in sorted(inside)[:5])
        raise Refused(f"{len(inside)} images are in it ({named})", where, "they would be deleted; replace it first")


def _is_rolled_back(filesets: Filesets, fileset_id: int) -> bool:
    """Whether the fileset is one that a replacement made and a rollback emptied: its images have their source back."""
    records = [written.record for written in steps.all_records(filesets, fileset_id)]
    return any(record.kind == "replace" for record in records) and all(r.state == "rolled-back" for r in records)


def _check_first(filesets: Filesets, fileset_id: int) -> None:
    """Raises Refused where an older source is still there: the record that leads on from it goes with this fileset."""
    records = [written.record for written in steps.all_records(filesets, fileset_id)]
    sources = [one.source for one in records if one.kind == "replace" and one.state != "rolled-back" and one.source]
    for source in sorted(filesets.get_many(sources)):
        what = f"it holds the record of Fileset:{source}, whose images it had"
        raise Refused(what, f"Fileset:{fileset_id}", f"remove the oldest first: omero roz cleanup Fileset:{source}")


def _prove(owners: Owners, holder: Fileset, source: int, access: Access, progress: Progress) -> None:
    """Raises Refused where the replacement is not proven, or its planes are not the Zarr's now."""
    filesets, where = Filesets(owners.session), f"Fileset:{holder.id}"
    written = steps.latest(filesets, holder.id)
    if written.record.kind != "replace" or written.record.state != "proven":
        told = f"{written.record.kind}, {written.record.state}"
        fix = f"prove it with omero roz replace-fileset Fileset:{source} {written.record.uri}"
        raise Refused(f"the replacement of Fileset:{source} is not proven ({told})", where, fix)
    read, pairs = read_source(written.record.uri, access), _pairs(holder, written, access)
    group, chance = holder.owner.group_id, proof.Proof("sample").seed
    session = owners.means(holder.owner, where).session
    evidence = seek(read.store, pairs)
    if evidence.missing:
        raise Refused(evidence.missing, where, "look at its images, then delete the source in OMERO by hand")
    with proof.bound(session, [(pairs, evidence, written.record)], group) as [stood]:
        problems: Sequence[Problem] = not_served(session, read.store, stood, group)
    if not problems:
        every = Sample(chance, every_image=True)  # what is removed does not come back
        problems = compare(session, read.store, pairs, group, every, progress, evidence=evidence).problems
    if problems:
        raise Refused.of(problems)


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


def _check_delete(owners: Owners, fileset: Fileset) -> list[Path]:
    """The files that OMERO would delete with the fileset; Refused where they are not its own alone."""
    where, root = f"Fileset:{fileset.id}", owners.repository
    assert root is not None
    session, group = owners.means(fileset.owner, where).session, fileset.owner.group_id
    gone = would_delete(session, {"Fileset": [fileset.id]}, group)
    others = {kind: ids for kind, ids in gone.items() if kind not in ITS_OWN}
    if others or gone.get("Fileset") != [fileset.id]:
        named = ", ".join(f"{len(ids)} {kind}" for kind, ids in sorted(others.items())) or "another fileset"
        raise Refused(f"OMERO would delete more than the fileset: {named}", where, "take that off it first")
    files = Filesets(session).paths(gone.get("OriginalFile", []))
    problems = [*_links(where, root, files)]
    if problems:
        raise Refused.of(problems)
    found = [root / path for path, _ in files]
    if found and not any(path.exists() for path in found):
        raise Refused(f"{root} has none of its files", where, "give the ManagedRepository's directory, or check it")
    return found


def _check_not_read(owners: Owners, fileset: Fileset) -> None:
    """Raises Refused where images are read from a Zarr among the fileset's files: it was imported as it is."""
    found = containers.bound_inside(owners.session, fileset.template_prefix) if fileset.template_prefix else []
    if found:
        image, lsid = found[0]
        what = f"Image:{image} is read from {lsid}, which lies among its files"
        raise Refused(what, f"Fileset:{fileset.id}", "put a copy of that Zarr elsewhere and replace by it first")


def _links(where: str, root: Path, files: list[tuple[str, bool]]) -> Iterator[Problem]:
    for path, _ in files:
        for link in behind_links(root, path):
            what = f"{path} is a link or lies behind one ({link}), and OMERO's delete follows links"
            yield Problem(where, what, "it may be an in-place import, or was linked to a Zarr: it stays")
            return  # one is enough, a plate has thousands
