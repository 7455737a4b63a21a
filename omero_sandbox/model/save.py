"""Saving whole graphs of objects as IUpdate does: one statement a table, all or nothing."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from omero.model import DetailsI, EventI, ExperimenterGroupI, ExperimenterI, IObject
from omero.rtypes import rint, rlong
from psycopg2.extras import execute_values

import omero
from omero_sandbox.database import Transaction
from omero_sandbox.model.checks import Checks
from omero_sandbox.model.graph import Graph, walk
from omero_sandbox.model.mapping import (
    VERSIONED,
    Entity,
    NamedValues,
    Quantity,
    Reference,
    Scalar,
    entities,
    entity_of,
    ordered_by,
    schema,
)  # fmt: skip
from omero_sandbox.model.rows import column_values
from omero_sandbox.model.security import access, require_group
from omero_sandbox.model.update import Update

# What the server puts where a client says nothing.
DEFAULTS = {("image", "series"): 0}


def save(tx: Transaction, objects: Sequence[IObject], trusted: bool = True) -> list[IObject]:
    """Merge whole graphs of objects: new ones are inserted, loaded ones with an id updated, unloaded ones referred to.

    An object that several others refer to is saved once; an enumeration without id that others refer to stands for the
    row of its value. Returns `objects` with ids and details set. `trusted` is for the server's own work: it may set
    OriginalFile.repo.
    Raises omero.ValidationException, OptimisticLockException, SecurityViolation and ApiUsageException
    (facts/omero_replacement.md, b and c); nothing is stored then, for the transaction is left by the exception.
    """
    require_group(tx.caller)
    graph = walk(objects)
    _Merge(tx, graph, trusted).run(objects)
    return list(objects)


class _Merge:
    def __init__(self, tx: Transaction, graph: Graph, trusted: bool) -> None:
        self.tx = tx
        self.graph = graph
        self.rights = access(tx.cursor, tx.caller)
        self.checks = Checks(tx.cursor, self.rights, trusted)
        self.ids: dict[int, int] = {}

    def run(self, roots: Sequence[IObject]) -> None:
        self._enumerations()
        self.checks.references(self.graph)
        update = Update(self.tx, self.graph, self.checks, self.id_of)
        update.lock()
        if not self.checks.trusted:
            update.order(roots)
        self._number()
        self.checks.new(self.graph.new, self.id_of)
        update.lists()
        self._insert()
        update.run()
        self._details()

    def _enumerations(self) -> None:
        """Give the enumerations that are known by their value the ids of their rows."""
        wanted: dict[str, list[Any]] = defaultdict(list)
        for obj in self.graph.by_value:
            wanted[entity_of(obj).table].append(obj)
        for table, objects in wanted.items():
            values = list({o._value._val for o in objects})
            self.tx.cursor.execute(f"SELECT value, id FROM {table} WHERE value = ANY(%s)", (values,))
            found = dict(self.tx.cursor.fetchall())
            for obj in objects:
                if obj._value._val not in found:
                    raise omero.ValidationException(message=f"{type(obj).__name__} has no value {obj._value._val}")
                obj._id = rlong(found[obj._value._val])

    def _number(self) -> None:
        """Take the ids of all new rows, in one block a table."""
        tables: dict[str, list[Any]] = defaultdict(list)
        for obj in self.graph.new:
            tables[entity_of(obj).table].append(obj)
        for table, objects in tables.items():
            for obj, id_ in zip(objects, self.tx.next_ids(table, len(objects)), strict=True):
                self.ids[id(obj)] = id_

    def _insert(self) -> None:
        statements: dict[tuple[str, tuple[str, ...]], list[tuple]] = defaultdict(list)
        logged: dict[str, list[int]] = defaultdict(list)
        for obj in self.graph.new:
            cls = entity_of(obj)
            logged[cls.java].append(self.ids[id(obj)])
            for key, values in self._rows(cls, obj):
                statements[key].append(values)
        for table, columns in sorted(statements, key=lambda key: table_order()[key[0]]):
            names = ", ".join(f'"{c}"' for c in columns)
            execute_values(
                self.tx.cursor, f"INSERT INTO {table} ({names}) VALUES %s",
                statements[table, columns], page_size=1000,
            )  # fmt: skip
        for java, ids in logged.items():
            self.tx.log("INSERT", java, ids)

    def _rows(self, cls: Entity, obj: Any) -> list[tuple[tuple[str, tuple[str, ...]], tuple]]:
        """The rows of one new object: (table, columns), values."""
        made = inserts(cls.name)
        id_ = self.ids[id(obj)]
        values: dict[str, list[Any]] = {}
        for table, _, properties in made.tables:
            row: list[Any] = [id_]
            for p in properties:
                row.extend(self._value(p, obj))
            values[table] = row
        root = values[cls.table]
        root.extend(self._common(cls, obj))
        rows = [((t, made.columns[t]), tuple(values[t])) for t, _, _ in made.tables]
        for named in cls.of(NamedValues):
            columns = (named.owner_column, "name", "value", "index")
            for n, pair in enumerate(obj.__dict__.get(f"_{named.name}") or ()):
                rows.append(((named.table, columns), (id_, pair.name, pair.value, n)))
        return rows

    def _value(self, p: Any, obj: Any) -> tuple[Any, ...]:
        if isinstance(p, Reference):
            value = obj.__dict__.get(f"_{p.name}")
            if value is None and id(obj) in self.graph.place:
                parent, _ = self.graph.place[id(obj)]
                if p.name in dict(ordered_by(entity_of(obj).name)):
                    value = parent
            found: tuple[Any, ...] = (None if value is None else self.id_of(value),)
        else:
            found = column_values(p, obj)
        if p.required and found[0] is None:
            default = DEFAULTS.get((p.table, p.column))
            if default is None:
                java = entity_of(obj).java
                raise omero.ValidationException(
                    message=f"not-null property references a null or transient value: {java}.{p.name}"
                )
            return (default,)
        return found

    def _common(self, cls: Entity, obj: Any) -> list[Any]:
        """Values of the columns that are no properties, in the order of `inserts`."""
        caller, event = self.tx.caller, self.tx.event_id
        owner, group = self.checks.belongs_to(cls, obj, self.ids[id(obj)])
        permissions = self.rights.groups[caller.group_id] if "owner_id" in cls.columns else SYSTEM_PERMISSIONS
        external = obj._details._externalInfo if obj._details is not None else None
        known = {
            "discriminator": cls.discriminator,
            "permissions": permissions,
            "owner_id": owner,
            "group_id": group,
            "creation_id": event,
            "update_id": event,
            "external_id": None if external is None else self.id_of(external),
            "version": 0 if cls.table in VERSIONED else None,
        }
        values = [known[c] for c in inserts(cls.name).common]
        parent, position = self.graph.place.get(id(obj), (None, None))
        for inverse, _ in ordered_by(cls.name):
            if position is None or obj.__dict__.get(f"_{inverse}") not in (parent, None):
                raise omero.ValidationException(
                    message=f"not-null property references a null or transient value: {cls.java}.{inverse}Index"
                )
            values.append(position)
        return values

    def id_of(self, obj: Any) -> int:
        """The id of an object, new or not."""
        found = self.ids.get(id(obj))
        return int(obj._id._val) if found is None else found

    def _details(self) -> None:
        """Tell the new objects who and what they are now."""
        caller, event = self.tx.caller, EventI(self.tx.event_id, False)
        permissions = self.rights.permissions(caller.user_id, caller.group_id, SYSTEM_PERMISSIONS)
        common = {"_creationEvent": event, "_updateEvent": event, "_permissions": permissions}
        owner, group = ExperimenterI(caller.user_id, False), ExperimenterGroupI(caller.group_id, False)
        for obj in self.graph.new:
            obj._id = rlong(self.ids[id(obj)])
            if obj._details is None:
                obj._details = DetailsI()
            details = obj._details.__dict__
            details.update(common)
            details["_owner"] = details["_owner"] or owner
            details["_group"] = details["_group"] or group
            if entity_of(obj).table in VERSIONED:
                obj._version = rint(0)


# The permissions of rows that belong to nobody, such as enumerations (initial_rows.json).
SYSTEM_PERMISSIONS = -52
_COMMON = ("discriminator", "permissions", "owner_id", "group_id", "creation_id", "update_id", "external_id", "version")


class Inserts:
    """How rows of one class are inserted: properties and columns of each table."""

    def __init__(self, cls: Entity) -> None:
        plain = [p for p in cls.properties.values() if isinstance(p, Scalar | Quantity | Reference)]
        self.tables = [(t, k, [p for p in plain if p.table == t]) for t, k in cls.tables]
        self.common = [c for c in _COMMON if c in cls.columns]
        self.columns: dict[str, tuple[str, ...]] = {}
        for table, key, properties in self.tables:
            names = [key]
            for p in properties:
                names += [p.column, p.unit_column] if isinstance(p, Quantity) else [p.column]
            self.columns[table] = tuple(names)
        self.columns[cls.table] += (*self.common, *(i for _, i in ordered_by(cls.name)))


@cache
def inserts(name: str) -> Inserts:
    """How rows of a class are inserted."""
    return Inserts(entities()[name])


@cache
def table_order() -> dict[str, int]:
    """Tables so that each comes after those which its foreign keys refer to (references of a table to itself apart)."""
    tables = schema()["tables"]
    order: dict[str, int] = {}
    on_the_way: set[str] = set()

    def place(table: str) -> None:
        if table in order or table in on_the_way:
            return
        on_the_way.add(table)
        for key in tables[table]["foreign_keys"]:
            place(key["references"])
        order[table] = len(order)

    for table in tables:
        place(table)
    return order
