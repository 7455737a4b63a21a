"""Commands about commands, sessions and the model."""

from dataclasses import replace
from typing import Any

import omero
from omero_sandbox import accounts, model
from omero_sandbox.commands import CommandError, Handle, command, run
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.repository import checksums, paths
from omero_sandbox.sessions import Session
from omero_sandbox.state import State


@command(omero.cmd.DoAll)
def do_all(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Several requests, one after the other; the first that fails is the answer."""
    handle.status.steps = len(request.requests)
    responses, statuses = [], []
    for number, part in enumerate(request.requests):
        handle.step(number)
        inner = Handle(state, session, part)
        responses.append(run(state, session, caller, part, inner))
        statuses.append(inner.status)
    return omero.cmd.DoAllRsp(responses=responses, status=statuses)


@command(omero.cmd.UpdateSessionTimeoutRequest)
def update_session_timeout(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Change how long a session may be idle or live; only an administrator may make it longer than it was."""
    try:
        target = state.sessions.get(request.session)
    except omero.SessionException:
        target = None
    if target is None or (target.user_id != caller.user_id and not caller.holds("ReadSession")):
        raise CommandError("bad-session", f"No such session: {request.session}")
    if request.timeToIdle is not None:
        target.time_to_idle = request.timeToIdle.val
    if request.timeToLive is not None:
        target.time_to_live = request.timeToLive.val
    with state.database.write(caller) as tx:
        tx.cursor.execute(
            "UPDATE session SET timetoidle = %s, timetolive = %s WHERE id = %s",
            (target.time_to_idle, target.time_to_live, target.id),
        )
    return omero.cmd.OK()


@command(omero.cmd.CurrentSessionsRequest)
def current_sessions(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Who is logged in; administrators see every session, others their own."""
    seen = [s for s in state.sessions.all() if caller.holds("ReadSession") or s.user_id == caller.user_id]
    return omero.cmd.CurrentSessionsResponse(
        sessions=[s.as_object() for s in seen],
        contexts=[s.event_context(s.caller_as_is()) for s in seen],
        data=[{} for _ in seen],
    )


@command(omero.cmd.Chmod2)
def chmod(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Change the permissions of groups, for what is in them too.

    Raises CommandError `bad-targets` for anything but groups, `not-permitted` for groups that are not the caller's.
    """
    groups = [number for ids in request.targetObjects.values() for number in ids]
    if {name.rpartition(".")[2] for name in request.targetObjects} != {"ExperimenterGroup"}:
        raise CommandError("bad-targets", "only groups have permissions of their own")
    if not (caller.holds("ModifyGroup") or caller.leader_of.issuperset(groups)):
        raise CommandError("not-permitted", "only owners of a group and administrators may change its permissions")
    if not request.dryRun:
        with state.database.write(caller) as tx:
            for number in groups:
                wanted = accounts.stored_permissions(omero.model.PermissionsI(request.permissions))
                accounts.change_permissions(tx, number, wanted)
        state.sessions.changed()
    return omero.cmd.Chmod2Response({"ome.model.meta.ExperimenterGroup": groups}, {})


@command(omero.grid.RawAccessRequest)
def raw_access(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """The command `checksum` of an administrator: arguments are the algorithm, the checksum and the file's path.

    Raises CommandError `checksum-mismatch`; `unknown-command` for any other command.
    """
    if not caller.is_admin:
        raise CommandError("not-permitted", "only administrators may access the repository's disk")
    if request.command != "checksum":
        raise CommandError("unknown-command", f"RawAccessRequest {request.command} is not in this sandbox")
    algorithm, expected, path = request.args
    found = checksums.of_file(state.repository(request.repoUuid).root.joinpath(*paths.parts(path)), algorithm)
    if found != expected:
        raise CommandError("checksum-mismatch", f"{path} has {algorithm} {found}, not {expected}")
    return omero.cmd.OK()


@command(omero.cmd.ManageImageBinaries)
def manage_image_binaries(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """What an image has besides the files of its fileset: nothing, as every image here was imported with a fileset."""
    fileset = _image(state, caller, request.imageId).fileset
    return omero.cmd.ManageImageBinariesResponse(filesetId=fileset and fileset.id, archivedFiles=[])


@command(omero.cmd.OriginalMetadataRequest)
def original_metadata(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """What a reader knows beyond the OME model: nothing, for the readers here have only OME-XML."""
    fileset = _image(state, caller, request.imageId).fileset
    return omero.cmd.OriginalMetadataResponse(filesetId=fileset and fileset.id, globalMetadata={}, seriesMetadata={})


def _image(state: State, caller: Caller, image_id: int) -> Any:
    with state.database.read() as cursor:
        found = model.load(cursor, replace(caller, group_id=ALL_GROUPS), "Image", [image_id])
    if not found:
        raise CommandError("no-image", f"No such image: {image_id}")
    return found[0]
