"""From ids to objects: loaded objects of one answer, each row once, with their references set."""

from collections.abc import Iterable, Sequence
from typing import Any

from omero.model import IObject, NamedValue

import omero
from omero_sandbox.context import Caller
from omero_sandbox.model.mapping import DETAILS, Collection, Entity, NamedValues, entities, entity, entity_of
from omero_sandbox.model.rows import build, plan
from omero_sandbox.model.security import Access, access

# Lists that come with an object whether or not they were asked for (contract: test_loading).
EAGER = {"image": "wellSamples", "originalfile": "filesetEntries"}
_DETAIL_COLUMNS = tuple((f"_{name}", column, cls) for name, (column, cls) in DETAILS.items())


class Loader:
    """The objects of one answer.

    What is loaded refers to each other; what is not stands there unloaded, with its id, as Hibernate's proxies do. A
    real server cannot make such a stand-in of an abstract class (Annotation, LightSource, Job …), and sends what refers
    to it unloaded (facts/real_server.md, P3).
    `positions`: of the elements of ordered lists, by (index column, id).
    """

    def __init__(self, cursor: Any, rights: Access) -> None:
        self.cursor = cursor
        self.rights = rights
        self.objects: dict[tuple[str, int], Any] = {}
        self.positions: dict[tuple[str, int], int] = {}
        self._unset: list[tuple[Any, dict, str, str, int]] = []

    def load(self, cls: Entity, ids: Iterable[int]) -> None:
        """Load rows of a class (of their own classes, when it is an abstract one)."""
        missing = [i for i in dict.fromkeys(ids) if (cls.table, i) not in self.objects]
        if not missing:
            return
        for name, some in self.classes(cls, missing).items():
            self._load_class(name, some)

    def get(self, cls: Entity, id_: int) -> Any:
        """A loaded object, or None."""
        return self.objects.get((cls.table, id_))

    def fill(self, parent: Any, collection: Collection, children: Sequence[Any]) -> None:
        """Make a collection loaded."""
        parent.__dict__[f"_{collection.name}Seq"] = list(children)
        parent.__dict__[f"_{collection.name}Loaded"] = True

    def finish(self) -> None:
        """Load what comes along unasked, set every reference, and unload what a real server sends unloaded."""
        self.eager()
        for holder in self.link():
            holder.unload()

    def eager(self) -> None:
        """Load what comes along unasked."""
        for table, name in EAGER.items():
            if owners := {id_: o for (of, id_), o in self.objects.items() if of == table and o._loaded}:
                self._eager_list(owners, entity_of(next(iter(owners.values()))).properties[name])

    def _eager_list(self, owners: dict[int, Any], collection: Any) -> None:
        child = entities()[collection.target]
        inverse: Any = child.properties[collection.inverse]
        asked = f"SELECT {inverse.column}, id FROM {child.table} WHERE {inverse.column} = ANY(%s) ORDER BY id"
        missing = [id_ for id_, owner in owners.items() if not owner.__dict__[f"_{collection.name}Loaded"]]
        self.cursor.execute(asked, (missing,))
        rows = self.cursor.fetchall()
        self.load(child, [id_ for _, id_ in rows])
        children: dict[int, list[Any]] = {id_: [] for id_ in missing}
        for owner, id_ in rows:
            children[owner].append(self.get(child, id_))
        for id_, found in children.items():
            self.fill(owners[id_], collection, found)

    def link(self) -> list[Any]:
        """Set every reference: to the loaded object, or else to an unloaded one; the objects that this cannot be done
        for, as the class referred to is abstract."""
        broken: dict[int, Any] = {}
        for holder, values, name, target, id_ in self._unset:
            cls = entities()[target]
            found = self.objects.get((cls.table, id_))
            if found is None and cls.cls is None:
                broken[id(holder)] = holder
                continue
            if found is None:
                found = self.objects[cls.table, id_] = cls.cls(id_, False)  # type: ignore[misc]
            values[name] = found
        self._unset.clear()
        return list(broken.values())

    def classes(self, cls: Entity, ids: Sequence[int]) -> dict[str, list[int]]:
        """Names of the concrete classes of some rows, with their ids."""
        if not cls.is_polymorphic:
            return {cls.name: list(ids)}
        self.cursor.execute(
            f"SELECT id, {class_column(cls, cls.table)} FROM {cls.table}{class_joins(cls)} "
            f"WHERE {cls.table}.id = ANY(%s)",
            (list(ids),),
        )
        found: dict[str, list[int]] = {}
        for id_, name in self.cursor.fetchall():
            found.setdefault(name, []).append(id_)
        return found

    def _load_class(self, name: str, ids: Sequence[int]) -> None:
        made = plan(name)
        self.cursor.execute(made.select, (list(ids),))
        rows = self.cursor.fetchall()
        for row in rows:
            obj = build(made, row)
            self.objects[made.entity.table, row[0]] = obj
            for at, attribute, target in made.references:
                if row[at] is not None:
                    self._unset.append((obj, obj.__dict__, attribute, target, row[at]))
            self.positions.update(((index, row[0]), row[at]) for index, at in made.positions)
            self._details(obj, made.details, row)
        for values in made.entity.of(NamedValues):
            self._named_values(made.entity, values, [r[0] for r in rows])

    def _details(self, obj: Any, at: dict[str, int], row: Sequence[Any]) -> None:
        details = obj._details.__dict__
        for attribute, column, target in _DETAIL_COLUMNS:
            if column in at and row[at[column]] is not None:
                self._unset.append((obj, details, attribute, target, row[at[column]]))
        owner = row[at["owner_id"]] if "owner_id" in at else None
        group = row[at["group_id"]] if "group_id" in at else None
        details["_permissions"] = self.rights.permissions(owner, group, row[at["permissions"]])

    def _named_values(self, cls: Entity, values: NamedValues, ids: Sequence[int]) -> None:
        for id_ in ids:
            self.objects[cls.table, id_].__dict__[f"_{values.name}"] = []
        self.cursor.execute(
            f'SELECT {values.owner_column}, name, value FROM {values.table} WHERE {values.owner_column} = ANY(%s) '
            f'ORDER BY {values.owner_column}, index', (list(ids),))  # fmt: skip
        for id_, name, value in self.cursor.fetchall():
            self.objects[cls.table, id_].__dict__[f"_{values.name}"].append(NamedValue(name, value))


def class_column(cls: Entity, alias: str) -> str:
    """SQL for the name of the class of a row; needs `class_joins` for classes with tables of their own."""
    below = [entities()[n] for n in cls.concrete]
    if below[0].discriminator:
        cases = " ".join(f"WHEN '{e.discriminator}' THEN '{e.name}'" for e in below)
        return f"CASE {alias}.discriminator {cases} END"
    cases = " ".join(f"WHEN {t}.{k} IS NOT NULL THEN '{e.name}'" for e in below for t, k in e.tables[1:])
    own = f" ELSE '{cls.name}'" if cls.cls else ""
    return f"CASE {cases}{own} END"


def class_joins(cls: Entity) -> str:
    """The joins of all subclasses' tables."""
    below = [entities()[n] for n in cls.concrete]
    joined = dict.fromkeys((t, k) for e in below for t, k in e.tables[1:])
    return "".join(f" LEFT JOIN {t} ON {t}.{k} = {cls.table}.id" for t, k in joined)


def load(cursor: Any, caller: Caller, cls: str, ids: Iterable[int]) -> list[IObject]:
    """Objects by id, in the order asked for; a missing id is left out.

    Raises omero.SecurityViolation for a row that the caller may not read.
    """
    wanted = list(ids)
    kind = entity(cls)
    loader = Loader(cursor, access(cursor, caller))
    loader.load(kind, wanted)
    loader.eager()
    broken = loader.link()
    found = [obj for obj in (loader.get(kind, i) for i in wanted) if obj is not None]
    for obj in found:
        if not _may_load(loader.rights, kind, obj):
            raise omero.SecurityViolation(message=f"Cannot read {kind.java}:Id_{obj._id._val}")
    for holder in broken:
        holder.unload()
    return found


def _may_load(rights: Access, kind: Entity, obj: Any) -> bool:
    if kind.table == "session":
        return rights.caller.holds("ReadSession") or obj._owner._id._val == rights.caller.user_id
    details = obj._details
    return details._owner is None or rights.may_load(details._owner._id._val, details._group._id._val)
