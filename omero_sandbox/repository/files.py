"""Rows of `originalfile` that stand for files and directories of a repository, and where these are on the disk."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from omero.model import ChecksumAlgorithmI, OriginalFileI
from omero.rtypes import rstring, rtime

import omero
from omero_sandbox import model
from omero_sandbox.context import Caller
from omero_sandbox.database import Transaction
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.rows import EPOCH, milliseconds
from omero_sandbox.model.security import Access, access
from omero_sandbox.repository import paths
from omero_sandbox.state import Repository, State
from omero_sandbox.users import ROOT, USER_GROUP

DIRECTORY = "Directory"
COLUMNS = "o.id, o.path, o.name, o.mimetype, o.size, o.repo, o.owner_id, o.group_id, h.value"
FROM = "FROM originalfile o LEFT JOIN checksumalgorithm h ON o.hasher = h.id"


@dataclass(frozen=True)
class FileRow:
    """One row of originalfile."""

    id: int
    path: str
    name: str
    mimetype: str | None
    size: int | None
    repo: str | None
    owner: int
    group: int
    hasher: str | None


def rights(cursor: Any, caller: Caller) -> Access:
    """What the caller may read, in the group of the call; directories are in group `user`, which all may read."""
    return access(cursor, caller)


def find(cursor: Any, repository: Repository, path_parts: Sequence[str]) -> FileRow | None:
    """The row of a file or directory, whoever owns it."""
    cursor.execute(
        f"SELECT {COLUMNS} {FROM} WHERE o.repo = %s AND o.path = %s AND o.name = %s",
        (repository.uuid, paths.directory(path_parts[:-1]), path_parts[-1] if path_parts else ""),
    )
    row = cursor.fetchone()
    return FileRow(*row) if row else None


def by_id(cursor: Any, file_id: int) -> FileRow | None:
    """The row with an id, whoever owns it."""
    cursor.execute(f"SELECT {COLUMNS} {FROM} WHERE o.id = %s", (file_id,))
    row = cursor.fetchone()
    return FileRow(*row) if row else None


def children(cursor: Any, caller: Caller, repository: Repository, path_parts: Sequence[str]) -> list[FileRow]:
    """The rows directly in a directory that the caller may read, by name."""
    condition = rights(cursor, caller).readable("o", entity("OriginalFile")) or "TRUE"
    cursor.execute(
        f"SELECT {COLUMNS} {FROM} WHERE o.repo = %s AND o.path = %s AND o.name <> '' AND {condition} ORDER BY o.name",
        (repository.uuid, paths.directory(path_parts)),
    )
    return [FileRow(*row) for row in cursor.fetchall()]


def on_disk(state: State, row: FileRow) -> Path:
    """Where the bytes of a file are: in its repository, or by its id under `Files` for one that has none."""
    if row.repo is None:
        return state.settings.data_dir / "Files" / str(row.id)
    return state.repository(row.repo).root / row.path.strip("/") / row.name


def make_directories(
    tx: Transaction, state: State, repository: Repository, path_parts: Sequence[str], of_root: int = 0
) -> None:
    """Add the rows of a directory and of those above it that have none yet; the first `of_root` of them are root's.

    They are in group `user` with the permissions of the caller's group, as a real server leaves them; registered
    ones come to that group too (facts/omero_replacement.md, a).
    """
    for depth in range(1, len(path_parts) + 1):
        part = path_parts[:depth]
        row = find(tx.cursor, repository, part)
        if row is not None:
            if row.group != USER_GROUP and row.owner == tx.caller.user_id:
                tx.cursor.execute("UPDATE originalfile SET group_id = %s WHERE id = %s", (USER_GROUP, row.id))
                tx.log("UPDATE", "ome.model.core.OriginalFile", [row.id])
            continue
        (number,) = tx.next_ids("originalfile", 1)
        owner = ROOT if depth <= of_root else tx.caller.user_id
        tx.cursor.execute(
            "INSERT INTO originalfile (id, permissions, path, name, repo, mimetype, ctime, version,"
            " owner_id, group_id, creation_id, update_id) SELECT %s, permissions, %s, %s, %s, %s, %s, 0, %s, %s, %s, %s"
            " FROM experimentergroup WHERE id = %s",
            (number, paths.directory(part[:-1]), state.node_uuid + part[-1], repository.uuid, DIRECTORY, now(),
             owner, USER_GROUP, tx.event_id, tx.event_id, tx.caller.group_id),
        )  # fmt: skip
        tx.log("INSERT", "ome.model.core.OriginalFile", [number])


def new_file(
    state: State, repository: Repository, path_parts: Sequence[str], mimetype: str | None, hasher: str | None = None
) -> OriginalFileI:
    """A file to be saved by model.save: its name has the node's key before it, which the database takes off."""
    made = OriginalFileI()
    made.path = rstring(paths.directory(path_parts[:-1]))
    made.name = rstring(state.node_uuid + path_parts[-1])
    made.repo = rstring(repository.uuid)
    made.mimetype = None if mimetype is None else rstring(mimetype)
    made.ctime = rtime(milliseconds(now()))
    if hasher is not None:
        made.hasher = ChecksumAlgorithmI()
        made.hasher.value = rstring(hasher)
    return made


def loaded(cursor: Any, caller: Caller, ids: Sequence[int]) -> list[OriginalFileI]:
    """Files as objects.

    Raises omero.SecurityViolation for one that the caller may not read.
    """
    return model.load(cursor, caller, "OriginalFile", ids)


def require_readable(cursor: Any, caller: Caller, row: FileRow) -> FileRow:
    """The row itself (facts/omero_replacement.md, a: files of a repository are looked at in the one group of the call).

    Raises omero.SecurityViolation when the caller may not read it there.
    """
    if not rights(cursor, caller).may_load(row.owner, row.group):
        raise unreadable(row)
    return row


def unreadable(row: FileRow) -> omero.SecurityViolation:
    """What the server says of a file that the caller may not read."""
    return omero.SecurityViolation(message=f"Cannot read ome.model.core.OriginalFile:Id_{row.id}")


def now() -> datetime:
    """The present moment as a timestamp column holds it (UTC)."""
    return EPOCH + timedelta(milliseconds=int(time.time() * 1000))
