"""A server that does not come back: Ctrl-C ends a command at any moment, and --timeout by itself.

Two seconds are what the command promises; five are given here, for the machine may be busy with other tests.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.omero_client import Account
from tests.support.many import Many
from tests.support.relay import ANSWERS, relay
from tests.support.replacing import Replacing
from tests.support.servers import Omero, Server
from tests.support.slow import mostly_slow

SECONDS = 5
ALL = "all"
LOGIN = "omero.clients:BaseClient.createSession"
SAVED, QUERIED = "omero.api:IUpdatePrx.saveAndReturnArray", "omero.api:IQueryPrx.projection"
BATCH, SUBMITTED = "omero.api:IUpdatePrx.saveArray", "omero.api:ServiceFactoryPrx.submit"
WAITED, READ = "omero.callbacks:CmdCallbackI.block", "omero.api:RawPixelsStorePrx.setPixelsId"


class Held:
    """Commands of a user whose way to the server is held at a moment."""

    def __init__(self, server: Server, account: Account, folder: Path) -> None:
        self.server, self._account, self._folder, self._hold = server, account, folder, folder / "hold"

    @contextmanager
    def command(self, moment: str, what: str, *args: str) -> Iterator[subprocess.Popen[str]]:
        """A command that has just come to the moment, or has ended before."""
        self._hold.unlink(missing_ok=True)
        with relay(self.server.host, self.server.port, self._hold) as way:
            login = ["-s", "127.0.0.1", "-p", str(way.port), "-u", self._account.name]
            command = [sys.executable, "-m", "tests.support.held", str(self._hold), what, moment, *args, *login]
            environment = os.environ | {"HOME": str(self._folder), "OMERO_PASSWORD": self._account.password}
            with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
                try:
                    while not self._hold.exists() and process.poll() is None:
                        time.sleep(0.05)
                    yield process
                finally:
                    process.kill()

    def stopped(self, moment: str, what: str, *args: str) -> str:
        """What is said by a command that is stopped a second after the moment."""
        with self.command(moment, what, *args) as process:
            time.sleep(1)
            assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            code = process.wait(SECONDS)
            assert process.stderr is not None
            said = process.stderr.read()
        assert code == 1 and "Traceback" not in said, said
        assert "stopped" in said.splitlines()[-1], said
        return said

    def too_late(self, moment: str, what: str, *args: str) -> str:
        """The last line of a command that waits two seconds for an answer."""
        with self.command(moment, what, *args, "--timeout", "2") as process:
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 1 and "Traceback" not in said, said
        assert said.count("no answer from OMERO at 127.0.0.1:") == 1 and "within 2 s" in said, said
        return said.splitlines()[-1]


@pytest.fixture
def held(server: Server, curator: Account, tmp_path: Path) -> Held:
    return Held(server, curator, tmp_path)


def filesets_called(omero_cli: Omero, name: str) -> list[int]:
    """The filesets with images of a name."""
    hql = f"select distinct i.fileset.id from Image i where i.name like '{name}%'"
    return [row[0].val for row in omero_cli.client.sf.getQueryService().projection(hql, None)]


READING = [("status", LOGIN), ("status", QUERIED), ("verify", QUERIED), ("verify", READ)]


@pytest.mark.parametrize(("verb", "moment"), mostly_slow(READING, READING[:1] + READING[3:]))
def test_what_only_reads_is_stopped(
    held: Held, replacing: Replacing, acquisition: Path, verb: str, moment: str
) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    held.stopped(moment, ALL, "roz", verb, f"Fileset:{new}")


COMMITS = [
    ("api", SAVED, ALL), ("api", SAVED, ANSWERS), ("api", READ, ALL), ("external-info", READ, ALL),
    ("zarr-reader", LOGIN, ALL),
]  # fmt: skip


@pytest.mark.parametrize(("binding", "moment", "what"), mostly_slow(COMMITS, COMMITS[1:2]))
def test_a_replacement_is_stopped(
    held: Held, replacing: Replacing, acquisition: Path, binding: str, moment: str, what: str
) -> None:
    """Before the commit nothing was changed, after it all; the same command goes on."""
    planes, zarr = replacing.planes(), acquisition / "v2.zarr"
    arguments = ["roz", "replace-fileset", f"Fileset:{replacing.fileset}", str(zarr), *replacing.options(binding)]
    held.stopped(moment, what, *arguments)
    [holder] = replacing.filesets()
    assert (holder != replacing.fileset) == (what == ANSWERS)
    assert replacing.planes() == planes
    new = replacing.replaced(zarr, binding)
    assert replacing.filesets() == {new} and (what != ANSWERS or new == holder)
    assert replacing.planes() == planes


@pytest.mark.parametrize("moment", mostly_slow([QUERIED, SAVED, READ], [READ]))
def test_a_bulk_run_is_stopped(held: Held, omero_cli: Omero, server: Server, tmp_path: Path, moment: str) -> None:
    many = Many(omero_cli, server, tmp_path, 3)
    planes = many.planes()
    held.stopped(moment, ALL, "roz", "replace-fileset", "--from", str(many.table()), "--batch", "2")
    assert many.planes() == planes
    many.ran(many.table(), "api", "--batch", "2")
    assert not set(many.holders()) & set(many.filesets)
    assert many.planes() == planes


IMPORTING = [(SAVED, ALL), (SAVED, ANSWERS), (BATCH, ALL), (READ, ALL)]


@pytest.mark.parametrize(("moment", "what"), mostly_slow(IMPORTING, IMPORTING[2:3]))
def test_an_import_is_stopped(
    held: Held, omero_cli: Omero, acquisition: Path, tmp_path: Path, moment: str, what: str
) -> None:
    zarr = shutil.copytree(acquisition / "v2.zarr", tmp_path / "own.zarr")
    name = f"stopped {os.urandom(4).hex()}"
    held.stopped(moment, what, "roz", "import", str(zarr), "--name", name)
    before = len(filesets_called(omero_cli, name))
    assert omero_cli("roz", "import", str(zarr), "--name", name).code == 0
    assert len(filesets_called(omero_cli, name)) == 1 >= before


@pytest.mark.parametrize(("moment", "what"), mostly_slow([(SUBMITTED, ALL), (WAITED, ALL)], [(WAITED, ALL)]))
def test_a_cleanup_is_stopped(held: Held, replacing: Replacing, acquisition: Path, moment: str, what: str) -> None:
    planes = replacing.planes()
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    cleanup = ["roz", "cleanup", f"Fileset:{replacing.fileset}", *replacing.options("external-info")[:4], "--yes"]
    held.stopped(moment, what, *cleanup)
    assert replacing.planes() == planes
    assert replacing.omero(*cleanup).code == 0
    assert replacing.planes() == planes


def test_a_bucket_that_never_answers(tmp_path: Path) -> None:
    """The kernel accepts the connection, and nobody ever reads from it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(100)
        where = ["--endpoint", f"http://127.0.0.1:{silent.getsockname()[1]}", "--anonymous"]
        command = [sys.executable, "-m", "tests.support.held", str(tmp_path / "hold"), ALL, LOGIN]
        with subprocess.Popen([*command, "roz", "inspect", "s3://bucket/x", *where], stderr=subprocess.PIPE) as process:
            try:
                asked, _ = silent.accept()
                with asked:
                    assert asked.recv(1)
                    time.sleep(1)
                    process.send_signal(signal.SIGINT)
                    code = process.wait(SECONDS)
                assert code == 1
            finally:
                process.kill()


TOO_LATE = [("api", LOGIN, ALL), ("api", QUERIED, ALL), ("api", SAVED, ANSWERS), ("api", READ, ALL)]


@pytest.mark.parametrize(("binding", "moment", "what"), mostly_slow(TOO_LATE, [TOO_LATE[0], TOO_LATE[2]]))
def test_a_call_that_does_not_come_back(
    held: Held, replacing: Replacing, acquisition: Path, binding: str, moment: str, what: str
) -> None:
    """Its outcome is not known to the command; the same command finds out."""
    planes, zarr = replacing.planes(), acquisition / "v2.zarr"
    arguments = ["roz", "replace-fileset", f"Fileset:{replacing.fileset}", str(zarr), *replacing.options(binding)]
    said = held.too_late(moment, what, *arguments)
    assert "--timeout" in said
    [holder] = replacing.filesets()
    assert (holder != replacing.fileset) == (what == ANSWERS)
    new = replacing.replaced(zarr, binding)
    assert replacing.filesets() == {new} and replacing.planes() == planes
