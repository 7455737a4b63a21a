"""--db of another server whose ids agree: refused by every verb that takes it, before anything is asked or changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import omero.clients
import psycopg2
import pytest

from demo.omero_client import command_line, import_file
from omero_roz.errors import Refused
from omero_roz.fileset import ServersDatabase
from omero_roz.ports.database import Database
from tests.support.rows import all_rows
from tests.support.servers import Omero, Server, sandbox_server

UUID = "SELECT value FROM configuration WHERE name = 'omero.db.uuid'"


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """A server that nobody else uses: both begin with the same ids."""
    return server_apart


@pytest.fixture(scope="module")
def other(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A second server, made as the first."""
    if request.config.getoption("--omero"):
        pytest.skip("needs a second server, with its database")
    yield from sandbox_server(reader_v3=False)


@pytest.fixture(params=["a stranger", "a copy"])
def theirs(request: pytest.FixtureRequest, server: Server, other: Server) -> Iterator[Server]:
    """The second server: with a uuid of its own, or with the first one's, as a copy made for tests has it."""
    mine, was = asked(server, UUID), asked(other, UUID)
    told(other, mine if request.param == "a copy" else "11111111-2222-3333-4444-555555555555")
    yield other
    told(other, was)


def asked(server: Server, sql: str) -> str:
    with psycopg2.connect(server.dsn) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def told(server: Server, uuid: str) -> None:
    with psycopg2.connect(server.dsn, user="postgres") as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE configuration SET value = %s WHERE name = 'omero.db.uuid'", (uuid,))


@contextmanager
def untouched(client: omero.clients.BaseClient, *servers: Server) -> Iterator[None]:
    before = [all_rows(server, client) for server in servers]
    yield
    for server, rows in zip(servers, before, strict=True):
        now = all_rows(server, client)
        assert (rows.changed_in(now), rows.new_in(now)) == ({}, {})


@pytest.fixture(scope="module")
def twins(server: Server, other: Server, acquisition: Path) -> tuple[int, int]:
    """A fileset on both, with the same id, and one that is replaced on both; both are root's."""
    made = []
    for one in (server, other):
        with one.client() as client:
            made.append([import_file(client, acquisition / "acquisition.ome.tif")[0] for _ in range(2)])
    assert made[0] == made[1]
    return made[0][0], made[0][1]


VERBS = (
    "replace-fileset Fileset:{fileset} {zarr}", "replace-fileset Fileset:{fileset} {zarr} --no-probe --check none",
    "replace-fileset Fileset:{fileset} {zarr} --binding zarr-reader --managed-repository {repository}",
    "replace-fileset Fileset:{fileset} {zarr} --dry-run", "replace-fileset --from {table}",
    "replace-fileset --from {table} --binding zarr-reader --managed-repository {repository}",
    "rollback Fileset:{replaced}", "rollback --all-from {run}", "cleanup Fileset:{source} --yes",
    "cleanup Fileset:{source} --yes --managed-repository {repository}",
    "cleanup --all-from {run} --yes", "cleanup --from {table} --yes", "rollback Fileset:{replaced} --dry-run",
    "import {zarr} --binding zarr-reader --managed-repository {repository}", "import {zarr}",
    "sweep --managed-repository {repository}",
)  # fmt: skip


@pytest.fixture(scope="module")
def replaced(server: Server, other: Server, twins: tuple[int, int], acquisition: Path) -> dict[str, object]:
    """What the calls name: a replacement that both servers have, made by a run."""
    table = acquisition / "twins.csv"
    table.write_text(f"fileset,zarr\n{twins[1]},{acquisition / 'v2.zarr'}\n")
    for one in (server, other):
        with one.client() as client:
            command_line(client).invoke(
                ["roz", "replace-fileset", "--from", str(table), "--run", "twins"], strict=True
            )
    with psycopg2.connect(server.dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM fileset")
        new = cursor.fetchone()[0]
    return {"fileset": twins[0], "source": twins[1], "replaced": new, "run": "twins"}


@pytest.mark.parametrize("verb", VERBS)
def test_it_is_refused_and_nothing_is_changed_on_either(
    server: Server, theirs: Server, replaced: dict[str, object], acquisition: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture, verb: str,
) -> None:  # fmt: skip
    (tmp_path / "table.csv").write_text(f"fileset,zarr\n{replaced['fileset']},{acquisition / 'v2.zarr'}\n")
    places = {"zarr": acquisition / "v2.zarr", "table": tmp_path / "table.csv", "repository": server.repository}
    call = verb.format(**replaced, **places).split()
    with server.client() as client, untouched(client, server, theirs):
        done = Omero(client, capsys)("roz", *call, "--db", str(theirs.dsn))
    assert done.code == 1
    assert "--db: " in done.err
    assert "another server" in done.err or "it is a copy" in done.err
    assert "compar" not in done.err  # nothing was read before


def test_the_doctor_tells(server: Server, theirs: Server, capsys: pytest.CaptureFixture) -> None:
    with server.client() as client:
        done = Omero(client, capsys)("roz", "doctor", "--db", str(theirs.dsn))
    assert done.code == 1
    assert "BAD  database: --db: it" in done.out


def test_no_database_of_omeros(server: Server, replaced: dict[str, object], capsys: pytest.CaptureFixture) -> None:
    named, elsewhere = f"Fileset:{replaced['replaced']}", f"{server.dsn} dbname=postgres"
    with server.client() as client:
        done = Omero(client, capsys)("roz", "rollback", named, "--db", elsewhere)
    assert done.code == 1 and "it is no database of OMERO's" in done.err


def test_another_connection_shows_it_again(server: Server) -> None:
    """A name that leads elsewhere once the connection was lost."""
    assert server.dsn
    uuid = asked(server, UUID)
    number = asked(server, "SELECT max(id) FROM session")
    key = asked(server, "SELECT uuid FROM session ORDER BY id DESC")
    known = ServersDatabase(uuid, int(number), hashlib.sha256(key.encode()).hexdigest())
    database = Database(server.dsn, lambda: known)
    database.check()
    database.close()
    known = replace(known, uuid="another")
    with pytest.raises(Refused, match="another server"):
        database.check()
    known = replace(known, uuid=uuid, digest="0" * 64)
    with pytest.raises(Refused, match="it is a copy"), database.transaction() as tx:
        tx.rows("UPDATE image SET name = 'changed'")
