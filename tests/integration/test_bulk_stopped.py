"""A bulk run that is stopped, by whatever, and the same command again: no double, none lost, none half."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import omero.clients
import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from demo.omero_client import Account
from omero_roz.applying import swap
from omero_roz.ports.database import Transaction
from omero_roz.replace import bulk
from omero_sandbox.database import postgres
from tests.support.killed import CALLS, SCRATCH, STATEMENTS
from tests.support.many import Many
from tests.support.relay import Relay, relay
from tests.support.rows import Rows, all_rows
from tests.support.servers import Omero, Result, Server
from tests.support.slow import mostly_slow

COUNT = 5
OPTIONS = ("--batch", "2")


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """One of its own, for its database is stopped here."""
    return server_apart


@pytest.fixture
def many(omero_cli: Omero, server: Server, tmp_path: Path) -> Many:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return Many(omero_cli, server, tmp_path, COUNT)


@pytest.fixture
def before(many: Many) -> Rows:
    """All rows as they are before anything is replaced."""
    return all_rows(many.server, many.omero.client)


def finished_by_the_same_command(many: Many, before: Rows, binding: str) -> None:
    """Run it again; then all are replaced once, by records that are proven, and nothing else is left."""
    planes = many.planes()
    done = many.ran(many.table(), binding, *OPTIONS)
    assert set(many.states(done)) <= {"already", "replaced"}
    assert [one["new"] for one in done["filesets"]] == many.holders()
    assert len({*many.holders(), *many.filesets}) == 2 * COUNT
    assert many.planes() == planes
    after = all_rows(many.server, many.omero.client)
    # Not one row more than an undisturbed run makes, beside the owner's directories.
    new = before.new_in(after)
    files = COUNT * {"external-info": 1, "zarr-reader": 3}[binding]
    assert 0 <= new.pop("originalfile") - files <= 3
    new.pop("namespace", None)
    assert new == {
        "annotation": 2 * COUNT, "annotation_mapvalue": 8 * COUNT, "fileset": COUNT,
        "filesetannotationlink": 2 * COUNT, "filesetentry": files,
    }  # fmt: skip
    for one in done["filesets"]:
        [record] = json.loads(many.omero("roz", "status", f"Fileset:{one['new']}", "--json").out)
        assert (record["state"], record["as_recorded"]) == ("proven", True)
    assert many.omero("roz", "rollback", "--all-from", done["run"], "--db", many.server.dsn or "").code == 0
    assert many.holders() == many.filesets
    assert before.changed_in(all_rows(many.server, many.omero.client)) == {}


def stopped(many: Many, binding: str, signal_name: str, moment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that sends itself a signal at a moment."""
    client = many.omero.client
    where = [client.getProperty("omero.host"), client.getProperty("omero.port"), client.getSessionId()]
    command = [sys.executable, "-m", "tests.support.killed", signal_name, moment, *where]
    verb = ["roz", "replace-fileset", "--from", str(many.table()), *many.options(binding), *OPTIONS]
    return subprocess.run([*command, *verb], capture_output=True, text=True, timeout=120)


MOMENTS = [
    *((binding, moment) for moment in (*STATEMENTS, *CALLS) for binding in ("external-info", "zarr-reader")),
    ("external-info", SCRATCH),
]
NOT_THERE = [("external-info", "shadows")]
# The moments that tell most; the others take minutes more, and run in make test-all.
TELLING = [
    ("external-info", "images updated"), ("external-info", SCRATCH), ("zarr-reader", "shadows"),
    ("zarr-reader", "last statement"), ("zarr-reader", "committed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("binding", "moment"), mostly_slow([one for one in MOMENTS if one not in NOT_THERE], TELLING)
)
def test_killed(many: Many, before: Rows, binding: str, moment: str) -> None:
    planes = many.planes()
    done = stopped(many, binding, "KILL", moment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert many.planes() == planes
    finished_by_the_same_command(many, before, binding)


CTRL_C = ["looked up", "shadows", "images updated", "committed", "records written"]


@pytest.mark.parametrize("moment", mostly_slow(CTRL_C, ["images updated", "committed"]))
def test_ctrl_c(many: Many, before: Rows, moment: str) -> None:
    done = stopped(many, "zarr-reader", "INT", moment)
    assert done.returncode not in (0, -signal.SIGINT), done.stderr
    assert "Traceback" not in done.stderr and "stopped" in done.stderr
    finished_by_the_same_command(many, before, "zarr-reader")


def once(call: Callable[[], object]) -> Callable[[], None]:
    """The call, at its first time only."""
    done: list[bool] = []

    def first() -> None:
        if not done:
            done.append(True)
            call()

    return first


def at(monkeypatch: pytest.MonkeyPatch, moment: str, call: Callable[[], object]) -> None:
    """Do something once: after a statement, or before a function is called."""
    owner, name, part = CUTS[moment]
    real, act = getattr(owner, name), once(call)

    def called(*args: Any, **values: Any) -> Any:
        if not part:
            act()
        result = real(*args, **values)
        if part and any(part in one for one in args if isinstance(one, str)):
            act()
        return result

    monkeypatch.setattr(owner, name, called)


CUTS: dict[str, tuple[Any, str, str]] = {
    "in the transaction": (Transaction, "rows", "UPDATE image"),
    "before the commit": (Transaction, "rows", "INSERT INTO eventlog"),
    "before the transaction": (swap, "apply", ""),
    "before the files": (bulk, "swap_batch", ""),
    "before the proof": (bulk, "prove_batch", ""),
}


def restart(dsn: str) -> None:
    """Restart the sandbox's PostgreSQL, as an administrator does: connections end at once."""
    with psycopg2.connect(dsn, user="postgres") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('data_directory'), current_setting('port')")
        directory, port = cursor.fetchone() or ("", "")
    connection.close()
    assert postgres.stop(Path(directory))
    postgres.start(Path(directory), int(port), Path(directory).parent / "postgres.log")


@pytest.mark.parametrize("moment", mostly_slow(["in the transaction", "before the commit"], ["before the commit"]))
def test_the_database_is_restarted(
    many: Many, before: Rows, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, moment: str
) -> None:
    if request.config.getoption("--omero"):
        pytest.skip("restarts the sandbox's own database only")
    dsn = many.server.dsn or ""
    at(monkeypatch, moment, lambda: restart(dsn))
    done = many.run(many.table(), "zarr-reader", *OPTIONS)
    assert done.code == 1 and "the database: no answer" in done.err
    monkeypatch.undo()
    finished_by_the_same_command(many, before, "zarr-reader")


def test_all_connections_are_ended_again_and_again(many: Many, before: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours and the server's, at another statement each time, until a run comes through."""
    dsn, run, count = many.server.dsn or "", Transaction.rows, [0, 0]

    def rows(self: Transaction, statement: str, **values: object) -> list[tuple]:
        count[0] += 1
        if count[0] == count[1]:
            with psycopg2.connect(dsn, user="postgres") as connection, connection.cursor() as cursor:
                others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")
            connection.close()
        return run(self, statement, **values)

    monkeypatch.setattr(Transaction, "rows", rows)
    codes = []
    for fatal in (2, 7, 16, 21, 40):
        count[:] = 0, fatal
        codes.append(many.run(many.table(), "external-info", *OPTIONS).code)
    assert 1 in codes
    monkeypatch.undo()
    finished_by_the_same_command(many, before, "external-info")


DATABASE_CUTS = ["before the transaction", "in the transaction", "before the commit"]


@pytest.mark.parametrize("moment", mostly_slow(DATABASE_CUTS, ["before the commit"]))
def test_the_way_to_the_database_is_cut(many: Many, before: Rows, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    server = many.server
    parameters = parse_dsn(server.dsn or "")
    with relay(parameters["host"], int(parameters["port"])) as way:
        at(monkeypatch, moment, way.cut)
        many.server = replace(server, dsn=make_dsn(server.dsn, host="127.0.0.1", port=way.port))
        done = many.run(many.table(), "zarr-reader", *OPTIONS)
    assert done.code == 1 and "the database: no answer" in done.err
    monkeypatch.undo()
    many.server = server
    finished_by_the_same_command(many, before, "zarr-reader")


OMERO_CUTS = list(product(["external-info", "zarr-reader"], ["before the files", "before the proof"]))


@pytest.mark.parametrize(("binding", "moment"), mostly_slow(OMERO_CUTS, OMERO_CUTS[1:3]))
def test_the_way_to_omero_is_cut(
    many: Many, before: Rows, curator: Account, monkeypatch: pytest.MonkeyPatch, binding: str, moment: str
) -> None:
    with relay(many.server.host, many.server.port) as way:
        at(monkeypatch, moment, way.cut)
        done = over(way, many, curator, binding)
    assert done.code == 1 and "no answer from OMERO" in done.err and "Traceback" not in done.err
    monkeypatch.undo()
    finished_by_the_same_command(many, before, binding)


def over(way: Relay, many: Many, curator: Account, binding: str) -> Result:
    """The command with a session over a relay; that it can no longer be closed is no matter."""
    client = omero.client("127.0.0.1", way.port)
    client.createSession(curator.name, curator.password)
    direct, many.omero = many.omero, many.omero.through(client)
    try:
        return many.run(many.table(), binding, *OPTIONS)
    finally:
        many.omero = direct
