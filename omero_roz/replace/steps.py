"""Replacing a fileset as planned, and bringing its source back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ome_graph.xml import metadata_only

from omero_roz.errors import Refused
from omero_roz.fileset import Owner
from omero_roz.layout.model import ZarrLayout
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.plan import ReplacePlan
from omero_roz.ports.filesets import Filesets, Move, NewFileset
from omero_roz.ports.managed_repository import ManagedRepository
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.record import NS_RECORD, ImageRecord, Record, from_json
from omero_roz.verify.pixels import Progress, compare, representatives, sample


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a replacement made: the new fileset, and the number of planes that were compared after it."""

    fileset: int
    planes: int


@dataclass(frozen=True, slots=True)
class Written:
    """A record that is in OMERO: the fileset that has it and the id of its annotation."""

    fileset: int
    annotation: int
    record: Record


def run_replacement(
    session: OmeroSession,
    plan: ReplacePlan,
    pairs: Sequence[Pair],
    store: Store,
    layout: ZarrLayout,
    record: Record,
    probe: bool,
    progress: Progress,
) -> Replaced:
    """Move the images to a new fileset in one transaction, then compare planes with the Zarr's.

    Raises Refused: before the move nothing was changed; where the planes differ the source was brought back.
    """
    filesets, group = Filesets(session), plan.owner.group_id
    xml = metadata_only(layout.ome_xml or b"")
    file_id = ManagedRepository(session, group).write(plan.file.directory, plan.file.name, xml)
    new = NewFileset(plan.file.directory, plan.file.client_path, file_id)
    images = tuple(
        ImageRecord(s.image.id, s.path, s.image.series, s.series, s.image.external_info, s.binding) for s in plan.swaps
    )
    record = replace(record, images=images)
    moves = [Move(i.id, plan.source, i.series, i.binding_before, i.binding) for i in images]
    progress("moving images", 0, len(moves))
    fileset = filesets.move(moves, new, record.note(), None, group)
    if not probe:
        return Replaced(fileset, 0)
    written = latest(filesets, fileset)
    checked = compare(session, store, representatives(pairs), group, sample, progress)
    if checked.problems:
        roll_back(session, written, plan.owner, replace(record, kind="rollback", source=fileset))
        raise Refused.of(checked.problems)
    filesets.rewrite(written.annotation, replace(record, state="proven").to_json(), group)
    return Replaced(fileset, checked.planes)


def roll_back(session: OmeroSession, written: Written, owner: Owner, record: Record) -> int:
    """Give the images of a replaced fileset back to its source, with the bindings they had; the source's id.

    Raises Refused where anything that the record holds was changed since; nothing is then changed.
    """
    undone = written.record
    if undone.source is None:
        raise Refused("it was imported, so it has no source to go back to", f"Fileset:{written.fileset}", "delete it instead")
    images = tuple(
        ImageRecord(i.id, i.path, i.series, i.series_before, i.binding, i.binding_before) for i in undone.images
    )
    moves = [Move(i.id, written.fileset, i.series, i.binding_before, i.binding) for i in images]
    back = replace(record, images=images, state="done")
    superseded = (written.annotation, replace(undone, state="rolled-back").to_json())
    return Filesets(session).move(moves, undone.source, back.note(), superseded, owner.group_id)


def latest(filesets: Filesets, fileset: int) -> Written:
    """The record in force on a fileset: the last one that was not rolled back.

    Raises Refused where there is none.
    """
    where = f"Fileset:{fileset}"
    for annotation, text in reversed(filesets.notes(fileset, NS_RECORD)):
        record = from_json(text, where)
        if record.state != "rolled-back":
            return Written(fileset, annotation, record)
    raise Refused("omero-roz has no record on it", where, "give the id of the new Fileset that a replacement made")
