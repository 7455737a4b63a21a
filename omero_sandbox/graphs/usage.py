"""The command DiskUsage2: how much room the files of objects take."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import omero
from omero_sandbox.commands import CommandError, Handle, command
from omero_sandbox.context import Caller
from omero_sandbox.graphs.delete import in_all_groups
from omero_sandbox.graphs.facts import GOES
from omero_sandbox.graphs.options import Options
from omero_sandbox.graphs.planning import Plan
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.security import access
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

# Class named in the response -> table that refers to files, with the columns of its own row and of the file.
REFERERS = {
    "FilesetEntry": ("filesetentry", "id", "originalfile"),
    "Annotation": ("annotation", "id", "file"),
    "Job": ("joboriginalfilelink", "id", "child"),
    "Pixels": ("pixelsoriginalfilemap", "id", "parent"),
    "OriginalFile": ("originalfile", "id", "id"),
}
# What belongs to a user or a group, where one of these is the target.
OF_OWNERS = ("fileset", "annotation", "job", "pixels", "thumbnail")
OWNERS = {"Experimenter": "owner_id", "ExperimenterGroup": "group_id"}


@dataclass(frozen=True)
class File:
    """A file that counts: `key` is unique to it."""

    referer: str
    key: tuple[str, int]
    owner: int
    group: int
    size: int


@command(omero.cmd.DiskUsage2)
def disk_usage(state: State, session: Session, caller: Caller, request: Any, handle: Handle) -> Any:
    """Bytes and counts of files by owner and group, and by what refers to them; only what the caller may read.

    Raises CommandError `bad-class` for a class that has no files.
    """
    counts: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    sizes: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    seen: dict[tuple[str, int], File] = {}
    for file in _files(state, caller, request):
        whose = omero.api.LongPair(file.owner, file.group)
        counts[whose][file.referer] += 1
        sizes[whose][file.referer] += file.size
        seen[file.key] = file
    number: dict[Any, int] = defaultdict(int)
    total: dict[Any, int] = defaultdict(int)
    for file in seen.values():
        number[omero.api.LongPair(file.owner, file.group)] += 1
        total[omero.api.LongPair(file.owner, file.group)] += file.size
    return omero.cmd.DiskUsage2Response(
        fileCountByReferer={whose: dict(values) for whose, values in counts.items()},
        bytesUsedByReferer={whose: dict(values) for whose, values in sizes.items()},
        totalFileCount=dict(number), totalBytesUsed=dict(total),
    )  # fmt: skip


def _files(state: State, caller: Caller, request: Any) -> Iterator[File]:
    with state.database.read() as cursor:
        rights = access(cursor, in_all_groups(caller))
        plan = Plan(cursor, rights, Options(), "using")
        plan.start((table, number) for table, ids in _targets(cursor, request).items() for number in ids)
        found = plan.tables(GOES)
        for referer, (table, key, column) in REFERERS.items():
            readable = rights.readable("f", entity("OriginalFile")) or "TRUE"
            cursor.execute(
                f"SELECT DISTINCT f.id, f.owner_id, f.group_id, f.size FROM {table} r JOIN originalfile f"
                f" ON f.id = r.{column} WHERE r.{key} = ANY(%s) AND f.size > 0 AND {readable}",
                (found.get(table, []),),
            )
            for number, owner, group, size in cursor.fetchall():
                if referer != "OriginalFile" or number in request.targetObjects.get("OriginalFile", ()):
                    yield File(referer, ("file", number), owner, group, size)
        for referer, folder in (
            ("Thumbnail", state.settings.data_dir / "Thumbnails"),
            ("Pixels", state.settings.romio),
        ):
            readable = rights.readable("r", entity(referer)) or "TRUE"
            cursor.execute(
                f"SELECT r.id, r.owner_id, r.group_id FROM {referer} r WHERE r.id = ANY(%s) AND {readable}",
                (found.get(referer.lower(), []),),
            )
            for number, owner, group in cursor.fetchall():
                path = folder / str(number)
                if path.exists():
                    yield File(referer, (referer, number), owner, group, path.stat().st_size)


def _targets(cursor: Any, request: Any) -> dict[str, set[int]]:
    """Rows by table, of the targets and of the classes that stand for all their rows."""
    found: dict[str, set[int]] = defaultdict(set)
    wanted = {name.rpartition(".")[2]: list(ids) for name, ids in (request.targetObjects or {}).items()}
    for name in request.targetClasses or ():
        cursor.execute(f"SELECT id FROM {entity(name).table}")
        wanted.setdefault(name.rpartition(".")[2], []).extend(row[0] for row in cursor.fetchall())
    for name, ids in wanted.items():
        if name in OWNERS:
            for table in OF_OWNERS:
                cursor.execute(f"SELECT id FROM {table} WHERE {OWNERS[name]} = ANY(%s)", (ids,))
                found[table] |= {row[0] for row in cursor.fetchall()}
        elif "owner_id" in entity(name).columns:
            found[entity(name).table] |= set(ids)
        else:
            raise CommandError("bad-class", f"{name} has no files")
    return found
