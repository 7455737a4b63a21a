"""Many filesets replaced as a table says: planned first, changed in batches, gone on with, rolled back."""

import json
from pathlib import Path

import psycopg2
import pytest

from omero_roz.applying import swap
from tests.support.many import Many
from tests.support.rows import all_rows
from tests.support.servers import Omero, Server

BINDINGS = ("api", "external-info", "zarr-reader")


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """One of its own, whose whole database is compared again and again."""
    return server_apart


@pytest.fixture
def many(omero_cli: Omero, server: Server, tmp_path: Path) -> Many:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return Many(omero_cli, server, tmp_path, 5)


@pytest.mark.parametrize("binding", BINDINGS)
def test_all_are_replaced_and_all_are_rolled_back(many: Many, binding: str) -> None:
    planes, rows = many.planes(), all_rows(many.server, many.omero.client)
    done = many.ran(many.table(), binding, "--batch", "2")
    assert many.states(done) == ["replaced"] * 5
    assert [one["new"] for one in done["filesets"]] == many.holders() != many.filesets
    assert many.planes() == planes
    back = many.omero("roz", "rollback", "--all-from", done["run"], "--db", many.server.dsn or "")
    assert back.code == 0, back.err
    assert many.holders() == many.filesets
    assert rows.changed_in(all_rows(many.server, many.omero.client)) == {}
    again = many.omero("roz", "rollback", "--all-from", done["run"], "--db", many.server.dsn or "")
    assert again.code == 0 and "all of it was rolled back already" in again.err
    never = many.omero("roz", "rollback", "--all-from", "never", "--db", many.server.dsn or "")
    assert never.code == 1 and "no fileset that you may see was replaced by it" in never.err


def test_a_report_that_cannot_be_written_is_told_before_anything_is_done(many: Many) -> None:
    table = many.table([(many.filesets[0], many.zarrs[0])])
    done = many.run(table, "external-info", "--report", str(many.folder / "nowhere" / "report.csv"))
    assert done.code == 2 and "--report" in done.err
    assert many.omero("roz", "status", f"Fileset:{many.filesets[0]}", "--json").out.strip() == "[]"


@pytest.mark.parametrize("binding", BINDINGS)
def test_what_is_wrong_leaves_the_others_unharmed(many: Many, binding: str) -> None:
    zarrs, name = many.zarrs, f"the only one ({binding})"
    sql(many, f"UPDATE image SET name = '{name}' WHERE id = {many.images[3]}")
    table = many.table([
        (many.filesets[0], zarrs[0]), (many.filesets[1], zarrs[2]), ("no such plate", zarrs[2]),
        (name, zarrs[3]), (many.filesets[3], zarrs[4]), (many.filesets[4], "/none.zarr"),
    ])  # fmt: skip
    report = many.folder / "report.json"
    done = many.run(table, binding, "--report", str(report))
    assert done.code == 1 and "4 of 6 were not replaced" in done.err
    told = json.loads(report.read_text())
    assert [one["state"] for one in told] == ["replaced", "refused", "refused", "replaced", "refused", "refused"]
    for number, reason in (
        (1, "sizes of Image"),
        (2, "no fileset"),
        (4, "line 5 has the same"),
        (5, "no such directory"),
    ):
        assert reason in told[number]["reason"]
    moved = [new != old for new, old in zip(many.holders(), many.filesets, strict=True)]
    assert moved == [True, False, False, True, False]


def test_lines_that_nobody_could_have_meant_leave_the_others_unharmed(many: Many) -> None:
    zarrs, digits = many.zarrs, "7" * 5000
    table = many.table([
        (many.filesets[0], zarrs[0]), (digits, zarrs[1]), (many.filesets[1], "/x" * 2500), (many.filesets[2], "/a\0b"),
        (f"Fileset:{digits}", zarrs[1]), ("a\0b", zarrs[1]), (many.filesets[3], "https://a..b/x"),
        (many.filesets[4], "https://localhost:99999/x"),
    ])  # fmt: skip
    report = many.folder / "report.json"
    done = many.run(table, "external-info", "--report", str(report))
    assert done.code == 1 and "Traceback" not in done.err
    told = json.loads(report.read_text())
    assert [one["state"] for one in told] == ["replaced", *["refused"] * 7], done.err
    assert all(len(one["reason"]) < 6000 and "\n" not in one["reason"] for one in told[1:])


def test_nothing_is_changed_where_one_is_wrong_and_it_shall_stop(many: Many) -> None:
    table = many.table([*zip(many.filesets, many.zarrs, strict=True), ("no such plate", many.zarrs[0])])
    done = many.run(table, "external-info", "--stop-on-error")
    assert done.code == 1
    assert many.holders() == many.filesets


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_same_again_goes_on_with_what_is_left(many: Many, binding: str) -> None:
    first = many.ran(many.table(list(zip(many.filesets, many.zarrs, strict=True))[:2]), binding)
    before = many.holders()
    done = many.ran(many.table(), binding)
    assert many.states(done) == ["already"] * 2 + ["replaced"] * 3
    assert many.holders()[:2] == before[:2] == [one["new"] for one in first["filesets"]]
    rows = all_rows(many.server, many.omero.client)
    assert many.states(many.ran(many.table(), binding)) == ["already"] * 5
    assert all_rows(many.server, many.omero.client) == rows


def test_what_was_not_proven_is_proven_by_a_rerun(many: Many) -> None:
    done = many.ran(many.table(), "external-info", "--no-probe", "--check", "none")
    states = [many.omero("roz", "status", f"Fileset:{one['new']}", "--json") for one in done["filesets"]]
    assert {json.loads(state.out)[0]["state"] for state in states} == {"unproven"}
    assert many.states(many.ran(many.table(), "external-info")) == ["already"] * 5
    states = [many.omero("roz", "status", f"Fileset:{one['new']}", "--json") for one in done["filesets"]]
    assert {json.loads(state.out)[0]["state"] for state in states} == {"proven"}


def test_a_dry_run_changes_nothing(many: Many) -> None:
    rows = all_rows(many.server, many.omero.client)
    assert many.states(many.ran(many.table(), "external-info", "--dry-run")) == ["planned"] * 5
    assert all_rows(many.server, many.omero.client) == rows


def test_what_no_server_can_have_is_told(many: Many) -> None:
    table = many.table([(many.filesets[0], many.zarrs[0]), (2**63, many.zarrs[1]), (2**63 - 1, many.zarrs[2])])
    done = many.run(table, "external-info", "--json")
    assert done.code == 1 and "Traceback" not in done.err
    assert many.states(json.loads(done.out)) == ["replaced", "refused", "refused"]
    for jobs in ("0", "-1"):
        assert many.run(table, "external-info", "--jobs", jobs).code == 2


def test_idrs_table_with_a_prefix(many: Many) -> None:
    table = many.folder / "idr.csv"
    table.write_text("".join(f"idr/{n}.ome.zarr,{n}.zarr,{fileset}\n" for n, fileset in enumerate(many.filesets)))
    report = many.folder / "report.csv"
    done = many.ran(table, "external-info", "--prefix", str(many.folder), "--report", str(report))
    assert many.states(done) == ["replaced"] * 5
    assert len(report.read_text().splitlines()) == 6


@pytest.mark.sandbox("a trigger is made in the database")
def test_one_that_the_database_refuses_leaves_the_batch_unharmed(many: Many) -> None:
    """A row that PostgreSQL itself refuses fails its whole transaction: the others are then done one by one."""
    sql(many, "CREATE FUNCTION no_more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'")
    when = f"FOR EACH ROW WHEN (old.id = {many.images[2]}) EXECUTE FUNCTION no_more()"
    sql(many, f"CREATE TRIGGER no_more BEFORE UPDATE ON image {when}")
    try:
        done = many.run(many.table(), "external-info", "--json")
    finally:
        sql(many, "DROP FUNCTION no_more CASCADE")
    assert done.code == 1
    assert many.states(json.loads(done.out)) == ["replaced", "replaced", "failed", "replaced", "replaced"]
    assert many.holders()[2] == many.filesets[2]
    assert many.states(many.ran(many.table(), "external-info")) == ["already"] * 2 + ["replaced"] + ["already"] * 2


def test_stopped_by_ctrl_c_between_batches_and_gone_on_with(many: Many, monkeypatch: pytest.MonkeyPatch) -> None:
    apply, count = swap.apply, []

    def stopped(*args):
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return apply(*args)

    monkeypatch.setattr(swap, "apply", stopped)
    report = many.folder / "report.json"
    done = many.run(many.table(), "zarr-reader", "--batch", "2", "--report", str(report))
    assert done.code == 1 and "stopped" in done.err
    assert [one["state"] for one in json.loads(report.read_text())] == [
        *["replaced"] * 2, *["not known"] * 2, "not reached",
    ]  # fmt: skip
    monkeypatch.undo()
    planes = many.planes()
    assert many.states(many.ran(many.table(), "zarr-reader")) == ["already"] * 2 + ["replaced"] * 3
    assert many.planes() == planes


def sql(many: Many, statement: str) -> None:
    connection = psycopg2.connect(many.server.dsn, user="postgres")
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()
