"""The connections that all sessions share, and the transactions in which a server changes its database."""

import select
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg2 import OperationalError
from psycopg2.extensions import connection as Connection
from psycopg2.pool import ThreadedConnectionPool

from omero_sandbox.context import ALL_GROUPS, Caller

WAIT_SECONDS = 60.0
USER_GROUP = 1
IMMUTABLE = -52


class Database:
    """Access to one OMERO database for any number of threads.

    At most `size` connections; who finds none waits, at most WAIT_SECONDS, then gets TimeoutError. Do not
    open one access inside another in the same thread. A connection that the server has closed is replaced
    before it is used. A PostgreSQL that is just starting is waited for."""

    def __init__(self, dsn: str, size: int = 20) -> None:
        # Reading is the default, so that a read needs no transaction around it: one message instead of three.
        self._pool = ThreadedConnectionPool(0, size, dsn, options="-c default_transaction_read_only=on")
        self._pool.minconn = size  # the pool closes what is given back beyond this number
        self._free = threading.BoundedSemaphore(size)
        self._await_server()

    @contextmanager
    def read(self) -> Iterator[Any]:
        """A cursor of plain tuples for reading; whatever would write is refused."""
        with self._connection() as connection, connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def write(self, caller: Caller, event_type: str = "User") -> "Iterator[Transaction]":
        """One server transaction of `caller`: committed at the end, rolled back by an exception.

        `event_type` is a value of table eventtype."""
        with self._connection() as connection:
            connection.autocommit = False
            connection.readonly = False
            with connection.cursor() as cursor:
                transaction = Transaction(cursor, caller, event_type)
                yield transaction
                transaction.write_log()
            connection.commit()

    def close(self) -> None:
        """Close every connection."""
        self._pool.closeall()

    def _await_server(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return self._pool.putconn(self._pool.getconn())
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise TimeoutError(f"no database connection became free in {WAIT_SECONDS:.0f} s")
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    def _take(self) -> Connection:
        while True:
            connection: Connection = self._pool.getconn()
            if not _has_ended(connection):
                connection.autocommit = True
                return connection
            self._pool.putconn(connection, close=True)

    def _give_back(self, connection: Connection) -> None:
        if not connection.closed:
            connection.rollback()
            connection.readonly = None
        self._pool.putconn(connection)


class Transaction:
    """One transaction of the server: its cursor, who called, and the `event` row of what changes in it."""

    def __init__(self, cursor: Any, caller: Caller, event_type: str) -> None:
        self.cursor = cursor
        self.caller = caller
        self._log: dict[tuple[str, str, int], None] = {}
        self.event_id = self._begin(event_type)

    def next_ids(self, table: str, n: int) -> range:
        """`n` new ids for rows of `table`, from the sequence that OMERO's server takes them from."""
        self.cursor.execute("SELECT ome_nextval(%s, %s)", (f"seq_{table}", n))
        last: int = self.cursor.fetchone()[0]
        return range(last - n + 1, last + 1)

    def log(self, action: str, entity_type: str, ids: Iterable[int]) -> None:
        """Note that rows were changed; written to eventlog at the end, each once.

        `action` is INSERT, UPDATE, DELETE or REINDEX, `entity_type` for example ome.model.core.Image."""
        self._log.update(dict.fromkeys((action, entity_type, id_) for id_ in ids))

    def hold_privileges(self, privileges: Iterable[str]) -> None:
        """Declare which AdminPrivilege values the caller has.

        Needed before the commit by a change that gives an administrator privileges: the database refuses
        those that are not declared."""
        self.cursor.execute(
            "INSERT INTO _current_admin_privileges SELECT txid_current(), unnest(%s::text[])",
            (list(privileges),),
        )

    def write_log(self) -> None:
        """Write the eventlog rows noted so far."""
        if not self._log:
            return
        actions, types, ids = zip(*self._log, strict=True)
        self.cursor.execute(
            "INSERT INTO eventlog (id, action, permissions, entityid, entitytype, event) "
            "SELECT last - %(n)s + row, action, %(permissions)s, id, type, %(event)s "
            "FROM unnest(%(actions)s, %(types)s, %(ids)s::bigint[]) "
            "WITH ORDINALITY AS log (action, type, id, row), "
            "ome_nextval('seq_eventlog', %(n)s) AS last",
            {
                "n": len(ids), "permissions": IMMUTABLE, "event": self.event_id,
                "actions": list(actions), "types": list(types), "ids": list(ids),
            },
        )  # fmt: skip
        self._log.clear()

    def _begin(self, event_type: str) -> int:
        group = USER_GROUP if self.caller.group_id == ALL_GROUPS else self.caller.group_id
        # clock_timestamp, not now(): a transaction's events come in the order in which they were made.
        self.cursor.execute(
            "WITH made AS ("
            "INSERT INTO event (id, permissions, time, experimenter, experimentergroup, session, type) "
            "SELECT ome_nextval('seq_event'), %s, clock_timestamp(), %s, %s, %s, id "
            "FROM eventtype WHERE value = %s "
            "RETURNING id, experimenter, experimentergroup) "
            "SELECT id, _prepare_session(id, experimenter, experimentergroup) FROM made",
            (IMMUTABLE, self.caller.user_id, group, self.caller.session_id, event_type),
        )
        row = self.cursor.fetchone()
        if row is None:
            raise ValueError(f"no such event type: {event_type}")
        event_id: int = row[0]
        return event_id


def _has_ended(connection: Connection) -> bool:
    """Whether the server has closed an idle connection: then there is something (the end) to read on it."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
