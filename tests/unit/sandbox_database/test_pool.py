"""The connections that all sessions share, and the server's transactions."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.database import Database, pool

ROOT = Caller(0, "0", 0, "root", 0, "system", True, frozenset({0}), frozenset({0}))
IMAGE = "ome.model.core.Image"


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    made = Database(dsn, size=3)
    yield made
    made.close()


def _all(database: Database, statement: str, *values: object) -> list[tuple[object, ...]]:
    with database.read() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def test_read_writes_nothing(database: Database) -> None:
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), database.read() as cursor:
        cursor.execute("DELETE FROM eventtype")
    assert _all(database, "SELECT 1") == [(1,)]


def test_write_makes_an_event_and_logs(database: Database) -> None:
    with database.write(ROOT, "Import") as tx:
        tx.log("INSERT", IMAGE, [7, 5])
        tx.log("INSERT", IMAGE, [5])
        tx.log("UPDATE", IMAGE, [5])
        tx.cursor.execute("SELECT _current_event()")
        assert tx.cursor.fetchone() == (tx.event_id,)
    logs = _all(
        database,
        "SELECT action, entitytype, entityid FROM eventlog WHERE event = %s ORDER BY id",
        tx.event_id,
    )
    assert logs == [("INSERT", IMAGE, 7), ("INSERT", IMAGE, 5), ("UPDATE", IMAGE, 5)]
    columns = "experimenter, experimentergroup, session, status, t.value"
    event = _all(
        database,
        f"SELECT {columns} FROM event e JOIN eventtype t ON t.id = e.type WHERE e.id = %s",
        tx.event_id,
    )
    assert event == [(0, 0, 0, None, "Import")]


def test_event_over_all_groups_is_of_the_user_group(database: Database) -> None:
    caller = Caller(0, "0", 0, "root", ALL_GROUPS, "", True, frozenset({0}), frozenset({0}))
    with database.write(caller) as tx:
        pass
    assert _all(database, "SELECT experimentergroup FROM event WHERE id = %s", tx.event_id) == [(1,)]


def test_exception_rolls_back(database: Database) -> None:
    with database.write(ROOT) as tx:
        before = tx.event_id
    statement = "INSERT INTO format (id, permissions, value) VALUES (10000, -52, 'Nothing'), (1, -52, 'Again')"
    with pytest.raises(psycopg2.errors.UniqueViolation), database.write(ROOT) as tx:
        tx.cursor.execute(statement)
    assert tx.event_id > before
    assert _all(database, "SELECT * FROM event WHERE id = %s", tx.event_id) == []
    assert _all(database, "SELECT * FROM format WHERE id = 10000") == []


def test_unknown_event_type(database: Database) -> None:
    with pytest.raises(ValueError, match="no such event type: Nothing"), database.write(ROOT, "Nothing"):
        pass


def test_next_ids_are_a_block(database: Database) -> None:
    with database.write(ROOT) as tx:
        first, second = tx.next_ids("image", 100), tx.next_ids("image", 1)
        assert len(first) == 100
        assert second.start == first.stop


def test_event_does_not_leak_into_the_connection_s_next_use(database: Database) -> None:
    with database.write(ROOT):
        pass
    assert {_all(database, "SELECT _current_event()")[0] for _ in range(4)} == {(0,)}


def test_held_privileges_allow_new_administrators(database: Database) -> None:
    def add(privileges: list[str]) -> None:
        with database.write(ROOT) as tx:
            tx.hold_privileges(privileges)
            (link,) = tx.next_ids("groupexperimentermap", 1)
            tx.cursor.execute(
                "INSERT INTO groupexperimentermap (id, permissions, owner, child, parent, child_index) "
                "VALUES (%s, -52, false, 1, 0, %s)",
                (link, link),
            )

    everything = [value for (value,) in _all(database, "SELECT value FROM adminprivilege")]
    with pytest.raises(psycopg2.errors.RaiseException, match="lacks: Chgrp"):
        add([str(value) for value in everything if value != "Chgrp"])
    add([str(value) for value in everything])
    with database.write(ROOT) as tx:
        tx.cursor.execute("DELETE FROM groupexperimentermap WHERE child = 1 AND parent = 0")


def test_more_threads_than_connections(database: Database) -> None:
    together = threading.Barrier(50)

    def work(number: int) -> tuple[int, range]:
        together.wait()
        with database.read() as cursor:
            cursor.execute("SELECT %s", (number,))
            [[same]] = cursor.fetchall()
        with database.write(ROOT) as tx:
            return same, tx.next_ids("image", 10)

    with ThreadPoolExecutor(50) as threads:
        results = list(threads.map(work, range(50)))
    assert [same for same, _ in results] == list(range(50))
    assert len({id_ for _, ids in results for id_ in ids}) == 500
    assert _all(database, "SELECT count(*) <= 3 FROM pg_stat_activity WHERE application_name = ''") is not None


def test_waiting_for_ever_is_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.05)
    database = Database(dsn, size=1)
    with database.read(), pytest.raises(TimeoutError, match="no database connection"), database.read():
        pass
    database.close()


def test_lost_connections_are_replaced(database: Database, dsn: str) -> None:
    def pids() -> set[int]:
        together = threading.Barrier(3)

        def pid(_: int) -> int:
            with database.read() as cursor:
                together.wait()
                cursor.execute("SELECT pg_backend_pid()")
                return int(cursor.fetchone()[0])

        with ThreadPoolExecutor(3) as threads:
            return set(threads.map(pid, range(3)))

    before = pids()
    assert pids() == before
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", (list(before),))
    connection.close()
    assert not pids() & before


def test_connection_lost_in_use_is_not_used_again(database: Database) -> None:
    with pytest.raises(psycopg2.OperationalError), database.write(ROOT) as tx:
        tx.cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    for _ in range(4):
        with database.write(ROOT) as tx:
            pass
