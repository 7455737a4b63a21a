"""The official scripts: files below lib/scripts, each with a row that says what the file was when last looked at."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from omero.rtypes import rlong, rstring

import omero
from omero_sandbox import model
from omero_sandbox.database import Transaction
from omero_sandbox.repository import checksums, files, paths
from omero_sandbox.repository.files import FileRow
from omero_sandbox.repository.roots import SCRIPTS
from omero_sandbox.state import Repository, State
from omero_sandbox.users import USER_GROUP, server_caller

MIMETYPE = "text/x-python"
SUFFIX = ".py"
LOOKUP_TABLE = "text/x-lut"
_SUFFIXES = {MIMETYPE: SUFFIX, LOOKUP_TABLE: ".lut"}
HASHER = "SHA1-160"
log = logging.getLogger(__name__)


def repository(state: State) -> Repository:
    """Where they are."""
    return state.repository(SCRIPTS)


def find(cursor: Any, path: str, mimetype: str | None = MIMETYPE) -> int | None:
    """The id of the script at a path such as /omero/util_scripts/Name.py; with mimetype None that of any file."""
    *above, name = _inside(path) or ("",)
    cursor.execute(
        "SELECT id FROM originalfile WHERE repo = %s AND path = %s AND name = %s"
        " AND (%s::text IS NULL OR mimetype = %s)",
        (SCRIPTS, _directory(tuple(above)), name, mimetype, mimetype),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def is_official(row: FileRow) -> bool:
    """Whether a file is one of the server's scripts: these, and no others, its own processor runs."""
    return row.repo == SCRIPTS and row.mimetype == MIMETYPE


def registered(state: State, mimetype: str = MIMETYPE) -> list[int]:
    """Ids of all scripts, or lookup tables, that are on the disk now.

    What is new or was changed by hand gets a new row, what is gone loses it.
    """
    root = repository(state).root
    found = []
    with state.database.write(replace(server_caller(), group_id=USER_GROUP), "Internal") as tx:
        for path in sorted(root.rglob(f"*{_SUFFIXES[mimetype]}")):
            if path.is_file() and path.stat().st_size and not path.name.startswith("."):
                number = _current(tx, state, path, mimetype)
                found += [] if number is None else [number]
        tx.cursor.execute(
            "SELECT id FROM originalfile WHERE repo = %s AND mimetype = %s AND id <> ALL(%s)",
            (SCRIPTS, mimetype, found),
        )
        for (number,) in tx.cursor.fetchall():
            _unregister(tx, state, number)
    return found


def _current(tx: Transaction, state: State, path: Path, wanted: str) -> int | None:
    """The id of a file's row, a new one if the file is not what the row says; None for one that was disabled."""
    inside = path.relative_to(repository(state).root)
    old = find(tx.cursor, str(inside), None)
    if old is None:
        return _register(tx, state, path, wanted)
    tx.cursor.execute("SELECT mimetype, hash FROM originalfile WHERE id = %s", (old,))
    mimetype, digest = tx.cursor.fetchone()
    if mimetype != wanted:
        return None
    if digest == checksums.of_file(path, HASHER):
        return old
    _unregister(tx, state, old)
    return _register(tx, state, path, wanted)


def add(state: State, path: str, text: str) -> int:
    """Write a new script and return its id; a file of that path that is no script is replaced.

    Raises omero.ApiUsageException for a script that is there already.
    """
    target = _target(state, path)
    with state.database.write(replace(server_caller(), group_id=USER_GROUP)) as tx:
        if find(tx.cursor, path) is not None:
            raise omero.ApiUsageException(
                message=f"Path already exists: {path}\nUse editScript to modify existing official scripts."
            )
        _write(target, text)
        other = find(tx.cursor, path, None)
        if other is not None:
            _unregister(tx, state, other)
        return _register(tx, state, target)


def edit(state: State, row: FileRow, text: str) -> None:
    """Replace the text of a script; its id stays."""
    target = files.on_disk(state, row)
    _write(target, text)
    with state.database.write(replace(server_caller(), group_id=USER_GROUP)) as tx:
        tx.cursor.execute(
            "UPDATE originalfile SET hash = %s, size = %s, mimetype = %s, update_id = %s, version = version + 1"
            " WHERE id = %s",
            (checksums.of_file(target, HASHER), target.stat().st_size, MIMETYPE, tx.event_id, row.id),
        )
        tx.log("UPDATE", "ome.model.core.OriginalFile", [row.id])


def _target(state: State, path: str) -> Path:
    inside = _inside(path)
    if not inside or not inside[-1].endswith(SUFFIX):
        raise omero.ValidationException(message=f"Not a script of this server ({SUFFIX}): {path}")
    return repository(state).root.joinpath(*inside)


def _inside(path: str) -> tuple[str, ...]:
    """The parts of a script's path; directories that lead above the root are left out (omero-server: RepoFile)."""
    directory, _, name = path.rpartition("/")
    try:
        return (*paths.inside(directory), *paths.inside(name))
    except omero.ValidationException:
        return paths.inside(name)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _register(tx: Transaction, state: State, path: Path, mimetype: str = MIMETYPE) -> int:
    inside = path.relative_to(repository(state).root).parts
    made = files.new_file(state, repository(state), inside, mimetype, HASHER)
    made.path = rstring(_directory(inside[:-1]))
    made.hash, made.size = rstring(checksums.of_file(path, HASHER)), rlong(path.stat().st_size)
    return int(model.save(tx, [made])[0].id.val)


def _unregister(tx: Transaction, state: State, number: int) -> None:
    tx.cursor.execute(
        "UPDATE originalfile SET repo = NULL, name = %s || name, update_id = %s WHERE id = %s",
        (state.node_uuid, tx.event_id, number),
    )
    log.info("script OriginalFile:%s is no longer in the repository", number)


def _directory(inside: tuple[str, ...]) -> str:
    """originalfile.path of a script, which begins with a slash, unlike those of the other repositories."""
    return "/".join(("", *inside, ""))
