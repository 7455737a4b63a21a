"""Commands about commands, sessions and the model."""

from typing import Any

import omero
from omero_sandbox.commands import CommandError, Handle, command, run
from omero_sandbox.context import Caller
from omero_sandbox.model.mapping import entities
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
    target = state.sessions.get(request.session)
    if target is None or (target.user_id != caller.user_id and not caller.is_admin):
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
    seen = [s for s in state.sessions.all() if caller.is_admin or s.user_id == caller.user_id]
    return omero.cmd.CurrentSessionsResponse(
        sessions=[s.as_object() for s in seen],
        contexts=[s.event_context(s.caller_as_is()) for s in seen],
        data=[{} for _ in seen],
    )


@command(omero.cmd.LegalGraphTargets)
def legal_graph_targets(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """The classes that a graph request may name: all that have owners."""
    found = [cls.java for cls in entities().values() if "owner_id" in cls.columns]
    return omero.cmd.LegalGraphTargetsResponse(targets=sorted(found))
