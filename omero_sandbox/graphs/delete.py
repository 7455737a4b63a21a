"""The command Delete2."""

import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2

import omero
from omero_sandbox.commands import CommandError, Handle, command
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.database import Transaction
from omero_sandbox.graphs.planning import Options, Plan
from omero_sandbox.graphs.rules import parts, referring
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.save import table_order
from omero_sandbox.model.security import access
from omero_sandbox.repository import files
from omero_sandbox.repository.files import DIRECTORY, FileRow
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

log = logging.getLogger(__name__)


@command(omero.cmd.Delete2)
def delete(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Delete the targets with all that goes with them, then their files; a dry run only tells.

    Raises CommandError `graph-fail` (facts/omero_import_rows.md, Deleting), and leaves everything then.
    """
    targets = {name: list(ids) for name, ids in request.targetObjects.items() if ids}
    options = Options(tuple(request.childOptions or ()))
    if request.dryRun:
        with state.database.read() as cursor:
            plan = Plan(cursor, access(cursor, in_all_groups(caller)), options)
            plan.add(targets)
            return omero.cmd.Delete2Response(deletedObjects=plan.by_class())
    with state.database.write(in_group_of(state, caller, targets)) as tx:
        plan = Plan(tx.cursor, access(tx.cursor, in_all_groups(caller)), options)
        plan.add(targets)
        gone = plan.by_class()
        on_disk = [(row, files.on_disk(state, row)) for row in _files(tx.cursor, plan.rows["originalfile"])]
        own = [state.settings.data_dir / "Thumbnails" / str(number) for number in plan.rows["thumbnail"]]
        own += [state.settings.romio / str(number) for number in plan.rows["pixels"]]
        erase(tx, plan.rows, gone)
    for row, path in on_disk:
        remove_from_disk(path, row.mimetype == DIRECTORY)
    for path in own:
        remove_from_disk(path, False)
    return omero.cmd.Delete2Response(deletedObjects=gone)


def in_all_groups(caller: Caller) -> Caller:
    """The caller as commands on graphs see him: they find their targets in every group, whatever the session's is."""
    return replace(caller, group_id=ALL_GROUPS, group_name="")


def in_group_of(state: State, caller: Caller, targets: dict[str, list[int]]) -> Caller:
    """The caller in the group of the first target, where the event belongs."""
    with state.database.read() as cursor:
        for name, ids in targets.items():
            cls = entity(name)
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


def erase(tx: Transaction, found: Mapping[str, Collection[int]], gone: dict[str, list[int]]) -> None:
    """Delete rows, those first that refer to others; `gone` names them by class, and gets their ExternalInfos too."""
    rows = {table: list(ids) for table, ids in found.items() if ids}
    for table, ids in rows.items():
        for edge in referring().get(table, ()):
            if not edge.required:
                tx.cursor.execute(f"UPDATE {edge.table} SET {edge.column} = NULL WHERE {edge.column} = ANY(%s)", (ids,))
    info = external_info(tx, rows)
    order = table_order()
    for table in sorted(rows, key=lambda name: -order[name]):
        if table == "originalfile":
            _delete_files(tx, rows[table])
        else:
            _delete(tx, table, rows[table])
    if info:
        tx.cursor.execute("DELETE FROM externalinfo WHERE id = ANY(%s)", (info,))
        gone["ome.model.meta.ExternalInfo"] = info
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


def external_info(tx: Transaction, rows: Mapping[str, Collection[int]]) -> list[int]:
    """The ExternalInfos of rows; each belongs to one."""
    found = []
    for table, ids in rows.items():
        tx.cursor.execute(
            f"SELECT external_id FROM {table} WHERE id = ANY(%s) AND external_id IS NOT NULL", (list(ids),)
        )
        found += [row[0] for row in tx.cursor.fetchall()]
    return found


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
