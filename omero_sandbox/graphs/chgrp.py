"""The command Chgrp2: rows move to another group with all that hangs together with them."""

from typing import Any

import omero
from omero_sandbox.commands import CommandError, Handle, command
from omero_sandbox.context import Caller
from omero_sandbox.database import Transaction
from omero_sandbox.graphs.checking import check
from omero_sandbox.graphs.delete import (
    Targets,
    erase,
    forget,
    in_all_groups,
    in_group_of,
    log_gone,
    named,
)
from omero_sandbox.graphs.facts import GOES, MOVES
from omero_sandbox.graphs.options import Options
from omero_sandbox.graphs.planning import Plan
from omero_sandbox.model.mapping import entity_of_table
from omero_sandbox.model.security import MEMBER, READ, access
from omero_sandbox.sessions import Session
from omero_sandbox.state import State


@command(omero.cmd.Chgrp2)
def chgrp(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Move the targets to another group; links to what stays behind are deleted. A dry run only tells.

    Raises CommandError `not-in-group` for a group that is not the caller's, and what a deletion raises.
    """
    group = request.groupId
    if group not in caller.member_of and not caller.holds("Chgrp"):
        raise CommandError("not-in-group", "not a member of the chgrp destination group")
    targets = named(request)
    if request.dryRun:
        with state.database.read() as cursor:
            plan = plan_move(cursor, caller, group, targets, request)
            check(plan)
            return _response(plan)
    with state.database.write(in_group_of(state, caller, targets)) as tx:
        plan = plan_move(tx.cursor, caller, group, targets, request)
        forget(tx, check(plan))
        response = _response(plan)
        _carry_out(tx, plan, group)
    return response


def plan_move(cursor: Any, caller: Caller, group: int, targets: Targets, request: Any, heads: Any = ()) -> Plan:
    """What moves with the targets; `heads` as in Plan."""
    rights = access(cursor, in_all_groups(caller))
    if group not in rights.groups:
        raise CommandError("bad-group", f"No such group: {group}")
    private = not rights.granted(group, MEMBER, READ)
    options = Options(request.childOptions)
    plan = Plan(cursor, rights, options, "moving", private, heads)
    plan.add(targets)
    return plan


def _response(plan: Plan) -> Any:
    return omero.cmd.Chgrp2Response(
        includedObjects=plan.rows.by_class(plan.taken(MOVES)), deletedObjects=plan.rows.by_class(plan.taken(GOES))
    )


def _carry_out(tx: Transaction, plan: Plan, group: int) -> None:
    erase(tx, plan.tables(GOES))
    log_gone(tx, plan.rows.by_class(plan.taken(GOES)))
    permissions = plan.rights.groups[group]
    for table, ids in plan.tables(MOVES).items():
        if "group_id" in entity_of_table(table).columns:
            tx.cursor.execute(
                f"UPDATE {table} SET group_id = %s, permissions = %s WHERE id = ANY(%s)", (group, permissions, ids)
            )
    for java, ids in plan.rows.by_class(plan.taken(MOVES)).items():
        tx.log("UPDATE", java, ids)
