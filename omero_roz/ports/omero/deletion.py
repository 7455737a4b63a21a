"""OMERO's own delete."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import omero.callbacks
import omero.cmd
import omero.model as model

import omero
from omero_roz.errors import Refused
from omero_roz.ports.omero.session import OmeroSession, omero_errors

Targets = Mapping[str, Sequence[int]]
# What OMERO deletes with what has it: what is in a folder goes with it, a detector goes with the first settings of it.
HELD = (
    "AffineTransform", "Annotation", "Dataset", "Detector", "Experiment", "Fileset", "Folder", "Image",
    "ImagingEnvironment", "Instrument", "LightPath", "LightSource", "LogicalChannel", "Objective", "OriginalFile",
    "Plate", "Reagent", "Roi", "StageLabel", "StatsInfo",
)  # fmt: skip
LOOKS, LOOK_MS = 100, 30_000


def delete(session: OmeroSession, targets: Targets, group_id: int, alone: bool = False) -> None:
    """Delete objects, ids by kind, with all that belongs to them, in one transaction; Refused where OMERO does not.

    `alone`: what they have but others may have too (HELD) stays.
    """
    _delete(session, targets, group_id, alone, dry_run=False)


def would_delete(session: OmeroSession, targets: Targets, group_id: int, alone: bool = False) -> dict[str, list[int]]:
    """What OMERO would delete with objects, ids by the names of the classes; nothing is deleted."""
    response = _delete(session, targets, group_id, alone, dry_run=True)
    return {name.rpartition(".")[2]: list(ids) for name, ids in response.deletedObjects.items()} if response else {}


def delete_rows(session: OmeroSession, rows: Iterable[Any], group_id: int) -> None:
    """Delete single rows of kinds that OMERO's delete takes only with others; Refused where something refers to one."""
    for row in rows:
        where = f"{type(row).__name__.removesuffix('I')}:{row.id.val}"
        with omero_errors(f"deleting {where}"):
            session.update.deleteObject(row, session.group_context(group_id))


def targets_of(session: OmeroSession, kinds: Iterable[str]) -> set[str]:
    """Those of some kinds that OMERO's delete takes by themselves; all others go only along with what has them."""
    with omero_errors("asking what can be deleted"):
        response = _response(session, omero.cmd.LegalGraphTargets(omero.cmd.Delete2()), session.who.group_id)
    legal = {name.rpartition(".")[2] for name in response.targets}
    return {kind for kind in kinds if not legal.isdisjoint(_lineage(kind))}


def _lineage(kind: str) -> set[str]:
    """Names of a class and of those above it, as the server has them."""
    above = {one.__name__ for one in getattr(model, kind).__mro__}
    return above | ({"IAnnotationLink"} if kind.endswith("AnnotationLink") else set())


def _delete(session: OmeroSession, targets: Targets, group_id: int, alone: bool, dry_run: bool) -> Any:
    wanted = {kind: list(ids) for kind, ids in targets.items() if ids}
    if not wanted:
        return None
    where = ", ".join(f"{kind}:{','.join(map(str, ids[:5]))}{'…' if ids[5:] else ''}" for kind, ids in wanted.items())
    options = [omero.cmd.graphs.ChildOption(excludeType=list(HELD))] if alone else []
    request = omero.cmd.Delete2(targetObjects=wanted, childOptions=options, dryRun=dry_run)
    with omero_errors(f"deleting {where}"):
        response = _response(session, request, group_id)
    if isinstance(response, omero.cmd.ERR):
        raise Refused(f"OMERO did not delete it ({reason(response)})", where, "delete it by hand")
    return response


def _response(session: OmeroSession, request: Any, group_id: int) -> Any:
    handle = session.factory.submit(request, session.group_context(group_id))
    callback = omero.callbacks.CmdCallbackI(session.client.getAdapter(), handle, session.callback_category)
    try:
        for _ in range(LOOKS):
            if callback.block(LOOK_MS):
                break
            callback.poll()  # nothing is under way while it waits, so a server that is gone would not be noticed
        else:
            raise omero.LockTimeout(None, None, f"not done after {LOOKS * LOOK_MS // 60_000} minutes")
        return callback.getResponse()
    finally:
        callback.close(True)


def reason(error: omero.cmd.ERR) -> str:
    """What an error of a command says: a GraphException has its text beside the parameters."""
    return getattr(error, "message", "") or (error.parameters or {}).get("message") or error.name
