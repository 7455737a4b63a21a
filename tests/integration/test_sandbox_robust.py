"""Nothing hangs, nothing is left behind, nothing grows, and what was killed starts again."""

import hashlib
import inspect
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import Ice
import omero.clients
import psutil
import pytest
from omero.model import DatasetI
from omero.rtypes import rstring

import omero
from demo.acquisition import write_ome_tiff
from demo.omero_client import Account
from omero_sandbox import sandbox
from omero_sandbox.service_factory import STATEFUL, STATELESS
from tests.support.importing import run_import, start, upload
from tests.support.servers import Server

ANSWER_MS = 5_000
# `subscribe` returns a proxy to call; a real server's reportForgottenPassword raises what is not declared too.
ENDS_SESSION = {"destroy", "closeSession", "closeSessionWithReason", "subscribe", "reportForgottenPassword"}
MAXIMUM = omero.constants.projection.ProjectionType.MAXIMUMINTENSITY
CANDIDATES: tuple[Any, ...] = (None, 0, "", [], {}, False, MAXIMUM)
WRONG = re.compile(r"invalid value for argument (\d+)")

pytestmark = pytest.mark.sandbox("its own bounds and ends")


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """One of its own, to see that it does not grow."""
    return server_apart


def operations(proxy: Any) -> list[str]:
    """The operations of a proxy's interface, without Ice's own."""
    names = {n for n in dir(type(proxy)) if not n.startswith(("_", "ice_", "begin_", "end_"))}
    return sorted(n for n in names if f"begin_{n}" in dir(type(proxy)) and n not in ENDS_SESSION)


def call_with_nothing(proxy: Any, name: str) -> Exception | None:
    """Call an operation with null, or the least value that the type of each argument allows; what it raised."""
    method = getattr(proxy, name)
    values: list[int] = [0] * (len(inspect.signature(method).parameters) - 1)
    while True:
        try:
            method(*(CANDIDATES[v] for v in values))
            return None
        except (Ice.Exception, UnicodeError) as error:
            return error
        except (ValueError, AttributeError, TypeError) as error:
            wrong = WRONG.search(str(error))
            if wrong is None:
                raise
            values[int(wrong[1]) - 1] += 1
            if values[int(wrong[1]) - 1] == len(CANDIDATES):
                pytest.fail(f"no value for {name}: {error}")


@pytest.mark.parametrize("getter", [*STATELESS, *STATEFUL, "repository", "import", "factory"])
def test_every_operation_answers_nulls(server: Server, curator: Account, getter: str) -> None:
    late, undeclared = [], []
    with server.client(curator.name, curator.password) as client:
        proxy = proxy_of(client, getter).ice_invocationTimeout(ANSWER_MS)
        found = operations(proxy)
        assert found
        for name in found:
            error = call_with_nothing(proxy, name)
            if isinstance(error, Ice.TimeoutException):
                late.append(name)
            elif isinstance(error, Ice.UnknownException):
                undeclared.append(name)
            elif isinstance(error, Ice.ObjectNotExistException):  # close, and what follows it
                proxy = proxy_of(client, getter).ice_invocationTimeout(ANSWER_MS)
        assert client.sf.getAdminService().getEventContext().userName == curator.name
    assert (late, undeclared) == ([], [])


def proxy_of(client: Any, getter: str) -> Any:
    if getter == "repository":
        return client.getManagedRepository()
    if getter == "import":
        return start(client, ["x/a.ome.xml"])
    if getter == "factory":
        return client.sf
    return getattr(client.sf, getter)()


def requests() -> list[Any]:
    """Every command that clients know, empty."""
    found = []
    for module in (omero.cmd, omero.cmd.graphs, omero.grid):
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, omero.cmd.Request) and cls is not omero.cmd.Request:
                found.append(cls)
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("request_class", requests(), ids=lambda cls: cls.__name__)
def test_every_command_ends(server: Server, curator: Account, request_class: Any) -> None:
    with server.client(curator.name, curator.password) as client:
        handle = client.sf.submit(request_class())
        deadline = time.monotonic() + ANSWER_MS / 1000
        while handle.getResponse() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert handle.getResponse() is not None
        handle.close()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("findByExample", (DatasetI(),)), ("findAllByExample", (DatasetI(), None)),
        ("findAllByFullText", ("Dataset", "x", None)),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_by_name(
    server: Server, curator: Account, name: str, arguments: tuple[Any, ...]
) -> None:
    with server.client(curator.name, curator.password) as client:
        with pytest.raises(omero.ApiUsageException, match=f"IQuery.{name} is not in this sandbox"):
            getattr(client.sf.getQueryService(), name)(*arguments)
        with pytest.raises(omero.ApiUsageException, match=r"IUpdate\.indexObject is not in this sandbox"):
            client.sf.getUpdateService().indexObject(DatasetI(1, False))


def test_fifty_sessions_read_and_write(server: Server, curator: Account) -> None:
    def work(number: int) -> int:
        with server.client(curator.name, curator.password) as client:
            update, query = client.sf.getUpdateService(), client.sf.getQueryService()
            for _ in range(4):
                made = DatasetI()
                made.name = rstring(f"of {number}")
                saved = update.saveAndReturnObject(made)
                assert query.get("Dataset", saved.id.val).name.val == f"of {number}"
            return int(saved.id.val)

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(work, range(50)))) == 50


def test_stateful_services_end_with_their_session(server: Server, curator: Account) -> None:
    with server.client(curator.name, curator.password) as client:
        stores = [getattr(client.sf, getter)() for getter in STATEFUL]
        for store in stores:
            store.ice_ping()
    with server.client(curator.name, curator.password) as client:
        for store in stores:
            with pytest.raises(Ice.ObjectNotExistException):  # asked over a connection that lives
                client.sf.ice_identity(store.ice_getIdentity()).ice_ping()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Starts a sandbox on a directory of the test's."""

    def begin() -> Any:
        return sandbox.start(tmp_path / "data", port=None)

    yield begin
    sandbox.stop(tmp_path / "data")


def kill(data: Path) -> None:
    """SIGKILL to the server and to PostgreSQL."""
    server = int((data / "server.pid").read_text())
    postmaster = int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    for pid in (server, postmaster):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(server) and psutil.Process(server).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def connect(access: Any) -> omero.clients.BaseClient:
    client = omero.client(access.host, access.ssl_port)
    client.createSession("root", access.root_password)
    return client


def test_killed_while_importing_and_started_again(own: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    write_ome_tiff(path)
    access = own()
    client = connect(access)
    whole = run_import(client, [("x/a.ome.tif", path.read_bytes())])
    uploading = start(client, ["y/a.ome.tif"])
    upload(uploading, 0, path.read_bytes()[:1000])
    importing = start(client, ["z/a.ome.tif"])
    upload(importing, 0, path.read_bytes())
    importing.verifyUpload([hashlib.sha1(path.read_bytes()).hexdigest()])
    kill(access.data_dir)
    access = own()
    client = connect(access)
    query = client.sf.getQueryService()
    filesets = query.projection("select f.id, size(f.images) from Fileset f order by f.id", None)
    assert len(filesets) == 3
    assert [row[1].val for row in filesets][:2] == [len(whole.pixels), 0]
    assert filesets[2][1].val in (0, len(whole.pixels))  # all of it or nothing
    store = client.sf.createRawPixelsStore()
    store.setPixelsId(whole.pixels[0].id.val, False)
    assert store.getPlane(0, 0, 0)
    store.close()
    assert len(run_import(client, [("x/a.ome.tif", path.read_bytes())]).pixels) == len(whole.pixels)
    for row in filesets:
        client.submit(omero.cmd.Delete2(targetObjects={"Fileset": [row[0].val]}))
    client.closeSession()


@pytest.mark.slow
def test_memory_does_not_grow(own: Callable[[], Any]) -> None:
    access = own()
    server = psutil.Process(int((access.data_dir / "server.pid").read_text()))
    client = connect(access)

    def calls(number: int) -> None:
        admin, query, update = client.sf.getAdminService(), client.sf.getQueryService(), client.sf.getUpdateService()
        for n in range(number // 5):
            admin.getEventContext()
            made = DatasetI()
            made.name = rstring("soak")
            saved = update.saveAndReturnObject(made)
            query.findAllByQuery(f"select d from Dataset d where d.id = {saved.id.val} or d.id = {n}", None)
            store = client.sf.createRawFileStore()
            store.close()

    calls(3_000)
    before = server.memory_info().rss
    calls(10_000)
    grown = server.memory_info().rss - before
    client.closeSession()
    assert grown < 8 << 20, f"{grown / (1 << 20):.1f} MiB more after 10,000 calls"
