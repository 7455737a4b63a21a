"""How rows refer to each other: the schema's foreign keys, and the properties of the model that they are."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from omero_sandbox.model.mapping import Reference, entities, schema

DETAILS = {"owner_id", "group_id", "creation_id", "update_id", "external_id"}


@dataclass(frozen=True)
class Edge:
    """A foreign key between the rows of two classes: `key` is the column with the id of the row that refers.

    `root`: the table of the object that the row is part of; `name`: the property, as ome.model.core.Image.fileset.
    """

    table: str
    key: str
    column: str
    target: str
    required: bool
    root: str
    name: str


@cache
def referring() -> dict[str, list[Edge]]:
    """Table -> edges of the rows that refer to its rows."""
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in _edges():
        found[edge.target].append(edge)
    return dict(found)


@cache
def referred() -> dict[str, list[Edge]]:
    """Table of an object -> edges of its own rows, those of its subclasses too."""
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in _edges():
        found[edge.root].append(edge)
    return dict(found)


@cache
def edge_at(table: str, column: str) -> Edge:
    """The edge of a column."""
    return next(edge for edge in _edges() if (edge.table, edge.column) == (table, column))


@cache
def parts() -> dict[str, list[tuple[str, str]]]:
    """Table -> tables with further columns or values of its rows, each with the column of the row's id."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, known in schema()["tables"].items():
        if not _is_root(table):
            for key in known["foreign_keys"]:
                if key["columns"][0].endswith("_id") and key["columns"][0] not in DETAILS:
                    found[key["references"]].append((table, key["columns"][0]))
    return dict(found)


def _is_root(table: str) -> bool:
    """Whether rows of the table are objects of their own."""
    return {"id", "permissions"} <= {column["name"] for column in schema()["tables"][table]["columns"]}


@cache
def _edges() -> list[Edge]:
    properties = _properties()
    found = []
    for table, known in schema()["tables"].items():
        required = {column["name"] for column in known["columns"] if not column["nullable"]}
        own = known["primary_key"][0] if known["primary_key"] else ""
        for key in known["foreign_keys"]:
            (column,) = key["columns"]
            if (table, column) in properties:
                root, name = properties[table, column]
                found.append(Edge(table, own, column, key["references"], column in required, root, name))
    return found


@cache
def _properties() -> dict[tuple[str, str], tuple[str, str]]:
    """Column of a reference -> table of the object, name of the property in the class that has it first."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for cls in sorted(entities().values(), key=lambda e: len(e.parents)):
        for p in cls.of(Reference):
            found.setdefault((p.table, p.column), (cls.table, f"{cls.java}.{p.name}"))
    return found
