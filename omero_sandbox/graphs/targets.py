"""Which classes the commands on graphs take as targets: facts about OMERO.server 5.6 (LegalGraphTargets tells them)."""

from typing import Any

import omero
from omero_sandbox.commands import CommandError, Handle, command
from omero_sandbox.context import Caller
from omero_sandbox.model.mapping import Entity, entities, entity_of_table
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

DELETE = (
    "DetectorSettings", "FilterSetEmissionFilterLink", "FilterSetExcitationFilterLink", "ImagingEnvironment",
    "Instrument", "LightPathEmissionFilterLink", "LightPathExcitationFilterLink", "LightSettings", "Microscope",
    "ObjectiveSettings", "StageLabel", "TransmittanceRange", "Annotation", "IAnnotationLink", "Dataset",
    "DatasetImageLink", "Project", "ProjectDatasetLink", "Folder", "FolderImageLink", "FolderRoiLink", "Channel",
    "Image", "LogicalChannel", "OriginalFile", "PixelsOriginalFileMap", "ProjectionDef", "RenderingDef", "Thumbnail",
    "Experiment", "MicrobeamManipulation", "Fileset", "FilesetJobLink", "Link", "Job", "JobOriginalFileLink",
    "ExternalInfo", "GroupExperimenterMap", "Namespace", "ShareMember", "AffineTransform", "Roi", "Shape", "Plate",
    "PlateAcquisition", "Reagent", "Screen", "ScreenPlateLink", "Well", "WellReagentLink", "WellSample", "StatsInfo",
)  # fmt: skip
MOVE = (
    "Instrument", "Annotation", "Dataset", "Project", "Folder", "Image", "OriginalFile", "RenderingDef", "Thumbnail",
    "Experiment", "Fileset", "Link", "Job", "Roi", "Plate", "Screen",
)  # fmt: skip
GIVE = (
    "Instrument", "Annotation", "IAnnotationLink", "Dataset", "DatasetImageLink", "Project", "ProjectDatasetLink",
    "Folder", "FolderImageLink", "FolderRoiLink", "Image", "OriginalFile", "RenderingDef", "Thumbnail", "Experiment",
    "Fileset", "Link", "Job", "JobOriginalFileLink", "Roi", "Plate", "Reagent", "Screen", "ScreenPlateLink",
    "WellReagentLink",
)  # fmt: skip
LEGAL = {
    omero.cmd.Delete2.ice_staticId(): DELETE,
    omero.cmd.Chgrp2.ice_staticId(): MOVE,
    omero.cmd.Chown2.ice_staticId(): GIVE,
}
# Classes of the server that are none of the clients' model.
ELSEWHERE = {"IAnnotationLink": "ome.model.IAnnotationLink", "Link": "ome.model.internal.Link"}


def legal_names(request: Any) -> list[str]:
    """The Java names of the classes that a request may name."""
    return sorted(ELSEWHERE.get(name) or entities()[name].java for name in LEGAL[request.ice_id()])


def target(request: Any, name: str) -> Entity:
    """The class that a request names as its target.

    Raises CommandError `bad-target` for one that it may not, `graph-fail` for none of the model.
    """
    simple = name.rpartition(".")[2]
    cls = entities().get(simple)
    if cls is None:
        raise CommandError("graph-fail", "")
    if not _is_legal(request, cls):
        raise CommandError("bad-target", f"cannot target {simple}")
    return cls


def roots(request: Any) -> list[Entity]:
    """The classes with a table of their own that a request may name, and whose rows have owners."""
    tables = {cls.table for cls in entities().values() if "owner_id" in cls.columns and _is_legal(request, cls)}
    return [entity_of_table(table) for table in sorted(tables)]


def _is_legal(request: Any, cls: Entity) -> bool:
    lineage = {cls.name, *cls.parents} | ({"IAnnotationLink"} if cls.name.endswith("AnnotationLink") else set())
    return not lineage.isdisjoint(LEGAL[request.ice_id()])


@command(omero.cmd.LegalGraphTargets)
def legal_graph_targets(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """The classes that a graph request may name.

    Raises CommandError `graph-no-targets` for a request that has none.
    """
    if request.request is None or request.request.ice_id() not in LEGAL:
        raise CommandError("graph-no-targets", "no legal target classes defined for request class")
    return omero.cmd.LegalGraphTargetsResponse(targets=legal_names(request.request))
