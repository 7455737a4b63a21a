"""Reading and proving many filesets on a Dask cluster, in processes of their own; the swap stays here."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from omero_roz.ports.omero.guest_session import guest_ticket
from omero_roz.ports.omero.session import OmeroSession, join
from omero_roz.replace import bulk
from tests.support.many import Many
from tests.support.rows import all_rows
from tests.support.servers import Omero, Server

COUNT = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes on loopback."""
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None, host="127.0.0.1") as made:
        yield made


@pytest.fixture
def many(omero_cli: Omero, server: Server, tmp_path: Path) -> Many:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return Many(omero_cli, server, tmp_path, COUNT)


@pytest.mark.parametrize("binding", ["api", "external-info", "zarr-reader"])
def test_all_are_replaced_and_proven(many: Many, cluster: LocalCluster, binding: str) -> None:
    planes, rows = many.planes(), all_rows(many.server, many.omero.client)
    done = many.ran(many.table(), binding, "--dask", cluster.scheduler_address, "--batch", "3")
    assert many.states(done) == ["replaced"] * COUNT
    assert [one["new"] for one in done["filesets"]] == many.holders()
    assert many.planes() == planes
    for new in many.holders():
        [record] = json.loads(many.omero("roz", "status", f"Fileset:{new}", "--json").out)
        assert record["state"] == "proven" and record["check"].keys() == {"before", "after"}
    assert many.states(many.ran(many.table(), binding, "--dask", cluster.scheduler_address)) == ["already"] * COUNT
    assert many.omero("roz", "rollback", "--all-from", done["run"], "--db", many.server.dsn or "").code == 0
    assert rows.changed_in(all_rows(many.server, many.omero.client)) == {}


def test_what_is_wrong_is_told_as_it_is_here(many: Many, cluster: LocalCluster) -> None:
    table = many.table([(many.filesets[0], many.zarrs[1]), (many.filesets[1], "/none.zarr")])
    report = many.folder / "report.json"
    reasons = []
    for more in ((), ("--dask", cluster.scheduler_address)):
        done = many.run(table, "external-info", "--report", str(report), *more)
        assert done.code == 1
        reasons.append([one["reason"] for one in json.loads(report.read_text())])
    assert reasons[0] == reasons[1] and all(reasons[0])


def test_a_worker_that_dies_is_no_matter(many: Many, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    prove = bulk.prove_batch
    workers = [worker.pid for worker in cluster.workers.values()]

    def one_dies(*args):
        os.kill(workers[0], 9)
        return prove(*args)

    monkeypatch.setattr(bulk, "prove_batch", one_dies)
    done = many.ran(many.table(), "external-info", "--dask", cluster.scheduler_address)
    assert many.states(done) == ["replaced"] * COUNT


def test_a_cluster_that_is_lost_ends_the_run_and_it_goes_on_without(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove = bulk.prove_batch
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as lost:

        def all_die(*args):
            lost.close()
            return prove(*args)

        monkeypatch.setattr(bulk, "prove_batch", all_die)
        done = many.run(many.table(), "external-info", "--dask", lost.scheduler_address)
    assert done.code == 1 and "lost" in done.err and "Traceback" not in done.err
    monkeypatch.undo()
    assert set(many.states(many.ran(many.table(), "external-info"))) == {"already"}
    for new in many.holders():
        [record] = json.loads(many.omero("roz", "status", f"Fileset:{new}", "--json").out)
        assert record["state"] == "proven"


def test_one_fileset_is_not_spread(many: Many) -> None:
    done = many.omero(
        "roz", "replace-fileset", f"Fileset:{many.filesets[0]}", str(many.zarrs[0]), "--dask", "tcp://x:1"
    )
    assert done.code == 2 and "--dask" in done.err


def test_what_the_workers_get_is_a_session_of_the_users_own_that_ends(omero_cli: Omero) -> None:
    session = OmeroSession(omero_cli.client)
    with guest_ticket(session) as ticket:
        assert ticket.uuid != session.ticket.uuid and ticket.uuid not in repr(ticket)
        there = join(ticket)
        assert (there.who.user_id, there.who.group_id) == (session.who.user_id, session.who.group_id)
        service = omero_cli.client.sf.getSessionService()
        assert ticket.uuid in {one.uuid.val for one in service.getMyOpenSessions()}
    assert ticket.uuid not in {one.uuid.val for one in service.getMyOpenSessions()}
