"""The sandbox's life as a user sees it: `omero-sandbox` and the `with` block, and what a kill leaves behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import omero.clients
import psutil
import psycopg2
import pytest

from omero_sandbox.sandbox import OmeroSandbox, SandboxError

pytestmark = pytest.mark.sandbox("its own processes are started and killed")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """`omero-sandbox ARGUMENTS` in a process of its own."""
    line = [sys.executable, "-m", "omero_sandbox.cli", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True)


def start(data: Path, *arguments: object) -> dict[str, Any]:
    done = command("start", "--data", data, "--json", *arguments)
    assert done.returncode == 0, done.stderr + (data / "server.log").read_text()
    return dict(json.loads(done.stdout))


def processes(data: Path) -> list[psutil.Process]:
    """The sandbox's two main processes and their children, as far as they live."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(data) in word for word in line):
            with suppress(psutil.NoSuchProcess):
                found += [process, *process.children(recursive=True)]
    return found


def kill(victims: list[psutil.Process]) -> None:
    for process in victims:
        with suppress(psutil.NoSuchProcess):  # some end with others
            process.send_signal(signal.SIGKILL)


def log_in(access: dict[str, Any]) -> None:
    """Log root in over ssl, and over tcp."""
    for client in (
        omero.client(access["host"], access["ssl_port"]),
        omero.client(f"tcp://{access['host']}:{access['tcp_port']}"),
    ):
        session = client.createSession("root", access["root_password"])
        assert session.getAdminService().getEventContext().userName == "root"
        client.closeSession()


def query(access: dict[str, Any], statement: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(access["dsn"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def gone(data: Path, seconds: float = 20) -> bool:
    """Whether no process of the sandbox is left, soon."""
    deadline = time.monotonic() + seconds
    while processes(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not processes(data)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sandbox with blanks"
    yield folder
    command("stop", "--data", folder)


def test_start_status_stop(data: Path) -> None:
    assert command("status", "--data", data).returncode == 1
    access = start(data, "--root-password", "secret")
    assert access == json.loads(command("status", "--data", data, "--json").stdout)
    assert access["root_password"] == "secret"
    assert Path(access["managed_repository"]).is_dir()
    log_in(access)
    assert query(access, "SELECT count(*) FROM node WHERE down IS NULL") == [(1,)]

    assert start(data) == access  # the one that runs
    other = command("start", "--data", data, "--reader-v3")
    assert (other.returncode, other.stderr.count("\n")) == (1, 1)
    assert "other settings" in other.stderr
    with pytest.raises(SandboxError, match="runs on"), OmeroSandbox(data):
        pass

    assert command("stop", "--data", data).returncode == 0
    assert processes(data) == []
    assert json.loads(command("status", "--data", data, "--json").stdout) == {"running": False}
    assert "No sandbox" in command("stop", "--data", data).stdout


def test_everything_killed(data: Path) -> None:
    access = start(data)
    query(access, "UPDATE experimenter SET lastname = 'kept' WHERE id = 0")
    kill(processes(data))
    assert command("status", "--data", data).returncode == 1
    assert start(data) == access
    assert query(access, "SELECT lastname FROM experimenter WHERE id = 0") == [("kept",)]
    assert query(access, "SELECT count(*) FROM node WHERE down IS NULL") == [(1,)]
    log_in(access)


@pytest.mark.parametrize("part", ["omero_sandbox.server", "pginstall"])
def test_one_part_killed(data: Path, part: str) -> None:
    access = start(data)
    kill([process for process in processes(data) if any(part in word for word in process.cmdline())])
    assert command("status", "--data", data).returncode == 1
    assert start(data) == access
    log_in(access)


def test_number_of_a_killed_postgres_is_another_process_now(data: Path) -> None:
    access = start(data)
    kill(processes(data))
    mark = data / "postgres" / "postmaster.pid"
    other = subprocess.Popen(["sleep", "60"])
    try:
        mark.write_text(mark.read_text().replace(mark.read_text().split("\n")[0], str(other.pid), 1))
        assert start(data) == access
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_port_that_is_taken(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        failed = command("start", "--data", data, "--port", port)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert f"port {port} is taken" in failed.stderr
    assert processes(data) == []
    assert start(data, "--port", port)["ssl_port"] == port


def test_data_that_cannot_be_used(data: Path) -> None:
    start(data)
    assert command("stop", "--data", data).returncode == 0
    (data / "postgres" / "global" / "pg_control").unlink()
    failed = command("start", "--data", data)
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert "pg_control" in failed.stderr
    assert gone(data)
    (data / "file").touch()
    failed = command("start", "--data", data / "file")
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("arguments", [["start", "--port", "0"], ["begin"], [], ["status", "--port", "1"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert command(*arguments).returncode == 2


def test_with_block_leaves_nothing() -> None:
    with OmeroSandbox() as sandbox:
        log_in({name: getattr(sandbox, name) for name in ("host", "ssl_port", "tcp_port", "root_password")})
        assert processes(sandbox.data_dir)
    assert processes(sandbox.data_dir) == []
    assert not sandbox.data_dir.exists()


def test_killed_with_block_leaves_nothing() -> None:
    code = (
        "from omero_sandbox.sandbox import OmeroSandbox\n"
        "with OmeroSandbox() as s: print(s.data_dir, flush=True); input()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    folder = Path(parent.stdout.readline().strip())
    assert processes(folder)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    assert gone(folder)
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
