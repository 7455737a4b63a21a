"""Moving images between filesets by SQL: any number of changes in one transaction, each done or left out as a whole.

The rules that replacing.md's traps taught: everything is locked in the order of ids, looked at again, and written by
one statement a table; ids come in blocks from ome_nextval, as the server takes them; one event is the transaction's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from omero_roz.applying.registered import Registered, not_registered, registered_files, whose, without_lost
from omero_roz.applying.rows import Rows, ids_needed
from omero_roz.change import Change, Found, Move, Reading, differences
from omero_roz.errors import Problem, Refused
from omero_roz.fileset import ExternalInfo, PixelsFile, Who
from omero_roz.places import Place
from omero_roz.ports.database import Database, Transaction, statements

SQL = statements("omero_roz.applying", "statements.sql")


@dataclass(frozen=True, slots=True)
class Locked:
    """A fileset that this transaction has locked: whose it is, and its permissions."""

    owner: int
    group: int
    permissions: int


def apply(database: Database, changes: Sequence[Change], caller: Who) -> list[int | Refused]:
    """Do all changes that can be done, in one transaction; for each the fileset with the images, or why it was refused.

    The caller must have been asked OMERO about before: an owner, or an administrator. Raises Unreachable and
    Refused as the database port does; nothing at all was then changed.
    """
    with database.transaction() as tx:
        filesets, registered = _lock(tx, changes), registered_files(tx, SQL, changes)
        changes = [without_lost(change, registered) for change in changes]
        refusals = _check(tx, changes, filesets, registered, caller)
        good = [change for change, refused in zip(changes, refusals, strict=True) if refused is None]
        good = _with_rows(tx, good)
        made = iter(_write(tx, good, filesets, caller) if good else ())
    return [next(made) if refused is None else refused for refused in refusals]


def apply_one(database: Database, change: Change, caller: Who) -> int:
    """Do one change; the fileset with the images. Raises Refused where it cannot be done."""
    [done] = apply(database, [change], caller)
    if isinstance(done, Refused):
        raise done
    return done


def pixels_files(database: Database, images: Sequence[int]) -> dict[int, PixelsFile]:
    """The file that the server opens for each image."""
    with database.transaction() as tx:
        return {image: PixelsFile(*rest) for image, *rest in tx.rows(SQL["pixels_files"], images=list(images))}


def places_used(database: Database, places: Collection[Place]) -> set[Place]:
    """Those of the places in the ManagedRepository in which a file of a fileset is registered, whosever it is.

    A template prefix that names one is no more than a claim.
    """
    found = {path: place for place in places for path in place.registered_in}
    with database.transaction() as tx:
        return {found[path] for [path] in tx.rows(SQL["paths_used"], paths=list(found))} if found else set()


def read_from(database: Database, fileset: int) -> set[int]:
    """The images, of all groups and filesets, for which the server opens a file that a fileset registers."""
    with database.transaction() as tx:
        return {image for [image] in tx.rows(SQL["read_from"], fileset=fileset)}


def images_inside(database: Database, fileset: int) -> set[int]:
    """The images in a fileset, of all groups."""
    with database.transaction() as tx:
        return {image for image, _ in tx.rows(SQL["images_inside"], filesets=[fileset])}


def lacking_rights(database: Database) -> list[str]:
    """What a change writes and the database's account may not: such as `UPDATE pixels`."""
    with database.transaction() as tx:
        return [right for [right] in tx.rows(SQL["lacking_rights"])]


def repository_uuid(database: Database, directory: str) -> str:
    """The uuid of the repository that has a registered directory; Refused where the database knows none."""
    parent, _, name = directory.strip("/").rpartition("/")
    with database.transaction() as tx:
        found = tx.rows(SQL["repository"], path=f"{parent}/", name=name)
    if len(found) != 1:
        raise Refused("this database does not have the directory that OMERO just made", directory, "check --db")
    return found[0][0]


def _lock(tx: Transaction, changes: Sequence[Change]) -> dict[int, Locked]:
    ids = {c.source for c in changes} | {c.to for c in changes if isinstance(c.to, int)}
    found = tx.rows(SQL["lock_filesets"], ids=sorted(ids))
    sources = sorted({c.source for c in changes})
    images = [m.image for c in changes for m in c.moves]
    tx.rows(SQL["lock_images"], filesets=sources, images=images)
    looked_at = [m.image for c in changes for m in c.moves if m.before.pixels is not None]
    if looked_at:
        tx.rows(SQL["lock_pixels"], images=looked_at)
    return {fileset: Locked(owner, group, permissions) for fileset, owner, group, permissions in found}


def _check(
    tx: Transaction, changes: Sequence[Change], filesets: Mapping[int, Locked], registered: Registered, caller: Who
) -> list[Refused | None]:
    wanted = [m.image for c in changes for m in c.moves]
    inside: dict[int, list[int]] = {c.source: [] for c in changes}
    for image, fileset in tx.rows(SQL["images_inside"], filesets=list(inside)):
        inside[fileset].append(image)
    found = {image: _found(*rest) for image, *rest in tx.rows(SQL["read_images"], ids=wanted)}
    refusals: list[Refused | None] = []
    for change in changes:
        problems = [
            *_not_theirs(change, filesets, caller), *differences(change, found, inside[change.source]),
            *_others_images(change, found), *not_registered(change, registered),
        ]  # fmt: skip
        refusals.append(Refused.of(problems) if problems else None)
    return refusals


def _found(
    owner: int, group: int, fileset: int, series: int, entity_type: str | None, entity_id: int, lsid: str | None,
    uuid: str | None, row: int | None, path: str | None, name: str | None, repo: str | None,
) -> Found:  # fmt: skip
    external = ExternalInfo(entity_type, entity_id, lsid, uuid, row) if entity_type is not None else None
    return Found(fileset, Reading(series, external, PixelsFile(path, name, repo)), (owner, group))


def _with_rows(tx: Transaction, changes: Sequence[Change]) -> list[Change]:
    """The changes, in which an ExternalInfo that shall come back is a row only if that is still there as it was.

    It is the owner's, says the same and no image has it. Else it will be a new row of the owner's, who could write any
    by the API: what it says then comes from a record, and is no more than that.
    """
    asked = [info.row for c in changes for m in c.moves if (info := m.after.external_info) and info.row is not None]
    if not asked:
        return list(changes)
    there = {}
    for row, owner, group, *values in tx.rows(SQL["lock_infos"], ids=asked):
        there[row] = ((owner, group), ExternalInfo(*values))
    return [replace(c, moves=[_with_row(m, whose(c), there) for m in c.moves]) for c in changes]


def _with_row(m: Move, owner: tuple[int, int], there: dict[int, tuple[tuple[int, int], ExternalInfo]]) -> Move:
    info = m.after.external_info
    if info is None or info.row is None or there.pop(info.row, None) == (owner, info):
        return m
    return replace(m, after=replace(m.after, external_info=replace(info, row=None)))


def _others_images(change: Change, found: Mapping[int, Found]) -> Iterator[Problem]:
    """What the owner of a fileset could not change through OMERO, and so its account in the database does not."""
    for m in change.moves:
        if m.image in found and found[m.image].whose != whose(change):
            what = "it belongs to another owner or group than its fileset"
            yield Problem(f"Image:{m.image}", what, "nothing was changed; give it to the fileset's owner first")


def _not_theirs(change: Change, filesets: Mapping[int, Locked], caller: Who) -> Iterator[Problem]:
    for fileset in [change.source, *([change.to] if isinstance(change.to, int) else [])]:
        where, locked = f"Fileset:{fileset}", filesets.get(fileset)
        if locked is None:
            yield Problem(where, "it was deleted meanwhile", "nothing was changed")
        elif (locked.owner, locked.group) != (change.owner.user_id, change.owner.group_id):
            what = "it was given to another owner or group meanwhile"
            yield Problem(where, what, "nothing was changed; repeat the command")
        elif locked.owner != caller.user_id and not caller.is_admin:
            yield Problem(where, "it is not yours", "log in as its owner or as an administrator")


def _write(tx: Transaction, changes: Sequence[Change], filesets: Mapping[int, Locked], caller: Who) -> list[int]:
    group = changes[0].owner.group_id
    [[event, _]] = tx.rows(SQL["open_event"], user=caller.user_id, group=group, session=caller.session_id)
    grown = [c.to for c in changes if c.files and isinstance(c.to, int)]
    last = dict(tx.rows(SQL["last_entries"], ids=grown)) if grown else {}
    ids = _ids(tx, ids_needed(changes))
    rows, made = Rows(), []
    for change in changes:
        locked = filesets[change.source]
        rights = (locked.owner, locked.group, locked.permissions)
        first = last.get(change.to, -1) + 1 if isinstance(change.to, int) else 0
        made.append(rows.add_change(change, rights, ids, first))
    for name, columns in rows.tables.items():
        tx.rows(SQL[name], event=event, **columns)
    log = rows.log
    ids = _ids(tx, {"eventlog": len(log["entity"])})
    tx.rows(SQL["insert_log"], event=event, id=list(ids["eventlog"]), **log)
    return made


def _ids(tx: Transaction, needed: Mapping[str, int]) -> dict[str, Iterator[int]]:
    """New ids by table: ome_nextval gives the last of a block, as the server takes them."""
    counts = {name: count for name, count in needed.items() if count}
    found = tx.rows(SQL["next_ids"], names=list(counts), counts=list(counts.values()))
    return {name: iter(range(last - counts[name] + 1, last + 1)) for name, last in found}
