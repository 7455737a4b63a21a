"""One PostgreSQL for all tests of this folder: a database that stays as it was made, and one to change."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from omero_sandbox.database import postgres, template


@pytest.fixture(scope="session")
def new_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A new OMERO database."""
    folder = tmp_path_factory.mktemp("database")
    port = postgres.free_port()
    template.install(folder / "postgres")
    postgres.start(folder / "postgres", port, folder / "log")
    yield postgres.dsn(port)
    postgres.stop(folder / "postgres")


@pytest.fixture(scope="session")
def dsn(new_dsn: str) -> str:
    """An OMERO database that tests may change."""
    administrator = new_dsn.replace("user=omero dbname=omero", "user=postgres dbname=postgres")
    with closing(psycopg2.connect(administrator)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE used TEMPLATE omero OWNER omero")
    return new_dsn.replace("dbname=omero", "dbname=used")


@pytest.fixture
def new_sql(new_dsn: str) -> "Iterator[Sql]":
    with closing(psycopg2.connect(new_dsn)) as connection:
        yield Sql(connection)


@pytest.fixture
def sql(dsn: str) -> "Iterator[Sql]":
    with closing(psycopg2.connect(dsn)) as connection:
        yield Sql(connection)
        connection.rollback()


class Sql:
    """Statements of one test, in one transaction."""

    def __init__(self, connection: Any) -> None:
        self.cursor = connection.cursor()

    def __call__(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        self.cursor.execute(statement, values or None)
        return self.cursor.fetchall() if self.cursor.description else []

    def one(self, statement: str, *values: Any) -> Any:
        [[value]] = self(statement, *values)
        return value

    def refused(self, statement: str, *values: Any) -> str:
        """The message with which the statement fails; the transaction goes on as if it had not been."""
        self.cursor.execute("SAVEPOINT before")
        with pytest.raises(psycopg2.Error) as error:
            self.cursor.execute(statement, values or None)
        self.cursor.execute("ROLLBACK TO SAVEPOINT before")
        return str(error.value)

    def new(self, table: str, **columns: Any) -> int:
        """Insert a row with the columns that every OMERO row has, and return its id."""
        names = {
            name for (name,) in self("SELECT column_name FROM information_schema.columns WHERE table_name = %s", table)
        }
        common = dict.fromkeys(("owner_id", "group_id", "creation_id", "update_id"), 0)
        values = {
            "id": self.one("SELECT ome_nextval(%s)", f"seq_{table}"),
            "permissions": -120,
            **common,
            **columns,
        }
        values = {name: value for name, value in values.items() if name in names}
        marks = ", ".join(["%s"] * len(values))
        quoted = ", ".join(f'"{name}"' for name in values)
        self(f'INSERT INTO "{table}" ({quoted}) VALUES ({marks})', *values.values())
        return int(values["id"])
