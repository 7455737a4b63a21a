"""What the grammar takes and what it refuses."""

import pytest

import omero
from omero_sandbox.hql import ast
from omero_sandbox.hql.parse import parse


def test_a_whole_query() -> None:
    assert parse(
        "SELECT DISTINCT i.name AS n FROM Image i LEFT OUTER JOIN FETCH i.pixels p "
        "WHERE i.id in (:ids) AND NOT p.sizeX > 5 ORDER BY n desc, i.id"
    ) == ast.Select(
        distinct=True,
        new_map=False,
        items=(ast.Item(ast.Path(("i", "name")), "n"),),
        sources=(ast.Root(("Image",), "i"), ast.Join(True, True, ("i", "pixels"), "p", None)),
        where=ast.Operation(
            (
                ast.Contained(ast.Path(("i", "id")), ast.Parameter("ids"), False),
                ast.Prefix("NOT", ast.Operation((ast.Path(("p", "sizeX")), ast.Literal(5)), (">",))),
            ),
            ("AND",),
        ),
        group_by=(),
        having=None,
        order_by=(ast.Sort(ast.Path(("n",)), True), ast.Sort(ast.Path(("i", "id")), False)),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", ast.Operation((ast.Literal(1), ast.Operation((ast.Literal(2), ast.Literal(3)), ("*",))), ("+",))),
        ("'it''s'", ast.Literal("it's")),
        ("12L", ast.Literal(12)),
        ("1.5e3", ast.Literal(1500.0)),
        ("null", ast.Literal(None)),
        ("obj.details.group.id", ast.Path(("obj", "details", "group", "id"))),
        ("obj . order . select", ast.Path(("obj", "order", "select"))),
        ("count(distinct x)", ast.Call("count", (ast.Path(("x",)),), distinct=True)),
        ("COUNT(*)", ast.Call("count", (ast.Star(),))),
        ("(:a, 2)", ast.Listed((ast.Parameter("a"), ast.Literal(2)))),
        ("case when a = 1 then 2 else 3 end", ast.Case(
            None, ((ast.Operation((ast.Path(("a",)), ast.Literal(1)), ("=",)), ast.Literal(2)),), ast.Literal(3)
        )),
        ("a is not null", ast.IsNull(ast.Path(("a",)), True)),
        ("x not in elements(a.b)", ast.Contained(
            ast.Path(("x",)), ast.Call("elements", (ast.Path(("a", "b")),)), True
        )),
        ("cast(a as string)", ast.Cast(ast.Path(("a",)), "string")),
        ("extract(epoch from a)", ast.Extract("epoch", ast.Path(("a",)))),
    ],
)  # fmt: skip
def test_expressions(text: str, expected: ast.Expression) -> None:
    where = parse(f"from Image where {text}").where
    assert where == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select",
        "select i fro Image i",
        "select i from",
        "from Image where",
        "from Image order name",
        "select i from Image i where i.id = ?",
        "delete from Image",
        "from Image; drop table image",
        "from Image where a = 'open",
        "from Image where foo(a from b) = 1",
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(omero.QueryException) as refused:
        parse(text)
    assert refused.value.message.startswith("Illegal query")
    assert len(refused.value.message.splitlines()) == 1
