"""Every row of a database, to be compared before and after; on a server where others work beside, one user's rows."""

from dataclasses import dataclass
from typing import Any

import omero.clients
import psycopg2
import pytest

from tests.support.servers import Server

# What each save leaves behind or counts up, and what a server does by itself meanwhile.
CHANGES = {"update_id", "version", "external_id"}
NOT_DATA = {"event", "eventlog", "session", "_reindexing_required", "externalinfo", "_current_admin_privileges"}
REFERENCES = """
SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'
"""
Table = dict[str, dict[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Rows:
    """The rows of all tables by their keys; an ExternalInfo stands where it is referred to, with its content."""

    tables: Table

    def changed_in(self, other: "Rows") -> dict[str, list[tuple[Any, Any]]]:
        """Rows of ours that are otherwise there, or gone; new rows do not count."""
        found = {}
        for table, rows in self.tables.items():
            theirs = other.tables.get(table, {})
            differing = [(row, theirs.get(key)) for key, row in rows.items() if theirs.get(key) != row]
            if differing:
                found[table] = differing
        return found

    def new_in(self, other: "Rows") -> dict[str, int]:
        """How many rows each table of the other has more."""
        counts = {t: len(rows.keys() - self.tables.get(t, {}).keys()) for t, rows in other.tables.items()}
        return {table: count for table, count in counts.items() if count}


def all_rows(server: Server, client: omero.clients.BaseClient) -> Rows:
    """Every row of every table that holds data; of a shared server what is the client's or in their group."""
    if not server.dsn:
        pytest.skip("needs the server's database (--db)")
    connection = psycopg2.connect(server.dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT id, entitytype, entityid, lsid, uuid FROM externalinfo")
            infos = {number: content for number, *content in cursor.fetchall()}
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            names = [name for [name] in cursor.fetchall() if name not in NOT_DATA]
            tables = {name: _rows(cursor, name, infos) for name in names}
            return Rows(_own(cursor, tables, client) if server.shared else tables)
    finally:
        connection.close()


def _own(cursor: Any, tables: Table, client: omero.clients.BaseClient) -> Table:
    """Rows with the client's owner or group; of tables that know neither, those that refer to such rows."""
    context = client.sf.getAdminService().getEventContext()
    cursor.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
    owned = {table for table, column in cursor.fetchall() if column == "group_id" and table != "externalinfo"}
    kept = {
        table: {
            key: row
            for key, row in rows.items()
            if row.get("owner_id") == context.userId or row.get("group_id") == context.groupId
        }
        for table, rows in tables.items()
        if table in owned
    }
    cursor.execute(REFERENCES)
    references = [(table, column, target) for table, column, target in cursor.fetchall() if table in tables]
    # parts of jobs have parts again: as often as it goes on
    while found := {table for table, _, target in references if table not in kept and target in kept}:
        parts = {table: [r for r in references if r[0] == table and r[2] in kept] for table in found}
        for table, columns in parts.items():
            kept[table] = {
                key: row
                for key, row in tables[table].items()
                if any(row[column] in kept[target] for _, column, target in columns)
            }
    return kept


def _rows(cursor: Any, table: str, infos: dict[int, list]) -> dict[Any, dict[str, Any]]:
    cursor.execute(f"SELECT * FROM {table}")
    columns = [column.name for column in cursor.description]
    rows = {}
    for values in cursor.fetchall():
        row = dict(zip(columns, values, strict=True))
        key = row["id"] if "id" in row else tuple(map(str, values))
        kept = {name: value for name, value in row.items() if name not in CHANGES}
        rows[key] = kept | {"external": infos.get(row.get("external_id"))}
    return rows
