"""Doing an import as planned; whatever goes wrong before its end is taken back."""

from dataclasses import dataclass, replace

from ome_graph import graph, read_ome
from ome_graph.xml import metadata_only

from omero_roz.errors import Refused
from omero_roz.layout.model import ZarrLayout
from omero_roz.layout.store import Store
from omero_roz.matching import Pair, match_fileset
from omero_roz.plan import ImportPlan, batches
from omero_roz.ports.filesets import Filesets, NewFileset
from omero_roz.ports.managed_repository import ManagedRepository
from omero_roz.ports.new_images import Enumerations, NewImages
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.record import ImageRecord, Record
from omero_roz.verify.pixels import Progress, compare, representatives, sample


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made: the fileset, its images by series, and the number of planes that were compared."""

    fileset: int
    images: tuple[int, ...]
    planes: int


def run_import(
    session: OmeroSession, plan: ImportPlan, layout: ZarrLayout, store: Store, record: Record, probe: bool, progress: Progress
) -> Imported:
    """Make the images, compare planes that OMERO shows with the Zarr's, close the record.

    Raises Refused or Unreachable; nothing of the import is then left in OMERO.
    """
    xml = layout.ome_xml
    if xml is None:
        raise Refused("it has no OME-XML", layout.uri, "convert again without --no-ome-meta-export")
    filesets = Filesets(session)
    file_id = ManagedRepository(session, plan.group_id).write(plan.file.directory, plan.file.name, metadata_only(xml))
    new = NewFileset(plan.file.directory, plan.file.client_path, file_id)
    fileset = filesets.create(new, record.note(), plan.group_id)
    images = NewImages(session, plan.group_id, fileset, plan.target)
    try:
        _save(session, plan, images, xml, progress)
        pairs = match_fileset(filesets.get(fileset), layout)
        planes = _probe(session, plan, pairs, store, progress) if probe else 0
        _close(filesets, fileset, plan, record, pairs, probe)
    except BaseException as error:
        progress("taking the import back", 0, 1)
        _take_back(images, fileset, error)
        raise
    return Imported(fileset, tuple(pair.image.id for pair in pairs), planes)


def _save(session: OmeroSession, plan: ImportPlan, images: NewImages, xml: bytes, progress: Progress) -> None:
    made = graph(read_ome(xml), [image.name for image in plan.images], Enumerations(session))
    images.save_shared(made.shared)
    done = 0
    for batch in batches(plan.images, plan.batch):
        progress("saving images", done, len(plan.images))
        images.save_images([made.images[image.series] for image in batch], batch)
        done += len(batch)
    progress("saving images", done, done)


def _probe(session: OmeroSession, plan: ImportPlan, pairs: tuple[Pair, ...], store: Store, progress: Progress) -> int:
    checked = compare(session, store, representatives(pairs), plan.group_id, sample, progress)
    if checked.problems:
        raise Refused.of(checked.problems)
    return checked.planes


def _close(filesets: Filesets, fileset: int, plan: ImportPlan, record: Record, pairs: tuple[Pair, ...], probe: bool) -> None:
    images = tuple(
        ImageRecord(pair.image.id, planned.path, 0, planned.series, None, planned.binding)
        for pair, planned in zip(pairs, plan.images, strict=True)
    )
    closed = replace(record, state="proven" if probe else "unproven", images=images)
    annotation, _ = filesets.notes(fileset, record.note().text_ns)[-1]
    filesets.rewrite(annotation, closed.to_json(), plan.group_id)


def _take_back(images: NewImages, fileset: int, error: BaseException) -> None:
    try:
        images.take_back()
    except Refused as left:
        raise Refused(f"{error}; and it could not be taken back ({left})", f"Fileset:{fileset}", "delete it by hand") from error
