"""The names of one select: aliases, the tables that stand for them, and the joins that paths add."""

from __future__ import annotations

from itertools import count
from typing import Any

import omero
from omero_sandbox.hql.names import Alias, Class, Found, Many, Object, Pair, Permissions, Root, Value, WithUnit, refused
from omero_sandbox.model.mapping import (
    DETAILS,
    Collection,
    Entity,
    NamedValues,
    Quantity,
    Reference,
    Scalar,
    entities,
    find_property,
)  # fmt: skip
from omero_sandbox.model.security import Access


class Scope:
    """One select. `outer`: the select around it, whose aliases it knows too."""

    def __init__(self, rights: Access, outer: Scope | None = None) -> None:
        self.rights = rights
        self.outer = outer
        self.numbers: Any = outer.numbers if outer else count()
        self.names: dict[str, Alias] = {}
        self.quantities: dict[str, WithUnit] = {}
        self.roots: list[Root] = []
        self.conditions: list[str] = []
        self.explicit: list[Alias] = []
        self.selecting = False

    def alias(self, name: str) -> Alias | None:
        """The alias of a name, here or in a select around."""
        return self.names.get(name) or (self.outer.alias(name) if self.outer else None)

    def add_root(self, entity: Entity, name: str | None) -> Alias:
        """A class in `from`: only rows of that class which the caller may see."""
        sql = f"t{next(self.numbers)}"
        root = Root(self, f"{entity.table} {sql}")
        self.roots.append(root)
        made = Alias(sql, entity, root)
        self.conditions += self._only(made)
        self.names[name or f"<{sql}>"] = made
        return made

    def add_join(self, path: tuple[str, ...], left: bool, name: str | None) -> Alias | None:
        """An association of an alias joined by `join`; its rows are filtered as roots are.

        None for a quantity, which is a part of its object: there is nothing to join.
        Raises omero.QueryException for a path that leads to no association.
        """
        found = self.resolve(path, joining=left)
        if isinstance(found, WithUnit):
            self.quantities[name or "".join(path)] = found
            return None
        if isinstance(found, Object) and found.owner is not None:
            made = self._join_one(found, left, explicit=True)
        elif isinstance(found, Many):
            made = self._join_many(found, left)
        else:
            raise refused(f"outer or full join must be followed by path expression: {'.'.join(path)}")
        self.names[name or f"<{made.sql}>"] = made
        self.explicit.append(made)
        return made

    def _require_last(self, owner: Alias) -> None:
        """Refuse to select through an association of an alias that was joined before others which do not depend on it.

        Hibernate puts the table after the alias's own joins and a comma, out of whose sight the rest cannot refer to
        what stands before. Raises omero.ApiUsageException, as the real server's database does.
        """
        joined = next((a for a in owner.lineage() if a in self.explicit), None)
        if joined is None:
            return
        for later in self.explicit[self.explicit.index(joined) + 1 :]:
            if joined not in later.lineage():
                raise omero.ApiUsageException(
                    message="could not execute query; nested exception is "
                    "org.hibernate.exception.SQLGrammarException: could not execute query"
                )

    def add_collection_root(self, path: tuple[str, ...], name: str | None) -> Alias:
        """A collection of an outer alias in the `from` of a sub-select."""
        found = self.resolve(path)
        if not isinstance(found, Many) or isinstance(found.property, NamedValues):
            raise refused(f"{'.'.join(path)} is no collection")
        target = entities()[found.property.target]
        made = self.add_root(target, name)
        self.conditions.append(f"{self.column(made, found.property.inverse)} = {found.alias.sql}.id")
        made.index = found.property.index
        return made

    def condition(self) -> str:
        """What WHERE holds apart from the query's own condition."""
        return " AND ".join(self.conditions)

    def _only(self, made: Alias) -> list[str]:
        entity = made.entity
        assert entity is not None
        found = []
        below = [entities()[n] for n in entity.concrete]
        if below[0].discriminator and entity.parents:
            values = ", ".join(f"'{e.discriminator}'" for e in below)
            found.append(f"{made.sql}.discriminator IN ({values})")
        readable = self.rights.readable(made.sql, entity)
        return found + ([readable] if readable else []) + self._in_tables(made, entity)

    def _in_tables(self, made: Alias, entity: Entity) -> list[str]:
        """A joined subclass has only those rows of the root's table that are in its own one too."""
        return [f"{self.table(made, table)}.{key} IS NOT NULL" for table, key in entity.tables[1:]]

    def table(self, alias: Alias, table: str) -> str:
        """The SQL alias of one of the tables of a class or its subclasses, joined when it is first asked for."""
        assert alias.entity is not None
        if table == alias.entity.table:
            return alias.sql
        if table not in alias.tables:
            key = next(k for e in entities().values() for t, k in e.tables[1:] if t == table)
            alias.tables[table] = f"t{next(self.numbers)}"
            alias.root.joins.append(
                f"LEFT JOIN {table} {alias.tables[table]} ON {alias.tables[table]}.{key} = {alias.sql}.id"
            )
        return alias.tables[table]

    def column(self, alias: Alias, name: str) -> str:
        """The SQL column of a scalar or reference."""
        assert alias.entity is not None
        found = find_property(alias.entity.name, name)
        assert isinstance(found, Scalar | Reference | Quantity)
        return f'{self.table(alias, found.table)}."{found.column}"'

    def resolve(self, path: tuple[str, ...], joining: bool = False) -> Found:
        """What a path stands for; associations on the way are joined (inner, or left for a left join).

        A path that begins with no alias begins with a property of a root.
        Raises omero.QueryException for a name that is not there.
        """
        start = self.alias(path[0])
        if start is not None:
            return self._walk(self._itself(start), path, 1, joining)
        if path[0] in self.quantities:
            return self._walk(self.quantities[path[0]], path, 1, joining)
        for made in self.names.values():
            if made.entity and (path[0] in ("id", "details", "class") or find_property(made.entity.name, path[0])):
                return self._walk(self._itself(made), path, 0, joining)
        if self.outer is not None:
            return self.outer.resolve(path, joining)
        raise refused(f"could not resolve property: {'.'.join(path)}")

    def _walk(self, found: Found, path: tuple[str, ...], position: int, joining: bool) -> Found:
        while position < len(path):
            if isinstance(found, Object):
                if path[position] == "id" and position == len(path) - 1:
                    return Value(found.sql)
                here = found.alias or self._join_one(found, joining)
                found, position = self._step(here, path, position)
            elif isinstance(found, Pair) and path[position] in ("name", "value"):
                found = Value(f"{found.alias.sql}.{path[position]}")
                position += 1
            elif isinstance(found, WithUnit) and path[position] in ("value", "unit"):
                found = Value(found.sql if path[position] == "value" else found.unit)
                position += 1
            else:
                kind = "collection" if isinstance(found, Many) else "value"
                raise refused(
                    f"illegal attempt to dereference {kind} [{'.'.join(path[:position])}] with element property "
                    f"reference [{path[position]}]"
                )
        return found

    def _itself(self, at: Alias) -> Found:
        if at.entity is None:
            return Pair(at)
        return Object(f"{at.sql}.id", at.entity, at)

    def _step(self, at: Alias, path: tuple[str, ...], position: int) -> tuple[Found, int]:
        name = path[position]
        assert at.entity is not None
        if name == "id":
            return Value(f"{at.sql}.id"), position + 1
        if name == "class" and (at.entity.is_polymorphic or at.entity.parents):
            return Class(at), position + 1
        if name == "version" and "version" in at.entity.columns:
            return Value(f"{at.sql}.version"), position + 1
        if name == "details":
            return self._detail(at, path, position + 1), position + 2
        return self._property(at, name), position + 1

    def _detail(self, at: Alias, path: tuple[str, ...], position: int) -> Found:
        assert at.entity is not None
        name = path[position] if position < len(path) else ""
        if name == "permissions":
            return Permissions(at)
        column, target = DETAILS.get(name, ("", ""))
        if column not in at.entity.columns:
            raise refused(f"could not resolve property: details.{name} of: {at.entity.java}")
        return Object(f"{at.sql}.{column}", entities()[target], None, at, f"details.{name}")

    def _property(self, at: Alias, name: str) -> Found:
        assert at.entity is not None
        found = find_property(at.entity.name, name)
        if found is None:
            raise refused(f"could not resolve property: {name} of: {at.entity.java}")
        if isinstance(found, Collection | NamedValues):
            return Many(at, found)
        column = f'{self.table(at, found.table)}."{found.column}"'
        if isinstance(found, Quantity):
            return WithUnit(column, f'{self.table(at, found.table)}."{found.unit_column}"', found)
        if isinstance(found, Reference):
            return Object(column, entities()[found.target], None, at, name)
        return Value(column)

    def joined(self, found: Object) -> Alias:
        """The alias of an object that a path leads to."""
        return found.alias or self._join_one(found, left=False)

    def _join_one(self, found: Object, left: bool, explicit: bool = False) -> Alias:
        owner, name = found.owner, found.property
        assert owner is not None and name is not None
        if not explicit and name in owner.joined:
            return owner.joined[name]
        if self.selecting and not explicit:
            self._require_last(owner)
        sql = f"t{next(self.numbers)}"
        only = self.rights.own_sessions(sql, found.entity)
        on = f"{sql}.id = {found.sql}" + (f" AND {only}" if only else "")
        if owner.root.scope is not self:  # a path that begins outside of a sub-select
            root = Root(self, f"{found.entity.table} {sql}")
            self.roots.append(root)
            self.conditions.append(on)
            return Alias(sql, found.entity, root, owner, name)
        made = Alias(sql, found.entity, owner.root, owner, name)
        owner.root.joins.append(f"{'LEFT JOIN' if left else 'JOIN'} {found.entity.table} {sql} ON {on}")
        owner.joined.setdefault(name, made)
        return made

    def _join_many(self, found: Many, left: bool) -> Alias:
        owner, p = found.alias, found.property
        sql = f"t{next(self.numbers)}"
        kind = "LEFT JOIN" if left else "JOIN"
        if isinstance(p, NamedValues):
            owner.root.joins.append(f"{kind} {p.table} {sql} ON {sql}.{p.owner_column} = {owner.sql}.id")
            return Alias(sql, None, owner.root, owner, p.name, "index")
        target = entities()[p.target]
        inverse = target.properties[p.inverse]
        assert isinstance(inverse, Reference)
        readable = self.rights.readable(sql, target)
        only = f" AND {readable}" if readable else ""
        owner.root.joins.append(f"{kind} {target.table} {sql} ON {sql}.{inverse.column} = {owner.sql}.id{only}")
        return Alias(sql, target, owner.root, owner, p.name, p.index)


def discriminator_sql(scope: Scope, alias: Alias) -> str:
    """SQL for `a.class` as a value: what the table has for it, or else the class's full name."""
    assert alias.entity is not None
    one_table = entities()[alias.entity.concrete[0]].discriminator
    return f"{alias.sql}.discriminator" if one_table else class_sql(scope, alias)


def class_sql(scope: Scope, alias: Alias) -> str:
    """SQL for the full name of the class of an alias's objects, such as ome.model.core.Image."""
    assert alias.entity is not None
    entity = alias.entity
    if not entity.is_polymorphic:
        return f"'{entity.java}'"
    below = [entities()[n] for n in entity.concrete]
    if below[0].discriminator:
        cases = " ".join(f"WHEN '{e.discriminator}' THEN '{e.java}'" for e in below)
        return f"CASE {alias.sql}.discriminator {cases} END"
    tables = {t: scope.table(alias, t) for e in below for t, _ in e.tables[1:]}
    cases = " ".join(f"WHEN {tables[t]}.{k} IS NOT NULL THEN '{e.java}'" for e in below for t, k in e.tables[1:])
    own = f" ELSE '{entity.java}'" if entity.cls else ""
    return f"CASE {cases}{own} END"
