"""What somebody sends with a bug report: every remote call of a command, and nothing that opens a door."""

import json
import os
import re
import stat
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from demo.omero_client import Account, import_file
from omero import ServerError
from omero_roz.ports.omero.session import OmeroSession, Ticket, join
from omero_roz.ports.omero.trace import Call, listening
from tests.support.accounts import new_account
from tests.support.servers import Server

# What Ice and the client's router ask by themselves.
ITS_OWN = {"getServerProxy", "getClientProxy", "addProxies", "getCategoryForClient", "ice_ping", "findObjectById"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


def omero(server: Server, user: Account, folder: Path, trace: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`omero …` in a process of its own, which logs in; Ice writes its own log of it."""
    config = folder / "ice.config"
    config.write_text(f"Ice.Trace.Protocol=1\nIce.LogFile={folder / 'ice.log'}\n")
    login = ["-s", server.host, "-p", str(server.port), "-u", user.name]
    environment = os.environ | {
        "OMERO_PASSWORD": user.password, "OMERO_SESSIONDIR": str(folder / "sessions"), "ICE_CONFIG": str(config),
        "OMERO_ROZ_TRACE": str(trace),
    }  # fmt: skip
    # as the `omero` command, which does not like root
    code = "import sys; from omero.cli import argv; sys.exit(argv(['omero', *sys.argv[1:]]))"
    command = [sys.executable, "-c", code, "roz", *args, *login]
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def lines(trace: Path) -> list[dict]:
    return [json.loads(line) for line in trace.read_text().splitlines()]


def by_ice(log: Path) -> Counter[str]:
    """How often each operation was asked for, as Ice says."""
    asked = re.findall(r"sending request.*?\n(?:.*?\n)*?.*?operation = (\w+)", log.read_text(errors="replace"))
    return Counter(name for name in asked if name not in ITS_OWN)


@pytest.fixture
def table(server: Server, curator: Account, acquisition: Path, tmp_path: Path) -> Path:
    """A table of two filesets of the curator's and their Zarr."""
    with server.client(curator.name, curator.password) as client:
        filesets = [import_file(client, acquisition / "acquisition.ome.tif")[0] for _ in range(2)]
    rows = "".join(f"{fileset},{acquisition / 'v2.zarr'}\n" for fileset in filesets)
    (tmp_path / "table.csv").write_text("fileset,zarr\n" + rows)
    return tmp_path / "table.csv"


def test_every_call_is_written_down_and_no_secret(server: Server, table: Path, tmp_path: Path) -> None:
    """An administrator replaces another's filesets: two sessions, threads, services, stores, the repository."""
    trace, admin = tmp_path / "trace", Account(server.user, server.password)
    trace.touch(mode=0o644)
    done = omero(server, admin, tmp_path, trace, "replace-fileset", "--from", str(table), "--jobs", "3")
    assert done.returncode == 0, done.stderr

    calls = lines(trace)
    expected = by_ice(tmp_path / "ice.log")
    assert Counter(call["operation"] for call in calls if call["operation"] not in ITS_OWN) == expected
    assert sum(expected.values()) > 50
    wanted = {
        "omero.api.IQuery", "omero.api.IUpdate", "omero.api.ISession", "omero.api.RawPixelsStore", "omero.cmd.Handle",
        "omero.api.RawFileStore", "omero.grid.Repository", "Glacier2.Router", "omero.api.ServiceFactory",
    }  # fmt: skip
    assert wanted <= {call["service"] for call in calls}
    assert len({call["thread"] for call in calls if call["service"] == "omero.api.RawPixelsStore"}) > 1
    [deleted] = [call for call in calls if call["operation"] == "submit"]
    assert deleted["about"] == "omero.cmd.Delete2"
    saved = next(call for call in calls if call["operation"] == "saveAndReturnArray")
    assert {"omero.group", "omero.session.uuid", "omero.client.uuid"} <= set(saved["context"])
    assert saved["context given"]
    assert saved["group"].isdecimal()
    assert all(call["ms"] > 0 for call in calls)

    assert not UUID.search(trace.read_text())
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_what_was_refused_is_told_without_its_secrets(server: Server, curator: Account, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    wrong = omero(server, Account(curator.name, "not-this-one"), tmp_path, trace, "status", "Fileset:1")
    assert wrong.returncode == 1
    with server.client() as root:
        other = new_account(root)
    right = omero(server, other, tmp_path, trace, "status", "Image:999999999")
    assert right.returncode == 1
    errors = [call["error"] for call in lines(trace) if "error" in call]
    assert any(error.startswith("Glacier2.PermissionDeniedException") for error in errors)
    text = trace.read_text()
    assert not any(secret in text for secret in ("not-this-one", other.password))
    assert not UUID.search(text)


def test_a_trace_that_cannot_be_written(server: Server, curator: Account, tmp_path: Path) -> None:
    refused = omero(server, curator, tmp_path, tmp_path / "nowhere" / "trace", "status", "Fileset:1")
    assert refused.returncode == 2
    [line] = [line for line in refused.stderr.splitlines() if "OMERO_ROZ_TRACE" in line]
    assert "No such file or directory" in line


def test_sessions_that_are_joined_in_threads(server: Server, curator: Account) -> None:
    heard: list[Call] = []
    with server.client(curator.name, curator.password) as client:
        ticket = OmeroSession(client).ticket

        def look(number: int) -> list[list]:
            own = join.__wrapped__(Ticket(ticket.host, ticket.port, ticket.uuid))  # each a client of its own
            own.factory.detachOnDestroy()
            try:
                return own.rows(f"select e.id from Experimenter e where e.id >= {number}", "reading users")
            finally:
                own.client.closeSession()

        with listening(heard.append), ThreadPoolExecutor(3) as pool:
            assert all(pool.map(look, range(3)))
    queries = [call.about for call in heard if call.operation == "projection"]
    assert sorted(queries) == [f"select e.id from Experimenter e where e.id >= {n}" for n in range(3)]
    assert sum(call.operation == "createSession" for call in heard) == 3
    assert not any(ticket.uuid in repr(call) for call in heard)


def test_a_session_that_an_error_names(server: Server) -> None:
    heard: list[Call] = []
    secret = str(uuid4())
    with server.client() as root, listening(heard.append), pytest.raises(ServerError) as raised:
        root.sf.getSessionService().getSession(secret)
    assert secret in raised.value.message
    [told] = [call.error for call in heard if call.operation == "getSession"]
    assert told.startswith("omero.")
    assert secret not in told
