"""The database has the shape that schema.json describes, read back from PostgreSQL's own catalogue."""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omero_sandbox.database.ddl import LINK_VIEWS, packaged

from .conftest import Sql

SCHEMA = packaged("schema")
TABLES = SCHEMA["tables"]
SHARED = Path(os.environ.get("OMERO_ROZ_SHARED") or Path(__file__).parents[4] / "shared")


@pytest.mark.parametrize("name", ["schema", "initial_rows"])
def test_packaged_copy_is_the_source(name: str) -> None:
    source = SHARED / "omero" / f"{name}.json"
    if not source.exists():
        pytest.skip(f"{source} is not here")
    assert packaged(name) == json.loads(source.read_text())


def test_columns(new_sql: Sql) -> None:
    found = defaultdict(list)
    for table, name, type_, nullable, default in new_sql(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, "
        "pg_get_expr(d.adbin, d.adrelid) "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
        "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, a.attnum"
    ):
        found[table].append({"name": name, "type": type_, "nullable": nullable, "default": default})
    assert found == {table: shape["columns"] for table, shape in TABLES.items()}


def test_unlogged_tables(new_sql: Sql) -> None:
    found = new_sql("SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'")
    assert {name for (name,) in found} == {table for table, shape in TABLES.items() if shape["unlogged"]}


def test_constraints(new_sql: Sql) -> None:
    found = set(
        new_sql(
            "SELECT c.conrelid::regclass::text, c.conname, c.contype::text, pg_get_constraintdef(c.oid) "
            "FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.conrelid <> 0 "
            "AND c.contype IN ('p', 'u', 'f', 'c')"
        )
    )
    assert {(t.strip('"'), n, k, _plain(d)) for t, n, k, d in found} == set(_described_constraints())


def _described_constraints() -> Iterator[tuple[str, str, str, str]]:
    for table, shape in TABLES.items():
        if shape["primary_key"]:
            yield table, f"{table}_pkey", "p", f"PRIMARY KEY ({', '.join(shape['primary_key'])})"
        for unique in shape["unique"]:
            yield table, unique["name"], "u", f"UNIQUE ({', '.join(unique['columns'])})"
        for check in shape["check"]:
            yield table, check["name"], "c", _plain(check["definition"])
        for key in shape["foreign_keys"]:
            columns, there = ", ".join(key["columns"]), ", ".join(key["ref_columns"])
            later = " DEFERRABLE" * key["deferrable"] + " INITIALLY DEFERRED" * key["initially_deferred"]
            definition = f"FOREIGN KEY ({columns}) REFERENCES {key['references']}({there}){later}"
            yield table, key["name"], "f", definition


def test_indexes(new_sql: Sql) -> None:
    found = {
        (table.strip('"'), name): (unique, method, _plain(columns), where)
        for table, name, unique, method, columns, where in new_sql(
            "SELECT i.indrelid::regclass::text, c.relname, i.indisunique, m.amname, "
            "  (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' ORDER BY n) "
            "   FROM generate_series(1, i.indnkeyatts) AS n), pg_get_expr(i.indpred, i.indrelid) "
            "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam "
            "WHERE c.relnamespace = 'public'::regnamespace"
        )
    }
    described = {
        (table, i["name"]): (i["unique"], i["method"], _plain(", ".join(i["columns"])), _where(i))
        for table, shape in TABLES.items()
        for i in shape["indexes"]
    }
    assert found == described


def _where(index: dict[str, Any]) -> str | None:
    return f"({index['where']})" if "where" in index else None


def test_triggers(new_sql: Sql) -> None:
    found = {
        (table.strip('"'), name): re.sub(r"\s+", " ", definition.replace('"', "").replace("public.", ""))
        for table, name, definition in new_sql(
            "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
        )
    }
    described = {(table, t["name"]): _trigger(table, t) for table, shape in TABLES.items() for t in shape["triggers"]}
    assert found == described


def _trigger(table: str, trigger: dict[str, Any]) -> str:
    options = f" {trigger['options']}" if "options" in trigger else ""
    constraint = "CONSTRAINT " if options else ""
    arguments = ", ".join(f"'{argument}'" for argument in trigger.get("args", []))
    return (
        f"CREATE {constraint}TRIGGER {trigger['name']} {trigger['timing']} "
        f"{trigger['events']} ON {table}{options} FOR EACH {trigger['level']} "
        f"EXECUTE FUNCTION {trigger['function']}({arguments})"
    )


def test_functions(new_sql: Sql) -> None:
    found = {
        f"{name}({arguments})": (returns, language, volatility)
        for name, arguments, returns, language, volatility in new_sql(
            "SELECT p.proname, pg_get_function_identity_arguments(p.oid), "
            "format_type(p.prorettype, NULL), l.lanname, p.provolatile::text FROM pg_proc p "
            "JOIN pg_language l ON l.oid = p.prolang "
            "WHERE p.pronamespace = 'public'::regnamespace"
        )
    }
    functions = SCHEMA["functions"].items()
    assert found == {s: (f["returns"], f["language"], f["volatility"]) for s, f in functions}


def test_domains(new_sql: Sql) -> None:
    found = new_sql(
        "SELECT t.typname, format_type(t.typbasetype, t.typtypmod), pg_get_constraintdef(c.oid) "
        "FROM pg_type t JOIN pg_constraint c ON c.contypid = t.oid AND c.contype = 'c' "
        "WHERE t.typnamespace = 'public'::regnamespace"
    )
    assert sorted(found) == sorted((d["name"], d["base"], d["check"]) for d in SCHEMA["domains"])


def test_enums(new_sql: Sql) -> None:
    found = new_sql(
        "SELECT enumtypid::regtype::text, array_agg(enumlabel::text ORDER BY enumsortorder) FROM pg_enum GROUP BY 1"
    )
    assert dict(found) == SCHEMA["enums"]


def test_sequences(new_sql: Sql) -> None:
    found = new_sql("SELECT relname FROM pg_class WHERE relkind = 'S'")
    assert sorted(name for (name,) in found) == sorted(SCHEMA["sequences"])


def test_views(new_sql: Sql) -> None:
    found = defaultdict(list)
    for view, column in new_sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_name IN "
        "(SELECT viewname FROM pg_views WHERE schemaname = 'public') ORDER BY table_name, ordinal_position"
    ):
        found[view].append(column)
    assert found == SCHEMA["views"]


def test_every_view_counts_links_of_what_it_is_named_for() -> None:
    for view, columns in SCHEMA["views"].items():
        about = columns[0].removesuffix("_id")
        table, side = LINK_VIEWS.get(view, (f"{about}annotationlink", "parent"))
        [key] = [key for key in TABLES[table]["foreign_keys"] if key["columns"] == [side]]
        assert key["references"] == about, view


def test_initial_rows(new_sql: Sql) -> None:
    initial = packaged("initial_rows")
    for table, rows in initial.items():
        if table.startswith("_") and table not in ("_lock_ids", "_roles"):
            continue
        columns = sorted({column for row in rows for column in row})
        quoted = ", ".join(f'"{column}"' for column in columns)
        found = [dict(zip(columns, row, strict=True)) for row in new_sql(f'SELECT {quoted} FROM "{table}"')]
        assert len(found) == len(rows), table
        for row in rows:
            fixed = {column: value for column, value in row.items() if value not in ("<now>", "<a new uuid>")}
            assert any(fixed.items() <= there.items() for there in found), (table, row)
    assert [value for (value,) in new_sql("SELECT value FROM format ORDER BY id")] == initial["_format_values"]


def test_sequences_stand_where_the_initial_rows_end(new_sql: Sql) -> None:
    for sequence, last in packaged("initial_rows")["_sequences"].items():
        assert new_sql.one(f"SELECT last_value FROM {sequence} WHERE is_called") == last
    for table in ("event", "session", "experimenter", "experimentergroup", "format", "image"):
        highest = new_sql.one(f'SELECT coalesce(max(id), 0) FROM "{table}"')
        assert new_sql.one("SELECT ome_nextval(%s)", f"seq_{table}") > highest


def test_owner_is_no_superuser(new_sql: Sql) -> None:
    assert new_sql("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user") == [("omero", False)]
    assert new_sql("SELECT datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'omero'") == [
        ("C.UTF-8", "UTF8")
    ]


def _plain(definition: str) -> str:
    """A definition without the quotes that PostgreSQL puts around reserved words."""
    return definition.replace('"', "")
