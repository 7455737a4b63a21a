"""Asking: queries in HQL, answers as loaded objects or as rows of values."""

from collections.abc import Iterable, Sequence
from typing import Any

import omero.rtypes
import psycopg2
from omero.model import IObject
from omero.rtypes import rbool, rdouble, rint, rlist, rlong, rmap, robject, rstring

import omero
from omero import RType
from omero_sandbox.context import Caller
from omero_sandbox.hql.compile import Fetch, ObjectOut, Out, PermissionsOut, UnitOut, compile_query
from omero_sandbox.hql.parse import parse
from omero_sandbox.model.load import Loader
from omero_sandbox.model.mapping import Collection
from omero_sandbox.model.rows import moment, time_value, units
from omero_sandbox.model.security import access

Parameters = Any  # omero.sys.Parameters, whose generated class has no types
# PostgreSQL's types of columns.
BOOL, BYTEA, INT8, INT2, INT4, FLOAT4, FLOAT8, NUMERIC = 16, 17, 20, 21, 23, 700, 701, 1700
TIMESTAMP, TIMESTAMPTZ = 1114, 1184


def find(cursor: Any, caller: Caller, query: str, params: Parameters | None = None) -> list[IObject]:
    """The objects that a query selects first, as `caller` may see them; what is not fetched is unloaded.

    Without `distinct`, an object comes once for each row of a join that is not fetched, as with Hibernate.
    Raises omero.QueryException.
    """
    answer = _Answer(cursor, caller, query, params)
    first = answer.compiled.outputs[0]
    if not isinstance(first, ObjectOut):
        raise omero.ApiUsageException(message=f"The query does not select objects: {query}")
    found = [answer.object(first, row) for row in answer.picked]
    return [obj for obj in found if obj is not None]


def project(cursor: Any, caller: Caller, query: str, params: Parameters | None = None) -> list[list[RType]]:
    """The rows that a query selects: objects as RObject, `new map` as one RMap, null as None.

    In a map, an object named `…_details_permissions` is a map of its permissions instead.
    Raises omero.QueryException.
    """
    answer = _Answer(cursor, caller, query, params)
    names = answer.compiled.names
    made = [[answer.value(out, row) for out in answer.compiled.outputs] for row in answer.picked]
    if names is None:
        return made
    return [[rmap({name: _named(name, value) for name, value in zip(names, row, strict=True)})] for row in made]


def _named(name: str, value: RType | None) -> RType | None:
    if not name.endswith("_details_permissions") or not isinstance(value, omero.RObject):
        return value
    return _permissions_map(value.val.details.permissions)


def plain(value: Any) -> Any:
    """An RType as a parameter of SQL: an object as its id, a time as a timestamp."""
    if isinstance(value, omero.RObject):
        return value._val._id._val if value._val is not None else None
    if isinstance(value, omero.RTime):
        return moment(value._val)
    if isinstance(value, omero.RCollection):
        return [plain(v) for v in value._val or ()]
    return None if value is None else value._val


class _Answer:
    """`rows`: what the database said; `picked`: those of them that are an answer each."""

    def __init__(self, cursor: Any, caller: Caller, query: str, params: Parameters | None) -> None:
        self.cursor = cursor
        self.rights = access(cursor, caller)
        given = {name: plain(value) for name, value in ((params.map if params else None) or {}).items()}
        self.compiled = compile_query(parse(query), given, self.rights)
        self.loader = Loader(cursor, self.rights)
        page = params.theFilter if params else None
        offset = page.offset._val if page and page.offset else 0
        limit = page.limit._val if page and page.limit else None
        self.rows: Sequence[tuple] = self._run(query, offset, limit)
        self.types = [column.type_code for column in cursor.description]
        self.picked = self._pick(offset, limit) if self._in_memory() else self.rows
        self._load()
        self._fill()
        self.loader.finish()

    def _in_memory(self) -> bool:
        """Whether rows must be told apart by what is selected, not by what is fetched with it.

        Hibernate does so for `distinct`, and for every paged query that fetches collections; the server pages all.
        """
        return self.compiled.distinct or any(f.collection for f in self.compiled.fetches)

    def _run(self, query: str, offset: int, limit: int | None) -> list[tuple]:
        sql = self.compiled.sql
        if not self._in_memory():
            sql += f" LIMIT {int(limit)}" if limit is not None else ""
            sql += f" OFFSET {int(offset)}" if offset else ""
        try:
            self.cursor.execute(sql, self.compiled.parameters)
        except (psycopg2.ProgrammingError, psycopg2.DataError) as error:
            reason = str(error).splitlines()[0]
            raise omero.QueryException(message=f"Illegal query: {reason} [{query}]") from error
        rows: list[tuple] = self.cursor.fetchall()
        return rows

    def _pick(self, offset: int, limit: int | None) -> list[tuple]:
        width = [o.at for o in self.compiled.outputs]
        first: dict[tuple, tuple] = {}
        for row in self.rows:
            first.setdefault(tuple(row[a] for a in width), row)
        kept = list(first.items())[offset : None if limit is None else offset + limit]
        keys = {key for key, _ in kept}
        self.rows = [row for row in self.rows if tuple(row[a] for a in width) in keys]
        return [row for _, row in kept]

    def _load(self) -> None:
        wanted = [o for o in self.compiled.outputs if isinstance(o, ObjectOut)]
        parts: list[ObjectOut | Fetch] = [*wanted, *self.compiled.fetches]
        for part in parts:
            ids = dict.fromkeys(row[part.at] for row in self.rows)
            self.loader.load(part.entity, (i for i in ids if i is not None))

    def _fill(self) -> None:
        """Put the fetched elements into their parents' collections, in the order of the rows or of their index."""
        for fetch in self.compiled.fetches:
            if fetch.collection is None:
                continue
            children: dict[int, dict[int, None]] = {}
            for row in self.rows:
                if row[fetch.parent_at] is not None:
                    found = children.setdefault(row[fetch.parent_at], {})
                    if row[fetch.at] is not None:
                        found[row[fetch.at]] = None
            for parent, ids in children.items():
                elements = [self.loader.get(fetch.entity, i) for i in self._in_order(fetch.collection, ids)]
                self.loader.fill(self.loader.get(fetch.parent, parent), fetch.collection, elements)

    def _in_order(self, collection: Collection, ids: Iterable[int]) -> Iterable[int]:
        index = collection.index
        return sorted(ids, key=lambda id_: self.loader.positions[index, id_]) if index else ids

    def object(self, out: ObjectOut, row: tuple) -> Any:
        """The object of one row, or None."""
        return None if row[out.at] is None else self.loader.get(out.entity, row[out.at])

    def value(self, out: Out, row: tuple) -> Any:
        """One value of one row as an RType, or None."""
        if isinstance(out, ObjectOut):
            found = self.object(out, row)
            return None if found is None else robject(found)
        if row[out.at] is None:
            return None
        if isinstance(out, UnitOut):
            unit = out.cls(row[out.at], units(out.unit_type)[row[out.at + 1]])
            name, symbol = str(unit._unit), row[out.at + 1]
            return rmap({"value": rdouble(unit._value), "unit": rstring(name), "symbol": rstring(symbol)})
        if isinstance(out, PermissionsOut):
            return self._permissions(*row[out.at : out.at + 3])
        return _rtype(row[out.at], self.types[out.at])

    def _permissions(self, bits: int, owner: int | None, group: int | None) -> Any:
        return _permissions_map(self.rights.permissions(owner, group, bits))


def _permissions_map(permissions: Any) -> RType:
    allowed = ("canAnnotate", "canDelete", "canEdit", "canLink", "canChgrp", "canChown")
    values: dict[str, Any] = {name: rbool(getattr(permissions, name)()) for name in allowed}
    return rmap({"perm": rstring(str(permissions)), **values})


def _rtype(value: Any, kind: int) -> Any:
    if kind == BOOL:
        return rbool(value)
    if kind in (INT4, INT2):
        return rint(value)
    if kind == INT8 or (kind == NUMERIC and value == value.to_integral_value()):
        return rlong(int(value))
    if kind in (FLOAT4, FLOAT8, NUMERIC):
        return rdouble(float(value))
    if kind in (TIMESTAMP, TIMESTAMPTZ):
        return time_value(value)
    if kind == BYTEA:
        return rstring(bytes(value).decode("latin-1"))
    if isinstance(value, list):
        return rlist([rstring(v) for v in value])
    return rstring(str(value))
