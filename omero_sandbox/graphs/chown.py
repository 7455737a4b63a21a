"""The command Chown2: rows go to another owner with what belongs to them; annotations stay with who wrote them where
members may annotate."""

from collections.abc import Iterable
from typing import Any

import psycopg2

import omero
from omero_sandbox.commands import CommandError, GraphError, Handle, command
from omero_sandbox.context import Caller
from omero_sandbox.database import Transaction
from omero_sandbox.graphs.checking import check
from omero_sandbox.graphs.delete import Targets, erase, forget, in_all_groups, in_group_of, log_gone, named
from omero_sandbox.graphs.facts import GOES, MOVES
from omero_sandbox.graphs.options import Options
from omero_sandbox.graphs.planning import Plan
from omero_sandbox.graphs.targets import roots
from omero_sandbox.model.mapping import entity_of_table
from omero_sandbox.model.security import access
from omero_sandbox.sessions import Session
from omero_sandbox.state import State


@command(omero.cmd.Chown2)
def chown(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Give the targets, and all that `targetUsers` have, to a user; a dry run only tells.

    Raises CommandError `steps-cancel` for who rules no group, and GraphError as a deletion does.
    """
    with state.database.read() as cursor:
        _require_ruler(cursor, caller, request.targetUsers or ())
        targets = named(request) + _all_of(cursor, caller, request)
    if request.dryRun:
        with state.database.read() as cursor:
            plan = plan_gift(cursor, caller, targets, request)
            check(plan)
            return _response(plan)
    with state.database.write(in_group_of(state, caller, targets)) as tx:
        plan = plan_gift(tx.cursor, caller, targets, request)
        forgotten = check(plan)
        _require_rights(tx.cursor, plan, caller, request.userId)
        forget(tx, forgotten)
        response = _response(plan)
        _carry_out(tx, plan, request.userId)
    return response


def plan_gift(cursor: Any, caller: Caller, targets: Targets, request: Any, heads: Any = ()) -> Plan:
    """What goes along with the targets; `heads` as in Plan."""
    plan = Plan(cursor, access(cursor, in_all_groups(caller)), Options(request.childOptions), "giving", heads=heads)
    plan.add(targets)
    return plan


def _require_ruler(cursor: Any, caller: Caller, users: Iterable[int]) -> None:
    """Administrators give what is anybody's, owners of groups what is in these."""
    if caller.holds("Chown"):
        return
    if not caller.leader_of:
        raise _cancelled("not an owner of any group")
    for user in users:
        if not caller.leader_of & _groups_of(cursor, user):
            raise _cancelled(f"not an owner of any group of ome.model.meta.Experimenter[{user}]")


def _cancelled(message: str) -> CommandError:
    return CommandError("steps-cancel", f"ome.services.graphs.GraphException(message={message})")


def _groups_of(cursor: Any, user: int) -> set[int]:
    cursor.execute("SELECT parent FROM groupexperimentermap WHERE child = %s", (user,))
    return {row[0] for row in cursor.fetchall()}


def _all_of(cursor: Any, caller: Caller, request: Any) -> Targets:
    """What the users named have, of every class that can be given."""
    found: Targets = []
    for cls in roots(request) if request.targetUsers else ():
        here = "" if caller.holds("Chown") else " AND group_id = ANY(%s)"
        groups = [] if caller.holds("Chown") else [list(caller.leader_of)]
        sql = f"SELECT id FROM {cls.table} WHERE owner_id = ANY(%s){here}"
        cursor.execute(sql, (list(request.targetUsers), *groups))
        found.append((cls, [row[0] for row in cursor.fetchall()]))
    return [(cls, ids) for cls, ids in found if ids]


def _require_rights(cursor: Any, plan: Plan, caller: Caller, user: int) -> None:
    if caller.holds("Chown"):
        return
    groups = _groups_of(cursor, user)
    for row in sorted(plan.taken(MOVES)):
        described = plan.rows[row]
        if described.owner in (None, user):
            continue
        if described.group not in caller.leader_of:
            what = f"user {caller.user_id} is not an owner of group {described.group}"
        elif described.group not in groups:
            what = f"user {user} is not a member of group {described.group}"
        else:
            continue
        raise GraphError(f"cannot process {plan.rows.full(row)}: {what}")


def _response(plan: Plan) -> Any:
    return omero.cmd.Chown2Response(
        includedObjects=plan.rows.by_class(plan.taken(MOVES)), deletedObjects=plan.rows.by_class(plan.taken(GOES))
    )


def _carry_out(tx: Transaction, plan: Plan, user: int) -> None:
    """Events stay as they are: who wrote a row last is still known."""
    erase(tx, plan.tables(GOES))
    log_gone(tx, plan.rows.by_class(plan.taken(GOES)))
    try:
        for table, ids in plan.tables(MOVES).items():
            if "owner_id" in entity_of_table(table).columns:
                tx.cursor.execute(f"UPDATE {table} SET owner_id = %s WHERE id = ANY(%s)", (user, ids))
    except psycopg2.IntegrityError as error:  # no such user, or a link that is there already
        raise CommandError("graph-fail", "could not execute update query") from error
    for java, ids in plan.rows.by_class(plan.taken(MOVES)).items():
        tx.log("UPDATE", java, ids)
