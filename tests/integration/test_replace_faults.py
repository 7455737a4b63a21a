"""What may go wrong while a fileset is replaced: it is then replaced as a whole or not at all, and can be again."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import omero.clients
import psycopg2
import pytest
from omero.model import DatasetI, DatasetImageLinkI, ImageI
from omero.rtypes import rstring

from demo.omero_client import import_file
from omero_roz.errors import Refused, RozError, Unreachable
from omero_roz.ports.database import Database, Transaction
from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.scratch import PREFIX
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.replace import steps
from tests.support.killed import SCRATCH, STATEMENTS
from tests.support.replacing import Replacing, source_at
from tests.support.rows import all_rows
from tests.support.servers import Server
from tests.support.slow import mostly_slow


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """One of its own, whose whole database is compared again and again."""
    return server_apart


def kill_backends(replacing: Replacing) -> None:
    replacing.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'omero-roz'")


@pytest.mark.sandbox("everybody's connections of omero-roz are ended")
@pytest.mark.parametrize("binding", mostly_slow(["external-info", "zarr-reader"], ["zarr-reader"]))
def test_the_database_goes_away_at_every_statement(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch, binding: str
) -> None:
    run, count, fatal = Transaction.rows, 0, 0

    def rows(self: Transaction, statement: str, **values: object) -> list[tuple]:
        nonlocal count
        count += 1
        if count == fatal:
            kill_backends(replacing)
        return run(self, statement, **values)

    monkeypatch.setattr(Transaction, "rows", rows)
    before = all_rows(replacing.server, replacing.omero.client)
    while fatal < 40:
        count, fatal = 0, fatal + 1
        done = replacing.run(acquisition / "v2.zarr", binding, "--no-probe")
        if done.code == 0:
            break
        assert "the database: no answer" in done.err
        assert before.changed_in(after := all_rows(replacing.server, replacing.omero.client)) == {}
        assert set(before.new_in(after)) <= {"originalfile"}  # the user's directory
    assert 10 < fatal < 30
    assert replacing.filesets() != {replacing.fileset}


def test_the_answer_to_the_commit_is_lost(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected, run, written = Database._connected, Transaction.rows, []

    class Losing:
        """A connection whose answer to the commit does not arrive."""

        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        def commit(self) -> None:
            self._connection.commit()
            if written:
                raise psycopg2.OperationalError("server closed the connection unexpectedly")

    def rows(self: Transaction, statement: str, **values: object) -> list[tuple]:
        written.extend([statement] if "INSERT INTO eventlog" in statement else [])
        return run(self, statement, **values)

    monkeypatch.setattr(Transaction, "rows", rows)
    monkeypatch.setattr(Database, "_connected", lambda self: Losing(connected(self)))
    lost = replacing.run(acquisition / "v2.zarr", "zarr-reader")
    assert lost.code == 1 and "whether it was done is not known" in lost.err
    monkeypatch.undo()
    again = replacing.run(acquisition / "v2.zarr", "zarr-reader")
    assert again.code == 0 and "already replaced" in again.err and "proven now" in again.err


MOMENTS = ["first file", "files written", *STATEMENTS, "committed", SCRATCH]


KILLED = [
    *(one for one in product(["external-info", "zarr-reader"], MOMENTS) if one != ("zarr-reader", SCRATCH)),
    ("zarr-reader", "shadows"), *product(["api"], ["files written", "committed", SCRATCH]),
]  # fmt: skip
TELLING = [
    ("external-info", "files registered"), ("external-info", SCRATCH), ("zarr-reader", "shadows"),
    ("zarr-reader", "last statement"), ("zarr-reader", "committed"), ("api", "files written"), ("api", "committed"),
]  # fmt: skip


@pytest.mark.parametrize(("binding", "moment"), mostly_slow(KILLED, TELLING))
def test_the_process_is_killed(replacing: Replacing, acquisition: Path, binding: str, moment: str) -> None:
    """kill -9 at a moment, then the same command again."""
    client = replacing.omero.client
    where = [client.getProperty("omero.host"), client.getProperty("omero.port"), client.getSessionId()]
    options = replacing.options(binding)
    command = [f"Fileset:{replacing.fileset}", str(acquisition / "v2.zarr"), *options]
    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.killed", "KILL", moment, *where, "roz", "replace-fileset", *command],
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -9, killed.stderr
    moved = replacing.filesets() != {replacing.fileset}
    assert moved == (moment in ("committed", SCRATCH))
    files = Path(replacing.server.repository).rglob(f"Fileset-{replacing.fileset}/*")
    assert len([path for path in files if path.is_dir()]) == 1
    done = replacing.omero("roz", "replace-fileset", *command)
    assert done.code == 0, done.err
    new = int(done.out.strip().partition(":")[2])
    assert replacing.filesets() == {new}
    assert replacing.records(new)[0]["state"] == "proven"
    [prefix] = replacing.sql("SELECT templateprefix FROM fileset WHERE id = %s", new)[0]
    if binding != "api":
        left = Path(replacing.server.repository).rglob(f"Fileset-{replacing.fileset}/*")
        assert [path.name for path in left] == [Path(prefix).name]
    orphans = replacing.sql(
        "SELECT o.id FROM originalfile o LEFT JOIN filesetentry e ON e.originalfile = o.id"
        " WHERE o.path LIKE %s AND o.mimetype <> 'Directory' AND e.id IS NULL", f"%Fileset-{replacing.fileset}/%",
    )  # fmt: skip
    assert orphans == []
    scratch = "SELECT id FROM fileset WHERE templateprefix LIKE %s AND owner_id = %s"
    assert replacing.sql(scratch, f"{PREFIX}%", replacing.user()) == []


def test_the_database_is_not_there(replacing: Replacing, acquisition: Path) -> None:
    before = all_rows(replacing.server, replacing.omero.client)
    command = ("roz", "replace-fileset", f"Fileset:{replacing.fileset}", str(acquisition / "v2.zarr"))
    done = replacing.omero(*command, "--db", "host=127.0.0.1 port=1 dbname=x user=y")
    assert done.code == 1 and "check --db" in done.err
    assert before.changed_in(all_rows(replacing.server, replacing.omero.client)) == {}


@pytest.mark.parametrize("binding", ["external-info", "zarr-reader"])
def test_the_session_ends_between_plan_and_apply(replacing: Replacing, acquisition: Path, binding: str) -> None:
    with replacing.server.client() as root, replacing.means() as means:
        source = source_at(acquisition / "v2.zarr")
        planned = replacing.plan(means, source, binding)
        service = root.sf.getSessionService()
        session = service.getSession(replacing.omero.client.getSessionId())
        while service.closeSession(session) > 0:
            pass
        with pytest.raises(Unreachable):
            replacing.apply(means, planned, source)
    inside = replacing.sql("SELECT id FROM image WHERE fileset = %s", replacing.fileset)
    assert len(inside) == 4


@pytest.mark.parametrize("binding", ["external-info", "zarr-reader", "api"])
def test_the_session_ends_before_the_proof(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch, binding: str
) -> None:
    """It is told what is so, whatever that is, and another login's same command ends with a proven replacement."""
    client, planes = replacing.omero.client, replacing.planes()
    user, after = client.sf.getAdminService().getEventContext(), steps.after

    def ended(*args: Any, **values: Any) -> Any:
        with replacing.server.client() as root:
            service = root.sf.getSessionService()
            while service.closeSession(service.getSession(client.getSessionId())) > 0:
                pass
        return after(*args, **values)

    monkeypatch.setattr(steps, "after", ended)
    done = replacing.run(acquisition / "v2.zarr", binding)
    monkeypatch.undo()
    assert done.code == 1 and "Traceback" not in done.err
    [[now]] = replacing.sql("SELECT DISTINCT fileset FROM image WHERE id = ANY(%s)", replacing.images)
    assert now == replacing.fileset or f"is replaced by Fileset:{now}, but not proven" in done.err
    with logged_in_again(replacing, user.userName) as again:
        replacing.omero = replacing.omero.through(again)
        new = replacing.replaced(acquisition / "v2.zarr", binding)
        assert replacing.records(new)[0]["state"] == "proven"
        assert replacing.planes() == planes


@contextmanager
def logged_in_again(replacing: Replacing, name: str) -> Iterator[omero.clients.BaseClient]:
    """A new session of a user whose old one was ended."""
    client = omero.client(replacing.server.host, replacing.server.port)
    with replacing.server.client() as root:
        principal = omero.sys.Principal(name=name, group="", eventType="User")
        ticket = root.sf.getSessionService().createSessionWithTimeouts(principal, 600_000, 0).uuid.val
    client.joinSession(ticket)
    try:
        yield client
    finally:
        client.closeSession()


Meanwhile = Callable[[Replacing, Path], object]


def image_gone(replacing: Replacing, _: Path) -> None:
    replacing.sql("UPDATE image SET fileset = NULL WHERE id = %s", replacing.images[1])


def fileset_deleted(replacing: Replacing, _: Path) -> None:
    [[group]] = replacing.sql("SELECT group_id FROM fileset WHERE id = %s", replacing.fileset)
    delete(OmeroSession(replacing.omero.client), {"Fileset": [replacing.fileset]}, group)


def series_changed(replacing: Replacing, _: Path) -> None:
    replacing.sql("UPDATE image SET series = 7 WHERE id = %s", replacing.images[0])


def given_away(replacing: Replacing, _: Path) -> None:
    replacing.sql("UPDATE fileset SET owner_id = 0 WHERE id = %s", replacing.fileset)


def zarr_changed(_: Replacing, zarr: Path) -> None:
    attributes = json.loads((zarr / "2" / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"].pop()
    (zarr / "2" / ".zattrs").write_text(json.dumps(attributes))


def replaced_by_another(replacing: Replacing, zarr: Path) -> None:
    assert replacing.run(zarr, "external-info", "--no-probe").code == 0


MEANWHILE = [
    (image_gone, "no longer in Fileset"), (fileset_deleted, "deleted meanwhile"), (series_changed, "its series is 7"),
    (zarr_changed, "the Zarr was changed"), (replaced_by_another, "no longer in Fileset"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("way", "meanwhile", "told"),
    [
        *((way, *what) for way, what in product(["external-info", "zarr-reader", "api"], MEANWHILE)),
        *((way, given_away, "owner") for way in ("external-info", "zarr-reader")),  # by the API, OMERO says who may
    ],
)
def test_something_changes_between_plan_and_apply(
    replacing: Replacing, acquisition: Path, tmp_path: Path, way: str, meanwhile: Meanwhile, told: str
) -> None:
    zarr = tmp_path / "x.zarr"
    shutil.copytree(acquisition / "v2.zarr", zarr)
    with replacing.means() as means:
        if way == "api":
            means = type(means)(means.session)
        source = source_at(zarr)
        planned = replacing.plan(means, source, "external-info" if way == "api" else way)
        meanwhile(replacing, zarr)
        before = all_rows(replacing.server, replacing.omero.client)
        with pytest.raises(Refused) as refused:
            replacing.apply(means, planned, source)
    assert any(told in str(problem) for problem in refused.value.problems)
    after = all_rows(replacing.server, replacing.omero.client)
    assert before.changed_in(after) == {}
    assert set(before.new_in(after)) <= {"originalfile", "_fs_deletelog"}
    files = replacing.sql(
        "SELECT o.id FROM originalfile o LEFT JOIN filesetentry e ON e.originalfile = o.id"
        " WHERE o.path LIKE %s AND o.mimetype <> 'Directory' AND e.id IS NULL", f"%Fileset-{replacing.fileset}/%",
    )  # fmt: skip
    assert files == []
    assert not list(Path(replacing.server.repository).rglob(f"omero-roz-shadows/Fileset-{replacing.fileset}/*")) or (
        meanwhile is replaced_by_another
    )


@pytest.mark.parametrize("way", ["external-info", "zarr-reader", "api"])
def test_two_at_once(replacing: Replacing, acquisition: Path, tmp_path: Path, way: str) -> None:
    """Both have planned; one wins, and the other is told."""
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "other.zarr")
    outcomes: list[object] = []
    barrier = threading.Barrier(2)

    def run(zarr: Path) -> None:
        with replacing.means() as means:
            if way == "api":
                means = type(means)(means.session)
            source = source_at(zarr)
            planned = replacing.plan(means, source, "external-info" if way == "api" else way)
            barrier.wait()
            try:
                outcomes.append(replacing.apply(means, planned, source).fileset)
            except RozError as error:
                outcomes.append(error)

    threads = [threading.Thread(target=run, args=[zarr]) for zarr in (acquisition / "v2.zarr", tmp_path / "other.zarr")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    winners = [one for one in outcomes if isinstance(one, int)]
    losers = [one for one in outcomes if isinstance(one, Refused)]
    assert (len(winners), len(losers)) == (1, 1), outcomes
    assert replacing.filesets() == set(winners)
    assert replacing.planes()


@pytest.mark.parametrize("binding", ["external-info", "zarr-reader", "api"])
@pytest.mark.parametrize(
    "name", ["it's \"quoted\"; DROP TABLE image; --.zarr", "100 %s %(x)s %.zarr", "zwei\nZeilen ü 日本.zarr"]
)
def test_names(replacing: Replacing, acquisition: Path, tmp_path: Path, binding: str, name: str) -> None:
    shutil.copytree(acquisition / "v2.zarr", tmp_path / name)
    planes = replacing.planes()
    new = replacing.replaced(tmp_path / name, binding)
    assert replacing.planes() == planes
    assert replacing.records(new)[0]["uri"] == str(tmp_path / name)
    assert replacing.rolled_back(new) == replacing.fileset
    assert replacing.planes() == planes


@pytest.mark.sandbox("ids of everybody's tables are counted up")
def test_large_ids(replacing: Replacing, acquisition: Path) -> None:
    tables = ("fileset", "originalfile", "image", "externalinfo", "annotation", "event", "eventlog")
    for number, table in enumerate(tables):
        replacing.sql("SELECT setval(%s, greatest(%s, nextval(%s)))", f"seq_{table}", 2**33 + number, f"seq_{table}")
    replacing.fileset, replacing.images = import_file(replacing.omero.client, acquisition / "acquisition.ome.tif")
    assert replacing.fileset > 2**32 and min(replacing.images) > 2**32
    new = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    assert new > 2**32
    assert replacing.rolled_back(new) == replacing.fileset


@pytest.mark.sandbox("the server's nodes are written")
def test_no_live_node(replacing: Replacing, acquisition: Path) -> None:
    replacing.rolled_back(replacing.replaced(acquisition / "v2.zarr", "external-info"))
    nodes = [number for [number] in replacing.sql("SELECT id FROM node WHERE down IS NULL")]
    replacing.sql("UPDATE node SET down = now() WHERE down IS NULL")
    try:
        new = replacing.replaced(acquisition / "v2.zarr", "zarr-reader", "--no-probe")
    finally:
        replacing.sql("UPDATE node SET down = NULL WHERE id = ANY(%s)", nodes)
    assert registered(replacing, new) == {"METADATA.ome.xml", ".zgroup", ".zattrs"}


@pytest.mark.sandbox("the server's nodes are written")
def test_many_stale_nodes(replacing: Replacing, acquisition: Path) -> None:
    replacing.sql(
        "INSERT INTO node (id, permissions, conn, up, uuid) SELECT -n, -52, 'stale', now(), md5('stale' || n)"
        " FROM generate_series(1, 1000) AS n"
    )
    try:
        new = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    finally:
        replacing.sql("DELETE FROM node WHERE conn = 'stale'")
    assert registered(replacing, new) == {"METADATA.ome.xml", ".zgroup", ".zattrs"}


def registered(replacing: Replacing, fileset: int) -> set[str]:
    statement = "SELECT o.name FROM originalfile o JOIN filesetentry e ON e.originalfile = o.id WHERE e.fileset = %s"
    return {name for [name] in replacing.sql(statement, fileset)}


def test_a_fileset_without_images(replacing: Replacing, acquisition: Path) -> None:
    replacing.sql("UPDATE image SET fileset = NULL WHERE fileset = %s", replacing.fileset)
    done = replacing.run(acquisition / "v2.zarr", "external-info")
    assert done.code == 1 and "it has no images" in done.err


def test_images_without_a_fileset(replacing: Replacing) -> None:
    """They were made by a client, or imported long ago: nothing can be replaced, and that is said."""
    replacing.sql("UPDATE image SET fileset = NULL WHERE fileset = %s", replacing.fileset)
    told = replacing.omero("roz", "status", f"Image:{replacing.images[0]}")
    assert told.code == 1 and "in no fileset" in told.err


def test_images_in_several_datasets_stay_there(replacing: Replacing, acquisition: Path) -> None:
    update = replacing.omero.client.sf.getUpdateService()
    for number in range(2):
        dataset = DatasetI()
        dataset.name = rstring(f"dataset {number}")
        dataset = update.saveAndReturnObject(dataset)
        for image in replacing.images:
            link = DatasetImageLinkI()
            link.parent, link.child = DatasetI(dataset.id.val, False), ImageI(image, False)
            update.saveObject(link)
    before = all_rows(replacing.server, replacing.omero.client).tables["datasetimagelink"]
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    assert all_rows(replacing.server, replacing.omero.client).tables["datasetimagelink"] == before
