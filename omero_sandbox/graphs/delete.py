"""The command Delete2."""

import logging
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2

import omero
from omero_sandbox.commands import CommandError, Handle, command
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.database import Transaction
from omero_sandbox.graphs.checking import check
from omero_sandbox.graphs.facts import GOES
from omero_sandbox.graphs.options import Options
from omero_sandbox.graphs.planning import Plan
from omero_sandbox.graphs.references import Edge, parts
from omero_sandbox.graphs.targets import target
from omero_sandbox.model.mapping import Entity
from omero_sandbox.model.save import table_order
from omero_sandbox.model.security import access
from omero_sandbox.repository import files
from omero_sandbox.repository.files import DIRECTORY, FileRow
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

log = logging.getLogger(__name__)
Targets = list[tuple[Entity, list[int]]]


@command(omero.cmd.Delete2)
def delete(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Delete the targets with all that goes with them, then their files; a dry run only tells.

    Raises CommandError `bad-target` and GraphError (facts/omero_import_rows.md, Deleting), and leaves everything then.
    """
    targets = named(request)
    options = Options(request.childOptions, request.typesToIgnore)
    if request.dryRun:
        with state.database.read() as cursor:
            plan = Plan(cursor, access(cursor, in_all_groups(caller)), options)
            plan.add(targets)
            check(plan)
            return omero.cmd.Delete2Response(deletedObjects=plan.rows.by_class(plan.taken(GOES)))
    with state.database.write(in_group_of(state, caller, targets)) as tx:
        plan = Plan(tx.cursor, access(tx.cursor, in_all_groups(caller)), options)
        plan.add(targets)
        forgotten = check(plan)
        rows = plan.tables(GOES)
        gone = plan.rows.by_class(plan.taken(GOES))
        on_disk = [(row, files.on_disk(state, row)) for row in _files(tx.cursor, rows.get("originalfile", ()))]
        own = [state.settings.data_dir / "Thumbnails" / str(number) for number in rows.get("thumbnail", ())]
        own += [state.settings.romio / str(number) for number in rows.get("pixels", ())]
        forget(tx, forgotten)
        erase(tx, rows)
        log_gone(tx, gone)
    for row, path in on_disk:
        remove_from_disk(path, row.mimetype == DIRECTORY)
    for path in own:
        remove_from_disk(path, False)
    return omero.cmd.Delete2Response(deletedObjects=gone)


def named(request: Any) -> Targets:
    """The targets of a request."""
    return [(target(request, name), list(ids)) for name, ids in (request.targetObjects or {}).items()]


def in_all_groups(caller: Caller) -> Caller:
    """The caller as commands on graphs see him: they find their targets in every group, whatever the session's is."""
    return replace(caller, group_id=ALL_GROUPS, group_name="")


def in_group_of(state: State, caller: Caller, targets: Targets) -> Caller:
    """The caller in the group of the first target, where the event belongs."""
    with state.database.read() as cursor:
        for cls, ids in targets:
            if "group_id" in cls.columns:
                cursor.execute(f"SELECT group_id FROM {cls.table} WHERE id = ANY(%s) LIMIT 1", (ids,))
                row = cursor.fetchone()
                if row:
                    return replace(caller, group_id=row[0])
    return caller


def _files(cursor: Any, ids: Collection[int]) -> list[FileRow]:
    """Rows of files, what is deepest first: a directory can only go when it is empty."""
    rows = [row for row in (files.by_id(cursor, number) for number in ids) if row is not None]
    return sorted(rows, key=lambda row: -len(row.path))


def forget(tx: Transaction, forgotten: Iterable[tuple[Edge, list[int]]]) -> None:
    """Have rows forget what they refer to."""
    for edge, ids in forgotten:
        tx.cursor.execute(f"UPDATE {edge.table} SET {edge.column} = NULL WHERE {edge.key} = ANY(%s)", (ids,))


def erase(tx: Transaction, rows: Mapping[str, Collection[int]]) -> None:
    """Delete rows, those first that refer to others.

    Raises CommandError `graph-fail` where something refers to them that the caller does not see.
    """
    order = table_order()
    try:
        for table in sorted(rows, key=lambda name: -order[name]):
            if table == "originalfile":
                _delete_files(tx, rows[table])
            else:
                _delete(tx, table, list(rows[table]))
    except psycopg2.IntegrityError as error:
        raise CommandError("graph-fail", "could not execute update query") from error


def log_gone(tx: Transaction, gone: Mapping[str, Sequence[int]]) -> None:
    """Write down what was deleted."""
    for java, ids in gone.items():
        tx.log("DELETE", java, ids)


def _delete(tx: Transaction, table: str, ids: Sequence[int]) -> None:
    for part, column in parts().get(table, ()):
        for below, key in parts().get(part, ()):
            tx.cursor.execute(f"DELETE FROM {below} WHERE {key} = ANY(%s)", (ids,))
        tx.cursor.execute(f"DELETE FROM {part} WHERE {column} = ANY(%s)", (ids,))
    tx.cursor.execute(f"DELETE FROM {table} WHERE id = ANY(%s)", (ids,))


def _delete_files(tx: Transaction, ids: Collection[int]) -> None:
    try:
        for row in _files(tx.cursor, ids):
            tx.cursor.execute("DELETE FROM originalfile WHERE id = %s", (row.id,))
    except psycopg2.errors.RaiseException as error:  # the trigger: rows are left below a directory
        raise CommandError("graph-fail", str(error).splitlines()[0]) from error


def remove_from_disk(path: Path, directory: bool) -> None:
    """Take a file off the disk, or a directory with everything in it, as a real server does: a directory that is a
    link is emptied where it leads to, and goes even where that cannot be done (facts/omero_replacement.md, a, e)."""
    try:
        if directory and path.is_symlink():
            for child in path.resolve().iterdir():
                remove_from_disk(child, child.is_dir() and not child.is_symlink())
            path.unlink()
        elif directory:
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        pass
    except OSError:
        log.warning("%s stays on the disk", path, exc_info=True)
