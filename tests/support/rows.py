"""Every row of a database, to be compared before and after."""

from dataclasses import dataclass
from typing import Any

import psycopg2

# What each save leaves behind or counts up, and what a server does by itself meanwhile.
CHANGES = {"update_id", "version", "external_id"}
NOT_DATA = {"event", "eventlog", "session", "_reindexing_required", "externalinfo", "_current_admin_privileges"}


@dataclass(frozen=True)
class Rows:
    """The rows of all tables by their keys; an ExternalInfo stands where it is referred to, with its content."""

    tables: dict[str, dict[Any, dict[str, Any]]]

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


def all_rows(dsn: str) -> Rows:
    """Every row of every table that holds data."""
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, entitytype, entityid, lsid, uuid FROM externalinfo")
        infos = {number: content for number, *content in cursor.fetchall()}
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [name for [name] in cursor.fetchall() if name not in NOT_DATA]
        tables = {name: _rows(cursor, name, infos) for name in names}
    connection.close()
    return Rows(tables)


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
