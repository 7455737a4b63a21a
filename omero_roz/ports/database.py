"""OMERO's PostgreSQL database: one connection, transactions, errors. Values go in as parameters only.

An address is a libpq service name or a DSN; what is left out comes from PGHOST, PGPASSFILE, pg_service.conf and so on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from omero_roz.errors import Refused, Unreachable, UsageError
from omero_roz.fileset import ServersDatabase
from omero_roz.shown import said

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

_WHOSE = """SELECT (SELECT value FROM configuration WHERE name = 'omero.db.uuid'),
    (SELECT encode(sha256(convert_to(uuid, 'UTF8')), 'hex') FROM session WHERE id = %(session)s)"""
_FIX = "name the database of the server that you are logged in to"
_SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
_VARIABLES = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")
_SERVICE = re.compile(r"[\w.-]+( [\w.-]+)*")
# A network that is cut without a word is noticed after two minutes.
_CONNECTION = {
    "connect_timeout": "15", "application_name": "omero-roz", "keepalives_idle": "60", "tcp_user_timeout": "120000",
}  # fmt: skip


def parse_address(text: str) -> dict[str, str]:
    """The libpq parameters of a service name or DSN.

    Raises UsageError, without showing the text, where it cannot be read or has a password in it.
    """
    import psycopg2
    from psycopg2.extensions import parse_dsn

    for variable in _VARIABLES:
        _check_name(os.environ.get(variable, ""), variable)
    if _SERVICE.fullmatch(text):
        return {"service": text}
    try:
        if "@" in re.sub("[^/?]*", "", text.partition("://")[2], count=1):  # a password's slash would end it
            raise ValueError
        parameters = parse_dsn(text)
    except (psycopg2.Error, ValueError):
        what = "it is neither a service name nor a DSN (not shown)"
        raise UsageError(what, "--db", "see pg_service.conf") from None
    if any(secret in parameters for secret in _SECRETS):
        fix = "leave it out, and use PGPASSFILE, PGPASSWORD or pg_service.conf"
        raise UsageError("a password on the command line is refused: every user of the machine can see it", "--db", fix)
    for value in parameters.values():
        _check_name(value, "--db")
    return parameters


def _check_name(value: str, where: str) -> None:
    """libpq repeats a name that is none: host=user:password@host, dbname=postgresql://user:password@host/db."""
    if "://" in value or ":" in value[: value.rfind("@") + 1]:
        raise UsageError("it has an address in one of its values (not shown)", where, "see pg_service.conf")


def statements(package: str, name: str) -> dict[str, str]:
    """The statements of an SQL file, each after a line `-- name: NAME`."""
    parts = (files(package) / name).read_text(encoding="utf-8").split("-- name: ")[1:]
    return {part.partition("\n")[0].strip(): part.partition("\n")[2].strip() for part in parts}


class Database:
    """Access to the database for one thread; connects when it is first used, and again when the connection was lost.

    Each connection shows first that it leads to the database of a session's server: rights are asked for there.
    """

    def __init__(self, address: str, servers: Callable[[], ServersDatabase]) -> None:
        """`servers` says which it has to be. Raises UsageError as `parse_address` does."""
        self._parameters: dict[str, Any] = _CONNECTION | parse_address(address)
        self._servers = servers
        self._connection: Connection | None = None

    def check(self) -> None:
        """Raises Refused where it is another server's database, Unreachable where it does not answer."""
        with self.transaction():
            pass

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything inside is committed at the end, or nothing is.

        Raises Unreachable where the database does not answer, Refused where it refuses a statement.
        """
        with _errors():
            connection = self._connected()
        try:
            with connection.cursor() as cursor:
                yield Transaction(cursor)
            with _errors("at the commit: whether it was done is not known, and the same command again will tell"):
                connection.commit()
        except BaseException:
            self._give_up(connection)
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        import psycopg2

        if self._connection is None or self._connection.closed:
            connection = psycopg2.connect(**self._parameters)
            try:
                _check(connection, self._servers())
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _give_up(self, connection: Connection) -> None:
        import psycopg2

        try:
            connection.rollback()
        except psycopg2.Error:
            self._connection = None


def _check(connection: Connection, servers: ServersDatabase) -> None:
    """Raises Refused where a connection leads to another database than a session's server has."""
    from psycopg2.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable

    found: tuple | None = None
    with connection.cursor() as cursor, suppress(UndefinedTable, UndefinedColumn, InvalidSchemaName):
        cursor.execute(_WHOSE, {"session": servers.session_id})
        found = cursor.fetchone()
    connection.rollback()
    if found is None or found[0] is None:
        raise Refused("it is no database of OMERO's", "--db", _FIX)
    if found[0] != servers.uuid:
        raise Refused("it is the database of another server", "--db", _FIX)
    if found[1] != servers.digest:
        raise Refused("it does not know your session: it is a copy of the server's database", "--db", _FIX)


class Transaction:
    """A transaction in progress."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def rows(self, statement: str, **values: object) -> list[tuple]:
        """Run a statement with its %(named)s values (lists are arrays, to be cast); its rows, if it gives any."""
        arrays = {name: _array(value) if isinstance(value, list) else value for name, value in values.items()}
        with _errors():
            self._cursor.execute(statement, arrays)
            return self._cursor.fetchall() if self._cursor.description else []


def _array(values: list) -> str:
    """An array as one text: psycopg2's own ARRAY[...] takes PostgreSQL longer to parse and plan than to run."""
    if set(map(type, values)) == {int}:
        return "{" + repr(values)[1:-1] + "}"  # most are, of thousands of rows
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


@contextmanager
def _errors(moment: str = "") -> Iterator[None]:
    """Turn what psycopg2 raises into our errors; what PostgreSQL says is cut to its first line, which has no values."""
    import psycopg2

    try:
        yield
    except (psycopg2.errors.DeadlockDetected, psycopg2.errors.LockNotAvailable) as error:
        raise Refused("somebody else is changing the same rows", "the database", "repeat the command") from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        what = f"no answer ({_said(error)})" + (f" {moment}" if moment else "")
        raise Unreachable(what, "the database", "check --db and the connection, then repeat the command") from error
    except psycopg2.Error as error:
        raise Refused(f"it refused ({_said(error)})", "the database", "nothing was changed") from error


def _said(error: Exception) -> str:
    return said(error).removeprefix(f"{type(error).__name__}: ")
