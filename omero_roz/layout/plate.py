"""NGFF plates and wells: 0.1 to 0.5, sparse or full."""

from __future__ import annotations

from typing import Any

from omero_roz.layout.documents import Documents
from omero_roz.layout.json_values import as_dict, as_int, as_list, as_str
from omero_roz.layout.model import Acquisition, Field, Plate, Well, ZarrFormat
from omero_roz.layout.paths import join, unsafe
from omero_roz.layout.store import Absent

MOST_NAMES = 1000  # rows or columns; the largest plates have 48


def read_plate(documents: Documents, path: str, attributes: dict[str, Any], zarr_format: ZarrFormat) -> Plate:
    """The plate of a group's attributes, with the fields of every well (one fetch), less what is broken."""
    block = as_dict(attributes.get("plate"))
    rows, columns = _names(block.get("rows")), _names(block.get("columns"))
    if len(rows) > MOST_NAMES or len(columns) > MOST_NAMES:
        documents.problem(path, f"no plate has {len(rows)} rows and {len(columns)} columns", "convert again")
        rows, columns = rows[:MOST_NAMES], columns[:MOST_NAMES]
    places = _places(documents, path, block, rows, columns)
    groups = documents.groups(places, zarr_format)
    wells = []
    for well_path, (row, column) in places.items():
        group = groups[well_path]
        if isinstance(group, Absent):
            documents.problem(
                well_path,
                f"the plate lists this well, but its group is {group.why}",
                "restore it or take it off the plate's list",
            )
        elif group is not None:
            wells.append(Well(well_path, row, column, _fields(documents, well_path, group)))
    return Plate(
        path,
        as_str(block.get("name")) or "",
        rows,
        columns,
        tuple(sorted(wells, key=lambda well: (well.row, well.column))),
        tuple(_acquisition(as_dict(item)) for item in as_list(block.get("acquisitions"))),
        as_int(block.get("field_count")),
        as_str(block.get("version")) or as_str(attributes.get("version")),
    )


def _names(value: Any) -> tuple[str, ...]:
    return tuple(str(as_dict(item).get("name", "")) for item in as_list(value))


def _places(
    documents: Documents, plate: str, block: dict[str, Any], rows: tuple[str, ...], columns: tuple[str, ...]
) -> dict[str, tuple[int, int]]:
    """Row and column of every well by its path; two wells with one path or one place are problems."""
    places: dict[str, tuple[int, int]] = {}
    taken: set[tuple[int, int]] = set()
    for item in as_list(block.get("wells")):
        name = as_str(as_dict(item).get("path"))
        reason = "it is missing" if not name else unsafe(name)
        if reason or not name:
            documents.problem(plate, f"the well path {name!r} is refused: {reason}", "use ROW/COLUMN")
            continue
        path, place = join(plate, name), _place(as_dict(item), name, rows, columns)
        if path in places:
            documents.problem(path, "two wells of the plate have this path", "list each well once")
        elif place is None:
            documents.problem(path, "the well has no row and column on the plate", "state rowIndex and columnIndex")
        elif place in taken:
            documents.problem(path, f"two wells are in row {place[0]}, column {place[1]}", "list each well once")
        else:
            places[path] = place
            taken.add(place)
            if place[0] >= len(rows) or place[1] >= len(columns):
                documents.warning(
                    path,
                    f"row {place[0]}, column {place[1]} is not on the plate's {len(rows)} x {len(columns)}",
                    "list all rows and columns",
                )
    return places


def _place(well: dict[str, Any], name: str, rows: tuple[str, ...], columns: tuple[str, ...]) -> tuple[int, int] | None:
    """Stated indices (0.3.0: `row_index`), else those of the names in the path (NGFF up to 0.3)."""
    row = as_int(well.get("rowIndex", well.get("row_index")))
    column = as_int(well.get("columnIndex", well.get("column_index")))
    if row is None or column is None:
        segments = name.split("/")
        if len(segments) != 2 or segments[0] not in rows or segments[1] not in columns:
            return None
        row, column = rows.index(segments[0]), columns.index(segments[1])
    return (row, column) if 0 <= row < 2**31 and 0 <= column < 2**31 else None


def _fields(documents: Documents, well: str, attributes: dict[str, Any]) -> tuple[Field, ...]:
    """The images of a well in their order; a field's place in a well is its position, never its name."""
    fields: dict[str, Field] = {}
    images = as_list(as_dict(attributes.get("well")).get("images"))
    if not images:
        documents.warning(well, "the well lists no images", "take it off the plate's list")
    for item in images:
        image = as_dict(item)
        name = as_str(image.get("path"))
        reason = "it is missing" if not name else unsafe(name)
        if reason or not name:
            documents.problem(well, f"the image path {name!r} is refused: {reason}", "use plain relative paths")
        elif join(well, name) in fields:
            documents.problem(join(well, name), "two images of the well have this path", "list each image once")
        else:
            fields[join(well, name)] = Field(join(well, name), _id(image.get("acquisition")))
    return tuple(fields.values())


def _id(value: Any) -> str | None:
    return str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None


def _acquisition(block: dict[str, Any]) -> Acquisition:
    return Acquisition(
        _id(block.get("id")) or "",
        as_str(block.get("name")),
        as_str(block.get("description")),
        as_int(block.get("starttime")),
        as_int(block.get("endtime")),
        as_int(block.get("maximumfieldcount")),
    )
