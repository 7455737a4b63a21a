"""The statements that make the OMERO 5.4 database, from the description of its shape in schema.json."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from .functions import functions

# What a count_*_by_owner view counts when it is not annotation links: the link table, and the side in it
# that the view is about.
LINK_VIEWS = {
    "count_dataset_imagelinks_by_owner": ("datasetimagelink", "parent"),
    "count_dataset_projectlinks_by_owner": ("projectdatasetlink", "child"),
    "count_fileset_joblinks_by_owner": ("filesetjoblink", "parent"),
    "count_filter_emissionfilterlink_by_owner": ("filtersetemissionfilterlink", "child"),
    "count_filter_excitationfilterlink_by_owner": ("filtersetexcitationfilterlink", "child"),
    "count_filterset_emissionfilterlink_by_owner": ("filtersetemissionfilterlink", "parent"),
    "count_filterset_excitationfilterlink_by_owner": ("filtersetexcitationfilterlink", "parent"),
    "count_folder_imagelinks_by_owner": ("folderimagelink", "parent"),
    "count_folder_roilinks_by_owner": ("folderroilink", "parent"),
    "count_image_datasetlinks_by_owner": ("datasetimagelink", "child"),
    "count_image_folderlinks_by_owner": ("folderimagelink", "child"),
    "count_job_originalfilelinks_by_owner": ("joboriginalfilelink", "parent"),
    "count_lightpath_emissionfilterlink_by_owner": ("lightpathemissionfilterlink", "parent"),
    "count_lightpath_excitationfilterlink_by_owner": ("lightpathexcitationfilterlink", "parent"),
    "count_originalfile_pixelsfilemaps_by_owner": ("pixelsoriginalfilemap", "parent"),
    "count_pixels_pixelsfilemaps_by_owner": ("pixelsoriginalfilemap", "child"),
    "count_plate_screenlinks_by_owner": ("screenplatelink", "child"),
    "count_project_datasetlinks_by_owner": ("projectdatasetlink", "parent"),
    "count_reagent_welllinks_by_owner": ("wellreagentlink", "child"),
    "count_roi_folderlinks_by_owner": ("folderroilink", "child"),
    "count_screen_platelinks_by_owner": ("screenplatelink", "parent"),
    "count_well_reagentlinks_by_owner": ("wellreagentlink", "parent"),
}


@cache
def packaged(name: str) -> Any:
    """The content of a gzipped JSON file of this package: `schema` or `initial_rows`."""
    return json.loads(gzip.decompress((files(__package__) / f"{name}.json.gz").read_bytes()))


def structure(schema: Mapping[str, Any]) -> Iterator[str]:
    """Statements for types, sequences, functions and tables: what rows need to go in."""
    for domain in schema["domains"]:
        yield f"CREATE DOMAIN {domain['name']} AS {domain['base']} {domain['check']};"
    for name, values in schema["enums"].items():
        yield f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, values))});"
    for sequence in schema["sequences"]:
        yield f"CREATE SEQUENCE {sequence};"
    yield from functions(schema)
    for table, shape in schema["tables"].items():
        yield _table(table, shape)


def protection(schema: Mapping[str, Any]) -> Iterator[str]:
    """Statements for indexes, foreign keys, triggers and views: what is put on after the initial rows.

    The initial rows refer to each other in a circle (event, session), so foreign keys must come later."""
    for table, shape in schema["tables"].items():
        constraints = _constraint_names(table, shape)
        yield from (_index(table, i) for i in shape["indexes"] if i["name"] not in constraints)
        if shape["foreign_keys"]:
            yield f"ALTER TABLE {quoted(table)} {', '.join(map(_foreign_key, shape['foreign_keys']))};"
        yield from (_trigger(table, trigger) for trigger in shape["triggers"])
    for view, columns in schema["views"].items():
        yield _view(view, columns)


def rows(initial: Mapping[str, Any]) -> Iterator[str]:
    """Statements for the rows of a new database and for the values that its sequences stand at."""
    for table, values in initial.items():
        if not table.startswith("_") or table in ("_lock_ids", "_roles"):
            yield from (_insert(table, row) for row in values)
    formats = initial["_format_values"]
    for number, value in enumerate(formats, start=1):
        yield _insert("format", {"id": number, "permissions": -52, "value": value})
    for sequence, last in {**initial["_sequences"], "seq_format": len(formats)}.items():
        yield f"SELECT setval('{sequence}', {last});"


def quoted(name: str) -> str:
    """A table's or column's name as SQL has it; several are reserved words ("column", "type", "index")."""
    return f'"{name}"'


def literal(value: Any) -> str:
    """A value of initial_rows.json as SQL has it."""
    if value == "<now>":
        return "now()"
    if value == "<a new uuid>":
        return "uuid()"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _names(columns: Iterable[str]) -> str:
    return ", ".join(map(quoted, columns))


def _insert(table: str, row: Mapping[str, Any]) -> str:
    return f"INSERT INTO {quoted(table)} ({_names(row)}) VALUES ({', '.join(map(literal, row.values()))});"


def _constraint_names(table: str, shape: Mapping[str, Any]) -> set[str]:
    """Names of the indexes that the table's own constraints make."""
    return {f"{table}_pkey", *(unique["name"] for unique in shape["unique"])}


def _table(table: str, shape: Mapping[str, Any]) -> str:
    parts = [_column(column) for column in shape["columns"]]
    if shape["primary_key"]:
        parts.append(f"CONSTRAINT {table}_pkey PRIMARY KEY ({_names(shape['primary_key'])})")
    parts += [f"CONSTRAINT {u['name']} UNIQUE ({_names(u['columns'])})" for u in shape["unique"]]
    parts += [f"CONSTRAINT {check['name']} {check['definition']}" for check in shape["check"]]
    unlogged = "UNLOGGED " if shape["unlogged"] else ""
    return f"CREATE {unlogged}TABLE {quoted(table)} ({', '.join(parts)});"


def _column(column: Mapping[str, Any]) -> str:
    default = f" DEFAULT {column['default']}" if column["default"] else ""
    return f"{quoted(column['name'])} {column['type']}{default}{'' if column['nullable'] else ' NOT NULL'}"


def _index(table: str, index: Mapping[str, Any]) -> str:
    columns = ", ".join(index["columns"])  # quoted where needed, and an expression is cut at its commas
    where = f" WHERE {index['where']}" if "where" in index else ""
    unique = "UNIQUE " if index["unique"] else ""
    return f"CREATE {unique}INDEX {index['name']} ON {quoted(table)} USING {index['method']} ({columns}){where};"


def _foreign_key(key: Mapping[str, Any]) -> str:
    deferrable = " DEFERRABLE" if key["deferrable"] else ""
    deferred = " INITIALLY DEFERRED" if key["initially_deferred"] else ""
    return (
        f"ADD CONSTRAINT {key['name']} FOREIGN KEY ({_names(key['columns'])}) "
        f"REFERENCES {quoted(key['references'])} ({_names(key['ref_columns'])}){deferrable}{deferred}"
    )


def _trigger(table: str, trigger: Mapping[str, Any]) -> str:
    constraint = "CONSTRAINT " if trigger.get("options") else ""
    arguments = ", ".join(map(literal, trigger.get("args", [])))
    return (
        f"CREATE {constraint}TRIGGER {trigger['name']} {trigger['timing']} {trigger['events']} "
        f"ON {quoted(table)} {trigger.get('options', '')} FOR EACH {trigger['level']} "
        f"EXECUTE FUNCTION {trigger['function']}({arguments});"
    )


def _view(view: str, columns: list[str]) -> str:
    about = columns[0].removesuffix("_id")
    table, side = LINK_VIEWS.get(view, (f"{about}annotationlink", "parent"))
    return (
        f"CREATE VIEW {view} ({_names(columns)}) AS "
        f"SELECT {side}, owner_id, count(*) FROM {table} GROUP BY {side}, owner_id ORDER BY {side};"
    )
