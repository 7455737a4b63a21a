"""The command Chgrp2: rows move to another group with all that hangs together with them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import omero
from omero_sandbox.commands import CommandError, Handle, command
from omero_sandbox.context import Caller
from omero_sandbox.database import Transaction
from omero_sandbox.graphs.delete import erase, external_info, in_all_groups, in_group_of
from omero_sandbox.graphs.planning import Options, Plan, root_of
from omero_sandbox.graphs.rules import ANYBODYS, Edge, references, referring
from omero_sandbox.model.mapping import entity_of_table
from omero_sandbox.model.security import MEMBER, READ, SYSTEM_GROUP, USER_GROUP, access
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

Rows = Mapping[str, set[int]]


@command(omero.cmd.Chgrp2)
def chgrp(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Move the targets to another group; links to what stays behind are deleted. A dry run only tells.

    Raises CommandError `not-in-group` for a group that is not the caller's, `graph-fail` as a deletion does.
    """
    group = request.groupId
    if group not in caller.member_of and not caller.holds("Chgrp"):
        raise CommandError("not-in-group", "not a member of the chgrp destination group")
    targets = {name: list(ids) for name, ids in request.targetObjects.items() if ids}
    options = Options(tuple(request.childOptions or ()))
    if request.dryRun:
        with state.database.read() as cursor:
            return _response(_split(cursor, caller, group, targets, options))
    with state.database.write(in_group_of(state, caller, targets)) as tx:
        move = _split(tx.cursor, caller, group, targets, options)
        response = _response(move)
        _carry_out(tx, move)
    return response


@dataclass(frozen=True)
class Move:
    """Rows by table that go to the group, and links and settings that cannot go with them."""

    plan: Plan
    group: int
    moved: Rows
    cut: Rows


def _split(cursor: Any, caller: Caller, group: int, targets: dict[str, list[int]], options: Options) -> Move:
    rights = access(cursor, in_all_groups(caller))
    if group not in rights.groups:
        raise CommandError("bad-group", f"No such group: {group}")
    plan = Plan(cursor, rights, options, "move")
    plan.add(targets)
    cut: dict[str, set[int]] = defaultdict(set)
    for table in list(plan.rows):
        if table.endswith("link"):
            for edge in references().get(table, ()):
                cut[table] |= _left_behind(plan, edge, group)
        if not rights.granted(group, MEMBER, READ) and (table in ANYBODYS or table.endswith("link")):
            cut[table] |= _of_others(plan, table)
    _with_parts(plan, cut)
    _check_whole(plan, cut, group)
    return Move(plan, group, {table: ids - cut[table] for table, ids in plan.rows.items()}, cut)


def _left_behind(plan: Plan, edge: Edge, group: int) -> set[int]:
    """Rows of the plan that refer along an edge to a row which stays in its group."""
    target = entity_of_table(edge.target)
    ids = plan.rows.get(edge.table)
    if not ids or "group_id" not in target.columns:
        return set()
    plan.cursor.execute(
        f"SELECT r.{edge.key} FROM {edge.table} r JOIN {edge.target} t ON t.id = r.{edge.column}"
        f" WHERE r.{edge.key} = ANY(%s) AND NOT t.id = ANY(%s) AND NOT t.group_id = ANY(%s)",
        (list(ids), list(plan.rows.get(root_of(edge.target), ())), [group, SYSTEM_GROUP, USER_GROUP]),
    )
    return {row[0] for row in plan.cursor.fetchall()}


def _of_others(plan: Plan, table: str) -> set[int]:
    """In a private group nobody has settings for the data of others, or links to them."""
    found = plan.describe(table, plan.rows[table]) if plan.rows[table] else {}
    return {number for number, row in found.items() if row.owner != plan.rights.caller.user_id}


def _with_parts(plan: Plan, cut: dict[str, set[int]]) -> None:
    """What is part of a row that is cut is cut with it."""
    waiting = [table for table in cut if cut[table]]
    while waiting:
        table = waiting.pop()
        for edge in referring().get(table, ()):
            if edge.goes:
                plan.cursor.execute(
                    f"SELECT {edge.key} FROM {edge.table} WHERE {edge.column} = ANY(%s)", (list(cut[table]),)
                )
                root = root_of(edge.table)
                new = {row[0] for row in plan.cursor.fetchall()} - cut[root]
                if new:
                    cut[root] |= new
                    waiting.append(root)


def _check_whole(plan: Plan, cut: Rows, group: int) -> None:
    """Nothing but links may refer from the new group to the old one."""
    for table, ids in plan.rows.items():
        for edge in references().get(table, ()) if ids else ():
            stuck = _left_behind(plan, edge, group) - cut.get(table, set())
            if stuck:
                moved, stays = entity_of_table(table).name, entity_of_table(edge.target).name
                raise CommandError(
                    "graph-fail", f"may not move {moved}[{min(stuck)}] while {stays} remains in the old group"
                )


def _response(move: Move) -> Any:
    return omero.cmd.Chgrp2Response(
        includedObjects=move.plan.named(move.moved), deletedObjects=move.plan.named(move.cut)
    )


def _carry_out(tx: Transaction, move: Move) -> None:
    gone = move.plan.named(move.cut)
    moved = move.plan.named(move.moved)
    erase(tx, move.cut, gone)
    permissions = move.plan.rights.groups[move.group]
    owned = {
        table: list(ids) for table, ids in move.moved.items() if ids and "group_id" in entity_of_table(table).columns
    }
    for table, ids in owned.items():
        _forget(tx, table, ids, owned)
    for table, ids in {**owned, "externalinfo": external_info(tx, owned)}.items():
        tx.cursor.execute(
            f"UPDATE {table} SET group_id = %s, permissions = %s WHERE id = ANY(%s)", (move.group, permissions, ids)
        )
    for java, ids in moved.items():
        tx.log("UPDATE", java, ids)


def _forget(tx: Transaction, table: str, ids: list[int], owned: Mapping[str, list[int]]) -> None:
    """Rows that stay forget those that move."""
    for edge in referring().get(table, ()):
        if not edge.required and not edge.goes:
            tx.cursor.execute(
                f"UPDATE {edge.table} SET {edge.column} = NULL"
                f" WHERE {edge.column} = ANY(%s) AND NOT {edge.key} = ANY(%s)",
                (ids, owned.get(root_of(edge.table), [])),
            )
