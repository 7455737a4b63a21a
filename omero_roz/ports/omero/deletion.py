"""OMERO's own delete."""

from collections.abc import Mapping, Sequence
from typing import Any

import omero.callbacks
import omero.cmd

from omero_roz.errors import Refused
from omero_roz.ports.omero.session import OmeroSession, omero_errors


def delete(session: OmeroSession, targets: Mapping[str, Sequence[int]], group_id: int) -> None:
    """Delete objects, ids by kind, with all that belongs to them, in one transaction; Refused where OMERO does not."""
    _delete(session, targets, group_id, dry_run=False)


def would_delete(session: OmeroSession, targets: Mapping[str, Sequence[int]], group_id: int) -> dict[str, list[int]]:
    """What OMERO would delete with objects, ids by the names of the classes; nothing is deleted."""
    response = _delete(session, targets, group_id, dry_run=True)
    return {name.rpartition(".")[2]: list(ids) for name, ids in response.deletedObjects.items()}


def _delete(session: OmeroSession, targets: Mapping[str, Sequence[int]], group_id: int, dry_run: bool) -> Any:
    wanted = {kind: list(ids) for kind, ids in targets.items() if ids}
    if not wanted:
        return None
    where = ", ".join(f"{kind}:{','.join(map(str, ids[:5]))}{'…' if ids[5:] else ''}" for kind, ids in wanted.items())
    with omero_errors(f"deleting {where}"):
        handle = session.factory.submit(
            omero.cmd.Delete2(targetObjects=wanted, dryRun=dry_run), session.group_context(group_id)
        )
        callback = omero.callbacks.CmdCallbackI(session.client, handle)
        try:
            callback.loop(6000, 500)
            response = callback.getResponse()
        finally:
            callback.close(True)
    if isinstance(response, omero.cmd.ERR):
        message = response.parameters.get("message", response.name)
        raise Refused(f"OMERO did not delete it ({message})", where, "delete it by hand")
    return response
