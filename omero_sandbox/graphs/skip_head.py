"""The command SkipHead: another command, for what lies below its targets (`omero delete Dataset/Image:1`)."""

from typing import Any

import omero
from omero_sandbox.commands import Handle, command, run
from omero_sandbox.context import Caller
from omero_sandbox.graphs.chgrp import plan_move
from omero_sandbox.graphs.chown import plan_gift
from omero_sandbox.graphs.delete import in_all_groups
from omero_sandbox.graphs.facts import GOES, MOVES
from omero_sandbox.graphs.options import Options
from omero_sandbox.graphs.planning import Plan
from omero_sandbox.graphs.targets import target
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.security import access
from omero_sandbox.sessions import Session
from omero_sandbox.state import State


@command(omero.cmd.SkipHead)
def skip_head(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Do the inner request for the objects of the classes `startFrom` that it would take with the targets; its
    response is the answer.

    Raises GraphError for targets that are not there, and what the inner request raises.
    """
    inner = request.request
    start = [entity(name) for name in request.startFrom]
    heads = {name for cls in start for name in cls.concrete}
    targets = [(target(inner, name), list(ids)) for name, ids in request.targetObjects.items()]
    with state.database.read() as cursor:
        if isinstance(inner, omero.cmd.Chgrp2):
            plan, state_of_start = plan_move(cursor, caller, inner.groupId, targets, request, heads), MOVES
        elif isinstance(inner, omero.cmd.Chown2):
            plan, state_of_start = plan_gift(cursor, caller, targets, request, heads), MOVES
        else:
            options = Options(request.childOptions, inner.typesToIgnore)
            plan = Plan(cursor, access(cursor, in_all_groups(caller)), options, heads=heads)
            plan.add(targets)
            state_of_start = GOES
        taken = plan.rows.by_class(row for row in plan.taken(state_of_start) if plan.rows[row].name in heads)
    inner.targetObjects = taken
    inner.dryRun = inner.dryRun or request.dryRun
    return run(state, session, caller, inner, handle)
