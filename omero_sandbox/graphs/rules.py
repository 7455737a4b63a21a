"""How rows hang together for a deletion or a move, read from the schema's foreign keys and a few rules of OMERO's own.

A row that refers to a deleted one goes too where the reference is required, and forgets it where it is not
(exceptions: ALSO_GOES, FORBIDS). A row that only deleted ones refer to goes too where the reference is one of HOLDERS.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from omero_sandbox.model.mapping import schema

DETAILS = {"owner_id", "group_id", "creation_id", "update_id", "external_id"}

ALSO_GOES = {("image", "fileset"), ("roi", "image"), ("wellsample", "plateacquisition"), ("annotation", "file")}
FORBIDS = {
    ("wellsample", "image"), ("filesetentry", "originalfile"), ("joboriginalfilelink", "child"),
    ("channel", "logicalchannel"),
}  # fmt: skip
# What such a row refers to goes with the last of them. Of links, it is the child.
HOLDERS = {
    ("image", "fileset"), ("image", "instrument"), ("image", "objectivesettings"), ("image", "imagingenvironment"),
    ("image", "stagelabel"), ("image", "experiment"), ("instrument", "microscope"), ("channel", "logicalchannel"),
    ("channel", "statsinfo"), ("logicalchannel", "detectorsettings"), ("logicalchannel", "lightsourcesettings"),
    ("logicalchannel", "lightpath"), ("filter", "transmittancerange"), ("renderingdef", "quantization"),
    ("filesetentry", "originalfile"), ("filesetjoblink", "child"), ("joboriginalfilelink", "child"),
    ("pixelsoriginalfilemap", "parent"), ("annotation", "file"), ("shape", "transform"), ("wellsample", "image"),
    ("datasetimagelink", "child"), ("projectdatasetlink", "child"), ("screenplatelink", "child"),
}  # fmt: skip
# Who refers to a part of an instrument holds the instrument.
PART_HOLDERS = {
    ("detectorsettings", "detector"), ("objectivesettings", "objective"), ("lightsettings", "lightsource"),
    ("lightpath", "dichroic"), ("lightpathemissionfilterlink", "child"), ("lightpathexcitationfilterlink", "child"),
    ("logicalchannel", "filterset"), ("logicalchannel", "otf"),
}  # fmt: skip
# What such a row refers to goes with the last of them even if it is not the caller's to take, which then fails.
WHOLE = {("image", "fileset"), ("filesetentry", "originalfile"), ("joboriginalfilelink", "child")}
# Rows of others on one's own data go without asking them.
ANYBODYS = {"thumbnail", "renderingdef", "channelbinding", "quantumdef", "codomainmapcontext", "projectiondef"}


@dataclass(frozen=True)
class Edge:
    """A foreign key between the rows of two classes: `key` is the column with the id of the row that refers."""

    table: str
    key: str
    column: str
    target: str
    required: bool

    @property
    def goes(self) -> bool:
        """Whether the row goes with the one that it refers to."""
        pair = (self.table, self.column)
        return pair not in FORBIDS and (self.required or pair in ALSO_GOES)

    @property
    def forbids(self) -> bool:
        """Whether the row keeps the one that it refers to from being deleted alone."""
        return (self.table, self.column) in FORBIDS

    @property
    def demands(self) -> bool:
        """Whether what the row holds must go with the last such row, whoever owns it."""
        return (self.table, self.column) in WHOLE

    @property
    def holds(self) -> bool:
        """Whether what the row refers to goes with the last such row."""
        return (self.table, self.column) in HOLDERS or (
            self.column == "child" and self.table.endswith("annotationlink")
        )


@cache
def referring() -> dict[str, list[Edge]]:
    """Table -> edges of the rows that refer to its rows."""
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in _edges():
        found[edge.target].append(edge)
    return dict(found)


@cache
def references() -> dict[str, list[Edge]]:
    """Table -> edges of its own rows."""
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in _edges():
        found[edge.table].append(edge)
    return dict(found)


@dataclass(frozen=True)
class Holder:
    """Rows of a table that hold others, by an edge of their own, or as users of a part of what they hold.

    `rows` is what they are in SQL: their FROM clause, in which r is the row and `held` the id of what it holds.
    """

    edge: Edge
    target: str
    rows: str
    held: str


@cache
def holding() -> dict[str, list[Holder]]:
    """Table -> the ways in which its rows hold others."""
    found: dict[str, list[Holder]] = defaultdict(list)
    for holder in _holders():
        found[holder.edge.table].append(holder)
    return dict(found)


@cache
def held() -> dict[str, list[Holder]]:
    """Table -> the ways in which its rows are held by others."""
    found: dict[str, list[Holder]] = defaultdict(list)
    for holder in _holders():
        found[holder.target].append(holder)
    return dict(found)


@cache
def _holders() -> list[Holder]:
    found = []
    for edge in _edges():
        if edge.holds:
            found.append(Holder(edge, edge.target, f"{edge.table} r", f"r.{edge.column}"))
        if (edge.table, edge.column) in PART_HOLDERS:
            part = f"{edge.table} r JOIN {edge.target} part ON part.id = r.{edge.column}"
            found.append(Holder(edge, "instrument", part, "part.instrument"))
    return found


@cache
def parts() -> dict[str, list[tuple[str, str]]]:
    """Table -> tables with further columns or values of its rows, each with the column of the row's id."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, known in schema()["tables"].items():
        if not is_root(table):
            for key in known["foreign_keys"]:
                if key["columns"][0].endswith("_id") and key["columns"][0] not in DETAILS:
                    found[key["references"]].append((table, key["columns"][0]))
    return dict(found)


def is_root(table: str) -> bool:
    """Whether rows of the table are objects of their own."""
    return {"id", "permissions"} <= {column["name"] for column in schema()["tables"][table]["columns"]}


@cache
def _edges() -> list[Edge]:
    found = []
    for table, known in schema()["tables"].items():
        required = {column["name"] for column in known["columns"] if not column["nullable"]}
        own = known["primary_key"][0] if known["primary_key"] else ""
        for key in known["foreign_keys"]:
            (column,) = key["columns"]
            if column not in DETAILS and (is_root(table) or not column.endswith("_id")):
                found.append(Edge(table, own, column, key["references"], column in required))
    return found
