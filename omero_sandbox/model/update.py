"""Changing rows that are there: only what differs is written, only by who may, only from the latest state."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from omero.model import EventI
from omero.rtypes import rint
from psycopg2.extras import execute_values

import omero
from omero_sandbox.database import Transaction
from omero_sandbox.model.checks import Checks, sent
from omero_sandbox.model.graph import Graph, walk
from omero_sandbox.model.mapping import (
    VERSIONED,
    Collection,
    Entity,
    NamedValues,
    Quantity,
    Reference,
    Scalar,
    entities,
    entity_of,
    schema,
)  # fmt: skip
from omero_sandbox.model.remove import remove
from omero_sandbox.model.rows import column_values, plan, same

Change = dict[tuple[str, str], Any]


class Update:
    """The part of a save that concerns rows with ids. `lock`, then `lists`, then (new rows being there) `run`."""

    def __init__(self, tx: Transaction, graph: Graph, checks: Checks, id_of: Callable[[Any], int]) -> None:
        self.tx = tx
        self.graph = graph
        self.checks = checks
        self.id_of = id_of
        self.stored: dict[int, Sequence[Any]] = {}

    def lock(self) -> None:
        """Read and lock the rows of the objects, in the order of their ids so that two saves never wait for each other.

        Raises omero.ValidationException, SecurityViolation, OptimisticLockException for a row that is gone, not the
        caller's to read, or changed since the client read it.
        """
        classes: dict[str, list[Any]] = defaultdict(list)
        for obj in self.graph.known:
            classes[entity_of(obj).name].append(obj)
        for name, objects in classes.items():
            made = plan(name)
            ids = [o._id._val for o in objects]
            self.tx.cursor.execute(
                f"{made.select} ORDER BY {made.entity.table}.id FOR UPDATE OF {made.entity.table}", (ids,)
            )
            rows = {row[0]: row for row in self.tx.cursor.fetchall()}
            for obj in objects:
                row = rows.get(obj._id._val)
                if row is None:
                    raise omero.ValidationException(message="object no longer exists in database")
                self.stored[id(obj)] = row
                if "owner_id" in made.details:
                    owner, group = row[made.details["owner_id"]], row[made.details["group_id"]]
                    self.checks.readable(made.entity, row[0], owner, group)

    def order(self, roots: Sequence[Any]) -> None:
        """Refuse a root that an earlier one has brought into the server's session already.

        Raises omero.ValidationException. A real server lets rows with ids below 128 pass, which Java has but one object
        for (facts/real_server.md, P4); here these are refused too, for a new database has no others.
        """
        last = max((place for place, root in enumerate(roots) if root._id is not None), default=0)
        fields = self._fields([r for r in roots if r._id is not None and entity_of(r).table == "wellsample"])
        here: set[tuple[str, int]] = set()
        for root in roots[: last + 1] if last else ():
            if root._id is not None and (entity_of(root).table, root._id._val) in here:
                raise omero.ValidationException(message="object no longer exists in database")
            graph = walk([root])
            here.update((entity_of(obj).table, obj._id._val) for obj in graph.known)
            here.update(graph.referred)
            here.update(("wellsample", field) for field, image in fields.items() if ("image", image) in here)

    def _fields(self, samples: Sequence[Any]) -> dict[int, int]:
        """The stored images of wells' fields, which a server has at hand as soon as it has their images."""
        if not samples:
            return {}
        asked = "SELECT id, image FROM wellsample WHERE id = ANY(%s) AND image IS NOT NULL"
        self.tx.cursor.execute(asked, ([s._id._val for s in samples],))
        return dict(self.tx.cursor.fetchall())

    def lists(self) -> None:
        """Bring the ordered collections that were sent loaded into the order sent; elements left out are deleted."""
        for parent, collection in self.graph.lists:
            child = entities()[collection.target]
            inverse: Any = child.properties[collection.inverse]
            self.tx.cursor.execute(
                f"SELECT id, {collection.index} FROM {child.table} WHERE {inverse.column} = %s", (parent._id._val,)
            )
            stored = dict(self.tx.cursor.fetchall())
            sent = [c for c in parent.__dict__[f"_{collection.name}Seq"] or () if c is not None]
            wanted = {c._id._val: n for n, c in enumerate(sent) if c._id is not None}
            left_out = [i for i in stored if i not in wanted]
            if left_out:
                remove(self.tx, self.checks, child, left_out)
            self._reorder(child, collection, inverse, parent, {i: n for i, n in wanted.items() if stored.get(i) != n})

    def _reorder(self, child: Entity, collection: Collection, inverse: Reference, parent: Any, moved: dict) -> None:
        # One statement a row: the table's trigger makes room for it under unique(parent, index).
        for id_, position in moved.items():
            self.tx.cursor.execute(
                f"UPDATE {child.table} SET {collection.index} = %s, {inverse.column} = %s WHERE id = %s",
                (position, parent._id._val, id_),
            )

    def run(self) -> None:
        """Write what differs."""
        changes: dict[tuple[str, tuple[str, ...]], list[tuple]] = defaultdict(list)
        logged: dict[str, list[int]] = defaultdict(list)
        left: dict[int, list[int]] = defaultdict(list)
        for obj in self.graph.known:
            cls = entity_of(obj)
            change = self._change(cls, obj) if obj.isMutable() else {}
            renamed = [p for p in cls.of(NamedValues) if self._rename(cls, p, obj)] if obj.isMutable() else []
            if not change and not renamed:
                continue
            self._allow(cls, obj)
            self._check(cls, obj, change, left)
            logged[cls.java].append(obj._id._val)
            for table, key in cls.tables:
                here = {c: v for (t, c), v in change.items() if t == table}
                if table == cls.table:
                    here.update(self._bookkeeping(cls, obj, bool(renamed)))
                if here:
                    changes[table, (key, *here)].append((obj._id._val, *here.values()))
        self.checks.files_of(left)
        for (table, columns), rows in changes.items():
            self._write(table, columns, rows)
        for java, ids in logged.items():
            self.tx.log("UPDATE", java, ids)

    def _change(self, cls: Entity, obj: Any) -> Change:
        """Columns whose value shall be another."""
        wanted: Change = {}
        for p in cls.properties.values():
            if isinstance(p, Reference):
                target = obj.__dict__.get(f"_{p.name}")
                wanted[p.table, p.column] = None if target is None else self.id_of(target)
            elif isinstance(p, Scalar):
                (wanted[p.table, p.column],) = column_values(p, obj)
            elif isinstance(p, Quantity):
                wanted[p.table, p.column], wanted[p.table, p.unit_column] = column_values(p, obj)
        if obj._details is not None and "external_id" in cls.columns:
            external = obj._details._externalInfo
            wanted[cls.table, "external_id"] = None if external is None else self.id_of(external)
        for name in ("owner", "group"):
            if f"{name}_id" in cls.columns and (id_ := sent(obj, name)) is not None:
                wanted[cls.table, f"{name}_id"] = id_
        parent, position = self.graph.place.get(id(obj), (None, None))
        if parent is not None and parent._id is None:
            for p in entity_of(parent).of(Collection):
                if p.index and p.target in (cls.name, *cls.parents):
                    wanted[cls.table, p.index] = position
        row, at = self.stored[id(obj)], plan(cls.name).at
        return {k: v for k, v in wanted.items() if k not in at or not same(row[at[k]], v)}

    def _rename(self, cls: Entity, p: NamedValues, obj: Any) -> bool:
        """Write a map anew if it differs."""
        pairs = obj.__dict__.get(f"_{p.name}")
        if pairs is None:
            return False
        id_ = obj._id._val
        self.tx.cursor.execute(f"SELECT name, value FROM {p.table} WHERE {p.owner_column} = %s ORDER BY index", (id_,))
        wanted = [(pair.name, pair.value) for pair in pairs]
        if self.tx.cursor.fetchall() == wanted:
            return False
        self._allow(cls, obj)
        self.tx.cursor.execute(f"DELETE FROM {p.table} WHERE {p.owner_column} = %s", (id_,))
        execute_values(
            self.tx.cursor, f"INSERT INTO {p.table} ({p.owner_column}, name, value, index) VALUES %s",
            [(id_, name, value, n) for n, (name, value) in enumerate(wanted)],
        )  # fmt: skip
        return True

    def _allow(self, cls: Entity, obj: Any) -> None:
        """Refuse a stale object, and one that is not the caller's to change."""
        row, at = self.stored[id(obj)], plan(cls.name).details
        seen = obj._details._updateEvent if obj._details is not None else None
        if "update_id" in at and seen is not None and seen._id is not None and seen._id._val != row[at["update_id"]]:
            raise omero.OptimisticLockException(
                message=f"You are not authorized to change the update event for {cls.java}:Id_{obj._id._val} from "
                f"ome.model.meta.Event:Id_{row[at['update_id']]} to ome.model.meta.Event:Id_{seen._id._val}\n"
                "You may need to reload the object before continuing."
            )
        owner, group = (row[at[c]] if c in at else None for c in ("owner_id", "group_id"))
        self.checks.writable(cls, obj._id._val, (owner, group))

    def _check(self, cls: Entity, obj: Any, change: Change, left: dict[int, list[int]]) -> None:
        """Check what a changed row refers to and belongs to; `left`: fileset left -> files of the new one."""
        row, at = self.stored[id(obj)], plan(cls.name).at
        for p in cls.of(Reference):
            target = obj.__dict__.get(f"_{p.name}")
            if target is None:
                continue
            known = target._id is not None and self.checks.owners.get((entity_of(target).table, target._id._val))
            if known:
                self.checks.link(cls, entity_of(target), target._id._val, *known)
            elif target._id is None and p.target == "Fileset" and row[at[p.table, p.column]] is not None:
                files = [e._originalFile for e in target._usedFilesSeq or () if e is not None and e._originalFile]
                left[row[at[p.table, p.column]]] = [f._id._val for f in files if f._id is not None]
        if "owner_id" in cls.columns:
            before = row[at[cls.table, "owner_id"]], row[at[cls.table, "group_id"]]
            after = change.get((cls.table, "owner_id"), before[0]), change.get((cls.table, "group_id"), before[1])
            self.checks.given(cls, obj._id._val, before, after)
        if (cls.table, "repo") in change:
            self.checks.repo(cls, obj._id._val)
        if cls.name == "OriginalFile" and {(cls.table, "path"), (cls.table, "name")} & change.keys():
            path, name = (change.get((cls.table, key), row[at[cls.table, key]]) for key in ("path", "name"))
            self.checks.renamed(path, name)

    def _bookkeeping(self, cls: Entity, obj: Any, renamed: bool) -> dict[str, Any]:
        """The columns that change with every update of a row; the object is told of them."""
        made: dict[str, Any] = {}
        if "update_id" in cls.columns:
            made["update_id"] = self.tx.event_id
            if obj._details is not None:
                obj._details._updateEvent = EventI(self.tx.event_id, False)
        if cls.table in VERSIONED or (renamed and "version" in cls.columns):
            made["version"] = (self.stored[id(obj)][plan(cls.name).at[cls.table, "version"]] or 0) + 1
            obj._version = rint(made["version"])
        return made

    def _write(self, table: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
        key, *names = columns
        assignments = ", ".join(f'"{c}" = new."{c}"' for c in names)
        listed = ", ".join(f'"{c}"' for c in columns)
        casts = ", ".join(f"%s::{column_types(table)[c]}" for c in columns)
        execute_values(
            self.tx.cursor,
            f"UPDATE {table} SET {assignments} FROM (VALUES %s) AS new ({listed}) WHERE {table}.{key} = new.{key}",
            rows, template=f"({casts})", page_size=1000,
        )  # fmt: skip


@cache
def column_types(table: str) -> dict[str, str]:
    """SQL types of a table's columns."""
    return {c["name"]: c["type"] for c in schema()["tables"][table]["columns"]}
