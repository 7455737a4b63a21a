"""The queries in HQL that stand in Python source code, as far as they can be read off without running it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

STARTS = re.compile(r"\s*(select\s|from\s+[A-Z?])", re.I)
FROM = re.compile(r"\bfrom\s+[A-Z?]", re.I)
# Stands for what only the running program knows, and what that may be: a class, a number, a property, nothing.
UNKNOWN = "?"
STANDING_FOR = ("Image", "DatasetImageLink", "1", "Tag", "", "dataset", "id")


def queries(path: Path) -> Iterator[tuple[int, str]]:
    """(line, query) of every string in a file that begins a query and has a class to select from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in inner:
            continue
        text = _text(node)
        if text is not None:
            inner.update(id(n) for n in ast.walk(node))
            if STARTS.match(text) and FROM.search(text):
                yield node.lineno, " ".join(text.split())


def filled(query: str) -> Iterator[str]:
    """The query with each guess in place of what is unknown."""
    if UNKNOWN not in query:
        yield query
        return
    for guess in STANDING_FOR:
        yield query.replace(UNKNOWN, guess)


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(v) or UNKNOWN for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None else left + (UNKNOWN if right is None else right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        left = _text(node.left)
        return None if left is None else re.sub(r"%(\(\w+\))?s", UNKNOWN, re.sub(r"%[id]", "1", left))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        left = _text(node.func.value)
        return None if left is None else re.sub(r"\{\w*\}", UNKNOWN, left)
    return None
