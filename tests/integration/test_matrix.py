"""Every cell of the matrix (docs/matrix.md): each layout in each store by each binding through each operation."""
# ruff: noqa: F811

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.omero_client import Account, Hashes, import_file, shown
from tests.integration.test_s3 import credentials  # noqa: F401
from tests.support.accounts import new_account
from tests.support.matrix import OPERATIONS, Row, rows, write_tiff, write_zarr
from tests.support.rows import all_rows
from tests.support.s3 import CREDENTIALS, S3Server
from tests.support.servers import Omero, Result, Server, sandbox_server
from tools.matrix import CSV, DOCUMENT, document, table

HOST = "s3.lab.example.org"
ROWS = [pytest.param(row, id=row.name, marks=[pytest.mark.slow] if row.slow else []) for row in rows()]


@dataclass
class Bench:
    """A server with a curator on it, and a bucket that it sees."""

    server: Server
    account: Account
    s3: S3Server


@pytest.fixture(scope="module")
def benches(s3_server: S3Server, request: pytest.FixtureRequest) -> Iterator[dict[str, Bench]]:
    """A server for each reader."""
    if request.config.getoption("--omero"):
        pytest.skip("needs sandboxes: with either reader, and with a bucket of a known name")
    s3_server.make_bucket("matrix")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        made = {reader: sandbox_server(reader == "v3", s3={HOST: s3_server.endpoint}) for reader in ("released", "v3")}
        found = {}
        for reader, server in made.items():
            running = next(server)
            with running.client() as root:
                found[reader] = Bench(running, new_account(root), s3_server)
        yield found
        for server in made.values():
            next(server, None)


@dataclass
class Tried:
    """A row on its server: the original in OMERO and its Zarr; operations are done once, when first asked for."""

    row: Row
    bench: Bench
    tiff: Path
    uri: str
    options: list[str]
    fileset: int = 0
    images: list[int] = field(default_factory=list)
    planes: Hashes = field(default_factory=dict)
    replaced: int = 0

    def import_(self, omero: Omero) -> Result:
        return omero("roz", "import", self.uri, "--json", "--again", *self._means("import"))

    def replace(self, omero: Omero) -> Result:
        self.original(omero)
        return omero("roz", "replace-fileset", f"Fileset:{self.fileset}", self.uri, "--json", *self._means("replace"))

    def original(self, omero: Omero) -> None:
        """The OME-TIFF as it was imported years ago."""
        if not self.fileset:
            self.fileset, self.images = import_file(omero.client, self.tiff)
            self.planes = shown(omero.client, self.images)

    def new(self, omero: Omero) -> int:
        """The fileset that has replaced the original."""
        if not self.replaced:
            done = self.replace(omero)
            assert done.code == 0, done.err
            self.replaced = json.loads(done.out)["fileset"]
        return self.replaced

    def _means(self, operation: str) -> list[str]:
        server = self.bench.server
        assert server.dsn and server.repository
        shadows = self.row.binding == "zarr-reader"
        means = ["--db", server.dsn, "--managed-repository", server.repository] if shadows else []
        return ["--binding", self.row.binding, *means, *self.options]


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest, benches: dict[str, Bench], tmp_path_factory: pytest.TempPathFactory) -> Tried:
    row: Row = request.param
    bench, folder = benches[row.reader], tmp_path_factory.mktemp("row")
    write_zarr(row, folder / "it.zarr")
    write_tiff(row, folder / "it.ome.tif")
    if row.store == "local":
        return Tried(row, bench, folder / "it.ome.tif", str(folder / "it.zarr"), [])
    address = f"matrix/{row.name}/it.zarr"
    bench.s3.upload(folder / "it.zarr", address)
    options = ["--endpoint", bench.s3.endpoint, "--server-path", f"s3://matrix=s3://{HOST}/matrix"]
    return Tried(row, bench, folder / "it.ome.tif", f"s3://{address}", options)


@pytest.fixture
def omero(tried: Tried, credentials: None, capsys: pytest.CaptureFixture) -> Iterator[Omero]:
    account = tried.bench.account
    with tried.bench.server.client(account.name, account.password) as client:
        yield Omero(client, capsys)


@pytest.mark.parametrize("tried", ROWS, indirect=True, scope="module")
class TestMatrix:
    """Every row, every operation."""

    def test_import(self, tried: Tried, omero: Omero) -> None:
        tried.original(omero)
        done = tried.import_(omero)
        if why := tried.row.refused("import"):
            assert (done.code, why in done.err) == (1, True), done.err
            return
        assert done.code == 0, done.err
        [told] = json.loads(done.out)
        assert shown(omero.client, told["images"]) == tried.planes
        named = f"Fileset:{told['fileset']}"
        sides = [tried.uri] if tried.row.kind == "NGFF alone" else [tried.uri, str(tried.tiff)]
        endpoint = tried.options[:2]
        for side in sides:
            assert omero("roz", "completeness", side, named, *endpoint).code == 0
        assert bool(told["plates"]) == (tried.row.object not in ("image", "multi-image"))

    def test_replace(self, tried: Tried, omero: Omero) -> None:
        tried.original(omero)
        if why := tried.row.refused("replace"):
            done = tried.replace(omero)
            assert (done.code, why in done.err) == (1, True), done.err
        else:
            tried.new(omero)
        assert shown(omero.client, tried.images) == tried.planes

    def test_verify(self, tried: Tried, omero: Omero) -> None:
        tried.original(omero)
        why = tried.row.refused("verify")
        named = tried.fileset if why else tried.new(omero)
        done = omero("roz", "verify", f"Fileset:{named}", "--check", "all", "--json", *tried.options)
        found = json.loads(done.out)
        if why:
            assert done.code == 1
            assert all(why in one["problems"][0] for one in found["images"])
        else:
            assert done.code == 0, done.out
            assert found["counts"]["planes"] == len(tried.planes)

    def test_rollback(self, tried: Tried, omero: Omero) -> None:
        if why := tried.row.refused("rollback"):
            tried.fileset = 0  # an original that nothing was tried on
            tried.original(omero)
            done = omero("roz", "rollback", f"Fileset:{tried.fileset}")
            assert (done.code, why in done.err) == (1, True), done.err
            return
        tried.original(omero)
        assert tried.bench.server.dsn
        if tried.replaced:  # so that the rows can be looked at before
            assert self._back(tried, omero).code == 0
        before = all_rows(tried.bench.server, omero.client)
        tried.new(omero)
        done = self._back(tried, omero)
        assert done.code == 0, done.err
        assert before.changed_in(all_rows(tried.bench.server, omero.client)) == {}
        assert shown(omero.client, tried.images) == tried.planes

    def _back(self, tried: Tried, omero: Omero) -> Result:
        new, tried.replaced = tried.replaced, 0
        means = ["--db", tried.bench.server.dsn] if tried.row.binding == "zarr-reader" else []
        return omero("roz", "rollback", f"Fileset:{new}", *means)


def test_the_table_is_current() -> None:
    assert CSV.read_text("utf-8") == table()
    assert DOCUMENT.read_text("utf-8") == document()


def test_make_test_has_every_reason_and_every_value() -> None:
    fast = [row for row in rows() if not row.slow]
    for name in ("kind", "version", "reader", "binding", "store", "object"):
        assert {getattr(row, name) for row in fast} == {getattr(row, name) for row in rows()}
    reasons = [{row.refused(one) for row in some for one in OPERATIONS} for some in (fast, rows())]
    assert reasons[0] == reasons[1]
