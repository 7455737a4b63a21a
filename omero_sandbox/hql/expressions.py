"""Expressions of a query as SQL. Every value from outside is a parameter of the statement."""

from collections.abc import Mapping, Sequence
from typing import Any

import omero
from omero_sandbox.hql import ast
from omero_sandbox.hql.names import Class, Found, Many, Object, Permissions, Value, WithUnit, refused
from omero_sandbox.hql.scope import Scope, class_sql, discriminator_sql
from omero_sandbox.model.mapping import NamedValues, Reference, entities

AGGREGATES = frozenset(("count", "sum", "min", "max", "avg"))
# Functions that PostgreSQL knows under the same name.
PLAIN = frozenset((
    "lower", "upper", "length", "substring", "trim", "concat", "replace", "abs", "sqrt", "round", "floor",
    "ceil", "sign", "power", "coalesce", "nullif", "date_trunc", "to_char", "greatest", "least", "bit_length",
))  # fmt: skip
PARTS = frozenset(("year", "month", "day", "hour", "minute", "second", "epoch"))
NOW = {"current_timestamp": "LOCALTIMESTAMP", "current_date": "CURRENT_DATE", "current_time": "LOCALTIME"}
TYPES = {
    "string": "text", "text": "text", "long": "bigint", "integer": "integer", "int": "integer", "boolean": "boolean",
    "double": "double precision", "float": "double precision", "timestamp": "timestamp", "date": "date",
}  # fmt: skip


class Expressions:
    """`values`: the parameters of the SQL made so far. `given`: the query's named parameters as Python values."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.values: dict[str, Any] = {}

    def select(self, query: ast.Select, outer: Scope) -> str:
        """A sub-select."""
        raise NotImplementedError

    def found(self, e: ast.Expression, scope: Scope) -> Found:
        """What an expression stands for."""
        if not isinstance(e, ast.Path):
            return Value(self.sql(e, scope))
        collection = ast.Path(e.parts[:-1])
        if e.parts[-1] == "size" and collection.parts and isinstance(scope.resolve(collection.parts), Many):
            return Value(self._size(collection, scope))
        return scope.resolve(e.parts)

    def sql(self, e: ast.Expression, scope: Scope) -> str:
        """An expression as SQL: an object as its id, a quantity as its number."""
        made: str = getattr(self, f"_{type(e).__name__.lower()}")(e, scope)
        return made

    def _path(self, e: ast.Path, scope: Scope) -> str:
        found = self.found(e, scope)
        if isinstance(found, Value | Object | WithUnit):
            return found.sql
        if isinstance(found, Class):
            return discriminator_sql(scope, found.alias)
        if isinstance(found, Permissions):
            return f"{found.alias.sql}.permissions"
        raise refused(f"{'.'.join(e.parts)} cannot be used as a value")

    def _select(self, e: ast.Select, scope: Scope) -> str:
        return self.select(e, scope)

    def _parameter(self, e: ast.Parameter, scope: Scope) -> str:
        return self._value(self._given(e.name))

    def _given(self, name: str) -> Any:
        if name not in self.given:
            raise omero.QueryException(message=f"Not all named parameters have been set: [{name}]")
        return self.given[name]

    def _value(self, value: Any) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def _literal(self, e: ast.Literal, scope: Scope) -> str:
        return self._value(e.value)

    def _operation(self, e: ast.Operation, scope: Scope) -> str:
        if e.operators in (("=",), ("<>",)):
            made = self._class_comparison(e.terms[0], [e.terms[1]], e.operators == ("<>",), scope)
            made = made or self._class_comparison(e.terms[1], [e.terms[0]], e.operators == ("<>",), scope)
            if made:
                return made
        made = self.sql(e.terms[0], scope)
        for operator, term in zip(e.operators, e.terms[1:], strict=True):
            made += f" {operator} {self.sql(term, scope)}"
        return f"({made})"

    def _class_comparison(
        self, left: ast.Expression, right: Sequence[ast.Expression], negated: bool, scope: Scope
    ) -> str | None:
        """`a.class = TagAnnotation` (or its full name, or its discriminator); `type(a)` is the same."""
        alias = None
        if isinstance(left, ast.Call) and left.name.lower() == "type" and isinstance(left.arguments[0], ast.Path):
            typed = scope.resolve(left.arguments[0].parts)
            alias = typed.alias if isinstance(typed, Class | Object) else None
        elif isinstance(left, ast.Path) and left.parts[-1] == "class":
            named = scope.resolve(left.parts)
            alias = named.alias if isinstance(named, Class) else None
        if alias is None:
            return None
        names: list[str] = []
        for r in right:
            values = [".".join(r.parts)] if isinstance(r, ast.Path) else self._constant(r)
            for value in values:
                cls = entities().get(str(value).rpartition(".")[2])
                kinds = [entities()[n] for n in cls.concrete] if cls else list(entities().values())
                names += [e.java for e in kinds if cls or e.discriminator == value]
        return f"{class_sql(scope, alias)} {'<> ALL' if negated else '= ANY'}({self._value(names)})"

    def _constant(self, e: ast.Expression) -> list[Any]:
        value = self._given(e.name) if isinstance(e, ast.Parameter) else getattr(e, "value", None)
        return value if isinstance(value, list) else [value]

    def _prefix(self, e: ast.Prefix, scope: Scope) -> str:
        return f"({e.operator} {self.sql(e.term, scope)})"

    def _contained(self, e: ast.Contained, scope: Scope) -> str:
        options = e.options.items if isinstance(e.options, ast.Listed) else (e.options,)
        made = self._class_comparison(e.value, options, e.negated, scope)
        if made:
            return made
        value = self.sql(e.value, scope)
        if isinstance(e.options, ast.Select | ast.Call):
            return f"{value} {'NOT ' if e.negated else ''}IN {self.sql(e.options, scope)}"
        if all(isinstance(o, ast.Parameter | ast.Literal) for o in options):
            constants = [c for o in options for c in self._constant(o)]
            return f"{value} {'<> ALL' if e.negated else '= ANY'}({self._value(constants)})"
        listed = ", ".join(self.sql(o, scope) for o in options)
        return f"{value} {'NOT ' if e.negated else ''}IN ({listed})"

    def _like(self, e: ast.Like, scope: Scope) -> str:
        escape = f" ESCAPE {self.sql(e.escape, scope)}" if e.escape else ""
        negated = "NOT " if e.negated else ""
        return f"{self.sql(e.value, scope)} {negated}LIKE {self.sql(e.pattern, scope)}{escape}"

    def _between(self, e: ast.Between, scope: Scope) -> str:
        negated = "NOT " if e.negated else ""
        low, high = self.sql(e.low, scope), self.sql(e.high, scope)
        return f"({self.sql(e.value, scope)} {negated}BETWEEN {low} AND {high})"

    def _isnull(self, e: ast.IsNull, scope: Scope) -> str:
        return f"{self.sql(e.value, scope)} IS {'NOT ' if e.negated else ''}NULL"

    def _isempty(self, e: ast.IsEmpty, scope: Scope) -> str:
        return f"{'' if e.negated else 'NOT '}EXISTS {self._elements(e.collection, scope)}"

    def _exists(self, e: ast.Exists, scope: Scope) -> str:
        return f"EXISTS {self.sql(e.inner, scope)}"

    def _quantified(self, e: ast.Quantified, scope: Scope) -> str:
        return f"{self.sql(e.value, scope)} {e.comparison} {e.quantifier} {self.select(e.inner, scope)}"

    def _listed(self, e: ast.Listed, scope: Scope) -> str:
        return f"({', '.join(self.sql(i, scope) for i in e.items)})"

    def _case(self, e: ast.Case, scope: Scope) -> str:
        subject = f" {self.sql(e.subject, scope)}" if e.subject is not None else ""
        branches = "".join(f" WHEN {self.sql(w, scope)} THEN {self.sql(t, scope)}" for w, t in e.branches)
        otherwise = f" ELSE {self.sql(e.otherwise, scope)}" if e.otherwise is not None else ""
        return f"CASE{subject}{branches}{otherwise} END"

    def _cast(self, e: ast.Cast, scope: Scope) -> str:
        if e.type not in TYPES:
            raise refused(f"cast to {e.type} is not in the sandbox's HQL")
        return f"CAST({self.sql(e.value, scope)} AS {TYPES[e.type]})"

    def _extract(self, e: ast.Extract, scope: Scope) -> str:
        if e.part not in PARTS:
            raise refused(f"extract of {e.part} is not in the sandbox's HQL")
        return self._part(e.part, self.sql(e.value, scope))

    def _part(self, name: str, moment: str) -> str:
        return f"CAST(EXTRACT({name} FROM {moment}) AS integer)"

    def _star(self, e: ast.Star, scope: Scope) -> str:
        return "*"

    def _call(self, e: ast.Call, scope: Scope) -> str:
        if e.name in ("size", "elements", "index", "minindex", "maxindex", "type"):
            made: str = getattr(self, f"_{e.name}")(e.arguments[0], scope)
            return made
        arguments = [self.sql(a, scope) for a in e.arguments]
        joined = ("DISTINCT " if e.distinct else "") + ", ".join(arguments)
        if e.name in AGGREGATES or e.name in PLAIN:
            return f"{e.name}({joined})"
        if e.name in PARTS:
            return self._part(e.name, joined)
        if e.name == "mod":  # an Integer whatever it divides, as Hibernate has it
            return f"CAST(mod({joined}) AS integer)"
        if e.name in NOW:
            return NOW[e.name]
        if e.name == "str":
            return f"CAST({joined} AS text)"
        if e.name == "locate":
            return f"POSITION({arguments[0]} IN {arguments[1]})"
        raise refused(f"the function {e.name} is not in the sandbox's HQL")

    def _size(self, e: ast.Expression, scope: Scope) -> str:
        return f"(SELECT count(*) FROM {self._rows(e, scope)})"

    def _elements(self, e: ast.Expression, scope: Scope) -> str:
        return f"(SELECT e.id FROM {self._rows(e, scope)})"

    def _rows(self, e: ast.Expression, scope: Scope) -> str:
        """The rows of a collection, under the name e."""
        found = scope.resolve(e.parts) if isinstance(e, ast.Path) else None
        if not isinstance(found, Many):
            raise refused("size, elements and empty want a collection")
        p, owner = found.property, found.alias.sql
        if isinstance(p, NamedValues):
            return f"{p.table} e WHERE e.{p.owner_column} = {owner}.id"
        target = entities()[p.target]
        inverse = target.properties[p.inverse]
        assert isinstance(inverse, Reference)
        readable = scope.rights.readable("e", target)
        only = f" AND {readable}" if readable else ""
        return f"{target.table} e WHERE e.{inverse.column} = {owner}.id{only}"

    def _type(self, e: ast.Expression, scope: Scope) -> str:
        """type(a) or type(a.class)."""
        found = scope.resolve(e.parts) if isinstance(e, ast.Path) else None
        if isinstance(found, Object | Class) and found.alias:
            return class_sql(scope, found.alias)
        return self.sql(e, scope)

    def _index(self, e: ast.Expression, scope: Scope) -> str:
        """The position of a joined element in its ordered collection."""
        alias = scope.alias(e.parts[0]) if isinstance(e, ast.Path) and len(e.parts) == 1 else None
        if alias is None or alias.index is None:
            raise refused("index wants the alias of a joined ordered collection")
        return f"{alias.sql}.{alias.index}"

    def _minindex(self, e: ast.Expression, scope: Scope) -> str:
        return self._end("min", e, scope)

    def _maxindex(self, e: ast.Expression, scope: Scope) -> str:
        return self._end("max", e, scope)

    def _end(self, function: str, e: ast.Expression, scope: Scope) -> str:
        """The first or last position in an ordered collection, given by its path or by the alias of its join."""
        found = scope.resolve(e.parts) if isinstance(e, ast.Path) else None
        if not isinstance(found, Many):
            return f"{function}({self._index(e, scope)})"
        index = "index" if isinstance(found.property, NamedValues) else found.property.index
        if index is None:
            raise refused(f"{found.property.name} has no order, so no {function}Index")
        return f"(SELECT {function}(e.{index}) FROM {self._rows(e, scope)})"
