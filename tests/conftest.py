"""What tests share: the server under test (the sandbox, or a real OMERO by --omero), layouts, the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from demo.acquisition import write_layout, write_ome_tiff
from demo.omero_client import Account
from tests.contract.facts import Contract
from tests.support.accounts import new_account
from tests.support.browser import browsing
from tests.support.left_out import LeftOut
from tests.support.long import Long
from tests.support.quarrel import Quarrel, quarrelling
from tests.support.replacing import Replacing
from tests.support.s3 import S3Server, running_s3
from tests.support.servers import Omero, Server, sandbox_server, sandbox_web, server_under_test

if TYPE_CHECKING:
    from playwright.sync_api import Page


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--omero", metavar="HOST:PORT", help="test this OMERO instead of the sandbox")
    parser.addoption("--db", metavar="SERVICE", help="libpq service or DSN (without a password) of its database")
    parser.addoption("--managed-repository", metavar="DIR", help="where this machine sees its ManagedRepository")
    parser.addoption("--omerodir", metavar="DIR", help="its OMERODIR here, to write a policy for scripts into")
    parser.addoption("--web", metavar="URL", help="address of its OMERO.web, such as https://omero.example.org/")
    parser.addoption("--reader-v3", action="store_true", help="the OMERO under test has a reader for Zarr v3")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Long())
    config.pluginmanager.register(LeftOut(config))
    config.pluginmanager.register(Contract())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test says of the sandbox alone is not asked of another server."""
    if item.config.getoption("--omero") and (marker := item.get_closest_marker("sandbox")):
        pytest.skip(f"of the sandbox only: {marker.args[0]}")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server under test, its readers as released today: Zarr v2 only, unless --omero says otherwise.

    One for all tests, as a real one is, or one for each process that runs some of them.
    """
    yield from server_under_test(request.config)


@pytest.fixture(scope="module")
def server_apart(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that no other file of tests sees, where there can be several: a sandbox to be stopped, to be counted."""
    yield from server_under_test(request.config)


@pytest.fixture(scope="session")
def server_v3(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose reader opens Zarr v3 as well."""
    if not request.config.getoption("--omero"):
        yield from sandbox_server(reader_v3=True)
    elif request.config.getoption("--reader-v3"):
        yield request.getfixturevalue("server")
    else:
        pytest.skip("this OMERO has no reader for Zarr v3 (say --reader-v3 if it has)")


@pytest.fixture(scope="module")
def web(request: pytest.FixtureRequest, server: Server) -> str:
    """The address of OMERO.web beside the server under test; tests/support/web.py says what to do with it."""
    if request.config.getoption("--omero"):
        if address := request.config.getoption("--web"):
            return f"{address.rstrip('/')}/"
        pytest.skip("needs the server's OMERO.web (--web)")
    return sandbox_web(server)


@pytest.fixture
def browser_page() -> Iterator[Page]:
    """A page in a headless browser."""
    with browsing() as page:
        yield page


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real layouts and golden records, which not everybody has."""
    folder = Path(os.environ.get("OMERO_ROZ_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "layouts" / "PLANES.tsv").is_file():
        pytest.skip("needs the real layouts of ../shared (or OMERO_ROZ_SHARED)")
    return folder


@pytest.fixture(scope="module")
def curator(server: Server) -> Account:
    """An ordinary user in a read-only group of their own."""
    with server.client() as root:
        return new_account(root)


@pytest.fixture
def omero_cli(server: Server, curator: Account, capsys: pytest.CaptureFixture) -> Iterator[Omero]:
    """`omero …` as the curator."""
    with server.client(curator.name, curator.password) as client:
        yield Omero(client, capsys)


@pytest.fixture
def omero_cli_v3(server_v3: Server, capsys: pytest.CaptureFixture) -> Iterator[Omero]:
    """`omero …` as a curator of a server that reads Zarr v3."""
    with server_v3.client() as root:
        account = new_account(root)
    with server_v3.client(account.name, account.password) as client:
        yield Omero(client, capsys)


@pytest.fixture(scope="session")
def acquisition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's acquisition: acquisition.ome.tif, v2.zarr and v3.zarr, same pixels and metadata."""
    folder = tmp_path_factory.mktemp("acquisition")
    write_ome_tiff(folder / "acquisition.ome.tif")
    write_layout(folder / "v2.zarr", zarr_format=2)
    write_layout(folder / "v3.zarr", zarr_format=3)
    return folder


@pytest.fixture
def replacing(omero_cli: Omero, server: Server, acquisition: Path) -> Replacing:
    """A fileset of four images of the curator's, just imported from OME-TIFF, to be replaced through the database."""
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return Replacing(omero_cli, server, acquisition / "acquisition.ome.tif")


@pytest.fixture
def quarrel(server: Server, acquisition: Path, capsys: pytest.CaptureFixture) -> Iterator[Quarrel]:
    """A curator, a member of the same group who means harm, a stranger and an administrator."""
    yield from quarrelling(server, acquisition / "acquisition.ome.tif", capsys)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server on loopback."""
    with running_s3(tmp_path_factory.mktemp("s3")) as made:
        yield made
