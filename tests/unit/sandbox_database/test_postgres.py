"""The PostgreSQL server of a sandbox: reachable without a password, from this machine only, and sure to come back."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from omero_sandbox import processes
from omero_sandbox.database import postgres, template


class Server:
    """One server on a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.data, self.log, self.port = folder / "data", folder / "log", postgres.free_port()
        template.install(self.data)

    def start(self) -> int:
        postgres.start(self.data, self.port, self.log)
        pid = postgres.running(self.data)
        assert pid is not None
        return pid

    def one(self, statement: str) -> Any:
        with closing(psycopg2.connect(postgres.dsn(self.port))) as connection, connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            [[value]] = cursor.fetchall()
            return value


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    postgres.stop(made.data)


def test_loopback_only(server: Server) -> None:
    process = psutil.Process(postgres.running(server.data))
    listening = [c.laddr for c in process.net_connections("all") if c.status == psutil.CONN_LISTEN]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]


def test_service_file_without_password(server: Server, tmp_path: Path) -> None:
    service = tmp_path / "services"
    service.write_text(f"[sandbox]\nhost=127.0.0.1\nport={server.port}\nuser=omero\ndbname=omero\n")
    psql = postgres.program("psql")
    done = subprocess.run(
        [psql, "-w", "-At", "-c", "SELECT count(*) FROM image", "service=sandbox"],
        env={**os.environ, "PGSERVICEFILE": str(service)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_time_is_utc(server: Server) -> None:
    assert server.one("SELECT now()::timestamp = now() AT TIME ZONE 'UTC'") is True


def test_many_clients(server: Server) -> None:
    connections = [psycopg2.connect(postgres.dsn(server.port)) for _ in range(100)]
    for connection in connections:
        connection.close()


def test_stop_and_start(server: Server) -> None:
    with closing(psycopg2.connect(postgres.dsn(server.port))):  # an open session does not hinder it
        assert postgres.stop(server.data) is True
    assert postgres.running(server.data) is None
    assert postgres.stop(server.data) is False
    server.start()
    assert server.one("SELECT 1") == 1


def test_commits_survive_a_kill(server: Server) -> None:
    number = server.one("SELECT ome_nextval('seq_image', 100)")
    pid = postgres.running(server.data)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert processes.wait(pid, 5)  # its children are alive still, for a moment
    assert server.start() != pid
    assert server.one("SELECT ome_nextval('seq_image')") > number


def test_one_server_for_a_directory(server: Server) -> None:
    with pytest.raises(postgres.PostgresError, match=f"runs on {server.data} already"):
        postgres.start(server.data, postgres.free_port(), server.log)
    assert server.one("SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")
def test_programs_where_only_root_may_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = postgres.program("psql").parents[2]
    tmp_path.chmod(0o700)
    for part in (installed, installed.with_name(f"{installed.name}.libs")):
        subprocess.run(["cp", "-R", "--reflink=auto", part, tmp_path], check=True)
    monkeypatch.syspath_prepend(tmp_path)
    assert postgres.program("psql").is_relative_to(tmp_path)
    data = tmp_path / "data"
    postgres.initialize(data)
    port = postgres.free_port()
    postgres.start(data, port, tmp_path / "log")
    try:
        with closing(psycopg2.connect(postgres.dsn(port, "postgres", "postgres"))) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            assert cursor.fetchall() == [(1,)]
    finally:
        postgres.stop(data)


def test_why_it_does_not_start(server: Server) -> None:
    postgres.stop(server.data)
    with pytest.raises(postgres.PostgresError, match=f"did not start on {server.data}: .*FATAL.*port"):
        postgres.start(server.data, 70000, server.log)
    assert postgres.running(server.data) is None


def test_new_directories_are_alike_and_whole(tmp_path: Path) -> None:
    for name in ("one", "two"):
        template.install(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    assert (tmp_path / "one" / "PG_VERSION").read_text() == "18\n"
    assert not list(tmp_path.glob("*/postmaster.pid"))
