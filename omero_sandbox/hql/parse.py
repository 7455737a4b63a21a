"""From the text of a query to its AST, by the grammar in grammar.lark."""

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import lark
from lark import Token, Transformer

import omero
from omero_sandbox.hql import ast


@lru_cache(maxsize=1000)
def parse(query: str) -> ast.Select:
    """The AST of a query.

    Raises omero.QueryException for what the grammar does not allow.
    """
    try:
        tree = _parser().parse(query)
    except lark.UnexpectedInput as error:
        near = query[error.pos_in_stream or 0 :][:40] if getattr(error, "pos_in_stream", None) is not None else ""
        where = f"unexpected end: {query}" if not near.strip() else f"unexpected token: {near!r} in [{query}]"
        raise omero.QueryException(message=f"Illegal query: {where}") from None
    try:
        built: ast.Select = _Build().transform(tree)
    except lark.exceptions.VisitError as error:
        raise error.orig_exc from None
    return built


def _keyword(children: list[Any], name: str) -> bool:
    return any(isinstance(c, Token) and c.type == name for c in children)


def _values(children: list[Any]) -> list[Any]:
    return [c for c in children if not isinstance(c, Token)]


def _names(children: list[Any]) -> list[tuple[str, ...]]:
    return [_parts(c) for c in children if isinstance(c, Token) and c.type == "PATH"]


def _parts(token: Token) -> tuple[str, ...]:
    return tuple(re.split(r"\s*\.\s*", str(token)))


def _comparison(token: Token) -> str:
    return "<>" if token in ("!=", "^=") else str(token)


class _Build(Transformer):
    """One method a rule: from the children of a parse tree's node to the AST."""

    def start(self, c: list[Any]) -> Any:
        return c[0]

    def select(self, c: list[Any]) -> ast.Select:
        found = {"items": (), "new_map": False, "distinct": False, "sources": (), "where": None, "group_by": (),
                 "having": None, "order_by": ()}  # fmt: skip
        for part in c:
            found.update(part)
        return ast.Select(**found)  # type: ignore[arg-type]

    def select_clause(self, c: list[Any]) -> dict[str, Any]:
        new_map = isinstance(c[-1], tuple) and c[-1][:1] == ("map",)
        items = c[-1][1] if new_map else c[-1]
        return {"items": items, "new_map": new_map, "distinct": _keyword(c, "DISTINCT")}

    def new_map(self, c: list[Any]) -> tuple[str, Any]:
        return "map", c[-1]

    def items(self, c: list[Any]) -> tuple[ast.Item, ...]:
        return tuple(c)

    def item(self, c: list[Any]) -> ast.Item:
        names = _names(c)
        return ast.Item(c[0], names[0][0] if names else None)

    def from_clause(self, c: list[Any]) -> dict[str, Any]:
        return {"sources": tuple(_values(c))}

    def root(self, c: list[Any]) -> ast.Root:
        path, *alias = _names(c)
        return ast.Root(path, alias[0][0] if alias else None)

    def join(self, c: list[Any]) -> ast.Join:
        path, *alias = _names(c)
        condition = _values(c)
        return ast.Join(
            c[0].type == "LEFT_JOIN", _keyword(c, "FETCH"), path, alias[0][0] if alias else None,
            condition[0] if condition else None,
        )  # fmt: skip

    def where(self, c: list[Any]) -> dict[str, Any]:
        return {"where": c[1]}

    def group(self, c: list[Any]) -> dict[str, Any]:
        keys = _values(c)
        having = keys.pop() if _keyword(c, "HAVING") else None
        return {"group_by": tuple(keys), "having": having}

    def order(self, c: list[Any]) -> dict[str, Any]:
        return {"order_by": tuple(_values(c))}

    def sort(self, c: list[Any]) -> ast.Sort:
        return ast.Sort(c[0], _keyword(c, "DESC"))

    def either(self, c: list[Any]) -> Any:
        return self._joined(c, "OR")

    def both(self, c: list[Any]) -> Any:
        return self._joined(c, "AND")

    def _joined(self, c: list[Any], operator: str) -> Any:
        terms = tuple(_values(c))
        return terms[0] if len(terms) == 1 else ast.Operation(terms, (operator,) * (len(terms) - 1))

    def negated(self, c: list[Any]) -> ast.Prefix:
        return ast.Prefix("NOT", c[1])

    def compare(self, c: list[Any]) -> ast.Operation:
        return ast.Operation((c[0], c[2]), (_comparison(c[1]),))

    def quantified(self, c: list[Any]) -> ast.Quantified:
        return ast.Quantified(c[0], _comparison(c[1]), c[2].type, c[3])

    def contained(self, c: list[Any]) -> ast.Contained:
        return ast.Contained(c[0], c[-1], _keyword(c, "NOT"))

    def like(self, c: list[Any]) -> ast.Like:
        value, pattern, *escape = _values(c)
        return ast.Like(value, pattern, escape[0] if escape else None, _keyword(c, "NOT"))

    def between(self, c: list[Any]) -> ast.Between:
        value, low, high = _values(c)
        return ast.Between(value, low, high, _keyword(c, "NOT"))

    def is_null(self, c: list[Any]) -> ast.IsNull:
        return ast.IsNull(c[0], False)

    def is_not_null(self, c: list[Any]) -> ast.IsNull:
        return ast.IsNull(c[0], True)

    def is_empty(self, c: list[Any]) -> ast.IsEmpty:
        return ast.IsEmpty(c[0], False)

    def is_not_empty(self, c: list[Any]) -> ast.IsEmpty:
        return ast.IsEmpty(c[0], True)

    def member(self, c: list[Any]) -> ast.Contained:
        return ast.Contained(c[0], ast.Call("elements", (c[-1],)), _keyword(c, "NOT"))

    def exists(self, c: list[Any]) -> ast.Exists:
        return ast.Exists(c[1])

    def chain(self, c: list[Any]) -> Any:
        return c[0] if len(c) == 1 else ast.Operation(tuple(c[::2]), tuple(str(o) for o in c[1::2]))

    def minus(self, c: list[Any]) -> ast.Prefix:
        return ast.Prefix("-", c[1])

    def plus(self, c: list[Any]) -> Any:
        return c[1]

    def path(self, c: list[Any]) -> ast.Path:
        return ast.Path(_parts(c[0]))

    def call(self, c: list[Any]) -> ast.Call:
        return ast.Call(str(c[0]).lower(), tuple(c[1:]))

    def call_star(self, c: list[Any]) -> ast.Call:
        return ast.Call(str(c[0]).lower(), (ast.Star(),))

    def call_distinct(self, c: list[Any]) -> ast.Call:
        return ast.Call(str(c[0]).lower(), tuple(_values(c)), distinct=True)

    def call_select(self, c: list[Any]) -> ast.Call:
        return ast.Call(str(c[0]).lower(), (c[1],))

    def cast(self, c: list[Any]) -> ast.Cast:
        return ast.Cast(c[1], str(c[3]).lower())

    def extract(self, c: list[Any]) -> ast.Extract:
        if str(c[0]).lower() != "extract":
            raise omero.QueryException(message=f"Illegal query: unexpected token: from in {c[0]}(...)")
        return ast.Extract(str(c[1]).lower(), c[3])

    def subselect(self, c: list[Any]) -> ast.Select:
        return c[0]

    def listed(self, c: list[Any]) -> ast.Listed:
        return ast.Listed(tuple(c))

    def case(self, c: list[Any]) -> ast.Case:
        otherwise = _keyword(c, "ELSE")
        values = _values(c)
        last = values.pop() if otherwise else None
        subject = values.pop(0) if values and not isinstance(values[0], tuple) else None
        return ast.Case(subject, tuple(values), last)

    def when(self, c: list[Any]) -> tuple[Any, Any]:
        return c[1], c[3]

    def parameter(self, c: list[Any]) -> ast.Parameter:
        return ast.Parameter(str(c[0]))

    def number(self, c: list[Any]) -> ast.Literal:
        text = str(c[0])
        if re.fullmatch(r"\d+[lL]?", text):
            return ast.Literal(int(text.rstrip("lL")))
        return ast.Literal(float(text.rstrip("fFdD")))

    def string(self, c: list[Any]) -> ast.Literal:
        return ast.Literal(str(c[0])[1:-1].replace("''", "'"))

    def true(self, c: list[Any]) -> ast.Literal:
        return ast.Literal(True)

    def false(self, c: list[Any]) -> ast.Literal:
        return ast.Literal(False)

    def null(self, c: list[Any]) -> ast.Literal:
        return ast.Literal(None)


@cache
def _parser() -> lark.Lark:
    grammar = files(__package__).joinpath("grammar.lark").read_text()
    return lark.Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=False)
