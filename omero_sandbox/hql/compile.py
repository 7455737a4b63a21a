"""From a query's AST to SQL with parameters, and what the columns of its answer mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omero_sandbox.hql import ast
from omero_sandbox.hql.expressions import Expressions
from omero_sandbox.hql.names import Alias, Class, Found, Many, Object, Pair, Permissions, Value, WithUnit, refused
from omero_sandbox.hql.scope import Scope, discriminator_sql
from omero_sandbox.model.mapping import Collection, Entity, NamedValues, entity
from omero_sandbox.model.security import Access


@dataclass(frozen=True)
class ObjectOut:
    """A column of ids whose objects are selected."""

    entity: Entity
    at: int


@dataclass(frozen=True)
class ValueOut:
    """A column of plain values."""

    at: int


@dataclass(frozen=True)
class UnitOut:
    """Two columns: number and unit."""

    at: int
    cls: type
    unit_type: str


@dataclass(frozen=True)
class PermissionsOut:
    """Three columns: permissions, owner, group."""

    at: int


@dataclass(frozen=True)
class Fetch:
    """A column of ids of objects which the parents' property is to hold."""

    parent_at: int
    parent: Entity
    property: str
    entity: Entity
    at: int
    collection: Collection | None


Out = ObjectOut | ValueOut | UnitOut | PermissionsOut


@dataclass(frozen=True)
class Compiled:
    """SQL and parameters of a query, and what each column of the answer is. `names`: of the columns of `new map`."""

    sql: str
    parameters: Mapping[str, Any]
    outputs: tuple[Out, ...]
    names: tuple[str, ...] | None
    fetches: tuple[Fetch, ...]
    distinct: bool


def compile_query(query: ast.Select, parameters: Mapping[str, Any], rights: Access) -> Compiled:
    """SQL of a query as `rights` may see its answer.

    Raises omero.QueryException, omero.ApiUsageException for one of which Hibernate makes wrong SQL.
    """
    return _Compiler(parameters, rights).top(query)


class _Compiler(Expressions):
    def __init__(self, parameters: Mapping[str, Any], rights: Access) -> None:
        super().__init__(parameters)
        self.rights = rights

    def top(self, query: ast.Select) -> Compiled:
        scope = Scope(self.rights)
        fetched = self._sources(query, scope)
        items = query.items or tuple(ast.Item(ast.Path((n,)), None) for n in scope.names if not scope.names[n].fetched)
        columns: list[str] = []
        outputs: list[Out] = []
        at: dict[Alias, int] = {}
        scope.selecting = True
        for item in items:
            outputs.append(self._output(self.found(item.value, scope), scope, columns, at))
        scope.selecting = False
        objects = any(isinstance(o, ObjectOut) for o in outputs)
        fetches = tuple(self._fetch(alias, columns, at) for alias in fetched)
        distinct = "DISTINCT " if query.distinct and not objects else ""
        tail = self._tail(query, scope, items)
        sql = f"SELECT {distinct}{', '.join(columns)} FROM {', '.join(r.sql() for r in scope.roots)}{tail}"
        names = tuple(i.alias or str(n) for n, i in enumerate(items)) if query.new_map else None
        return Compiled(sql, self.values, tuple(outputs), names, fetches, query.distinct and objects)

    def select(self, query: ast.Select, outer: Scope) -> str:
        """A sub-select: of one value or of an object's id."""
        scope = Scope(self.rights, outer)
        if self._sources(query, scope):
            raise refused("fetch is not allowed in a sub-select")
        items = query.items or (ast.Item(ast.Path((next(iter(scope.names)),)), None),)
        columns = ", ".join(self.sql(i.value, scope) for i in items)
        distinct = "DISTINCT " if query.distinct else ""
        tail = self._tail(query, scope, items)
        return f"(SELECT {distinct}{columns} FROM {', '.join(r.sql() for r in scope.roots)}{tail})"

    def _sources(self, query: ast.Select, scope: Scope) -> list[Alias]:
        fetched = []
        for source in query.sources:
            if isinstance(source, ast.Root):
                if len(source.path) > 1 and scope.alias(source.path[0]):
                    scope.add_collection_root(source.path, source.alias)
                else:
                    scope.add_root(_mapped(source.path), source.alias)
                continue
            made = scope.add_join(source.path, source.left, source.alias)
            if made is None:
                continue
            made.fetched = source.fetch
            if source.condition is not None:
                made.root.joins[-1] += f" AND {self.sql(source.condition, scope)}"
            if source.fetch and made.entity is not None:  # the named values of an object always come with it
                fetched.append(made)
        return fetched

    def _tail(self, query: ast.Select, scope: Scope, items: tuple[ast.Item, ...]) -> str:
        named = {i.alias: i.value for i in items if i.alias}
        where = self.sql(query.where, scope) if query.where is not None else None
        group = [self._key(g, scope, named) for g in query.group_by]
        having = self.sql(query.having, scope) if query.having is not None else None
        order = [self._key(s.value, scope, named) + (" DESC" if s.descending else "") for s in query.order_by]
        conditions = [c for c in (scope.condition(), f"({where})" if where else "") if c]
        return "".join((
            f" WHERE {' AND '.join(conditions)}" if conditions else "",
            f" GROUP BY {', '.join(group)}" if group else "",
            f" HAVING {having}" if having else "",
            f" ORDER BY {', '.join(order)}" if order else "",
        ))  # fmt: skip

    def _key(self, key: ast.Expression, scope: Scope, named: Mapping[str, ast.Expression]) -> str:
        if isinstance(key, ast.Path) and len(key.parts) == 1 and not scope.alias(key.parts[0]):
            key = named.get(key.parts[0], key)
        return self.sql(key, scope)

    def _output(self, found: Found, scope: Scope, columns: list[str], at: dict[Alias, int]) -> Out:
        start = len(columns)
        if isinstance(found, Object):
            alias = found.alias or scope.joined(found)
            at.setdefault(alias, start)
            columns.append(f"{alias.sql}.id")
            return ObjectOut(found.entity, start)
        if isinstance(found, WithUnit):
            columns += [found.sql, found.unit]
            return UnitOut(start, found.property.cls, found.property.unit_type)
        if isinstance(found, Permissions):
            assert found.alias.entity is not None
            here = found.alias.entity.columns
            wanted = ("permissions", "owner_id", "group_id")
            columns += [f"{found.alias.sql}.{c}" if c in here else "NULL" for c in wanted]
            return PermissionsOut(start)
        if isinstance(found, Class):
            columns.append(discriminator_sql(scope, found.alias))
        elif isinstance(found, Value):
            columns.append(found.sql)
        elif isinstance(found, Many) and not isinstance(found.property, NamedValues):
            raise refused(f"select a join of {found.property.name}, not the collection itself")
        else:
            kind = "named value" if isinstance(found, Pair) else "map"
            raise refused(f"a {kind} cannot be selected: select its name and its value")
        return ValueOut(start)

    def _fetch(self, alias: Alias, columns: list[str], at: dict[Alias, int]) -> Fetch:
        parent = alias.parent
        assert parent is not None and parent.entity is not None and alias.entity is not None
        if parent not in at:
            raise refused(
                "query specified join fetching, but the owner of the fetched association was not present in the "
                f"select list: {parent.entity.java}.{alias.property}"
            )
        at[alias] = len(columns)
        columns.append(f"{alias.sql}.id")
        prop = parent.entity.properties.get(alias.property or "")
        collection = prop if isinstance(prop, Collection) else None
        return Fetch(at[parent], parent.entity, alias.property or "", alias.entity, at[alias], collection)


def _mapped(path: tuple[str, ...]) -> Entity:
    try:
        return entity(".".join(path))
    except Exception:
        raise refused(f"{'.'.join(path)} is not mapped") from None
