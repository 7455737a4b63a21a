"""The command SkipHead: another command, for what lies below its targets (`omero delete Dataset/Image:1`)."""

from typing import Any

import omero
from omero_sandbox.commands import Handle, command, run
from omero_sandbox.context import Caller
from omero_sandbox.graphs.delete import in_all_groups
from omero_sandbox.graphs.planning import Options, Plan
from omero_sandbox.graphs.reach import below
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.security import access
from omero_sandbox.sessions import Session
from omero_sandbox.state import State


@command(omero.cmd.SkipHead)
def skip_head(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Do the inner request for the objects of the classes `startFrom` below the targets; its response is the answer.

    Raises CommandError `graph-fail` for targets that are not there, and what the inner request raises.
    """
    start = [entity(name) for name in request.startFrom]
    with state.database.read() as cursor:
        plan = Plan(cursor, access(cursor, in_all_groups(caller)), Options())
        targets: dict[str, set[int]] = {}
        for name, ids in request.targetObjects.items():
            plan.require(entity(name), ids)
            targets.setdefault(entity(name).table, set()).update(ids)
        found = below(cursor, targets, {cls.table for cls in start})
        children: dict[str, list[int]] = {}
        for cls in start:
            described = plan.describe(cls.table, found[cls.table]) if found[cls.table] else {}
            children[cls.name] = sorted(i for i, (name, *_) in described.items() if name in cls.concrete)
    inner = request.request
    inner.targetObjects = children
    inner.dryRun = inner.dryRun or request.dryRun
    return run(state, session, caller, inner, handle)
