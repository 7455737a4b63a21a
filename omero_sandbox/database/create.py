"""A new OMERO database: all that a server expects to be there at its first start."""

from contextlib import closing

import psycopg2

from .ddl import packaged, protection, rows, structure


def create(dsn: str) -> None:
    """Make the schema and the initial rows in the empty database at `dsn`, in one transaction.

    The server gives root the first password. Source: OMERO 5.4's schema.json and initial_rows.json."""
    schema, initial = packaged("schema"), packaged("initial_rows")
    passwords = "INSERT INTO password (experimenter_id, hash) VALUES (0, NULL), (1, '');"
    statements = [*structure(schema), *rows(initial), passwords, *protection(schema)]
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("\n".join(statements))
