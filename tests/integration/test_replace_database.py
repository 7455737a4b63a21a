"""Replacing and rolling back through the database: both bindings, every row looked at before and after."""

import shutil
from pathlib import Path

import pytest

from demo.omero_client import import_file
from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.session import OmeroSession
from tests.support.replacing import Replacing
from tests.support.rows import all_rows
from tests.support.servers import Server

BINDINGS = ("external-info", "zarr-reader")


@pytest.fixture(scope="module")
def server(server_apart: Server) -> Server:
    """One of its own, whose whole database is compared again and again."""
    return server_apart


def other_zarr(acquisition: Path, folder: Path) -> Path:
    """The same Zarr at another place."""
    shutil.copytree(acquisition / "v2.zarr", folder / "other.zarr")
    return folder / "other.zarr"


@pytest.mark.parametrize("binding", BINDINGS)
def test_replaced_and_rolled_back_row_by_row(replacing: Replacing, acquisition: Path, binding: str) -> None:
    before, planes = all_rows(replacing.server, replacing.omero.client), replacing.planes()
    new = replacing.replaced(acquisition / "v2.zarr", binding)
    assert replacing.filesets() == {new} != {replacing.fileset}
    assert replacing.planes() == planes
    assert replacing.records(new)[0]["state"] == "proven"
    files = {"external-info": 1, "zarr-reader": 1 + 2 * 4}[binding]
    after = all_rows(replacing.server, replacing.omero.client)
    made = {t: n for t, n in before.new_in(after).items() if t != "namespace"}
    directories = made.pop("originalfile") - files
    assert 0 <= directories <= 2
    assert made == {
        "annotation": 2, "annotation_mapvalue": 7, "fileset": 1, "filesetannotationlink": 2, "filesetentry": files,
    }  # fmt: skip
    assert replacing.rolled_back(new) == replacing.fileset
    assert before.changed_in(all_rows(replacing.server, replacing.omero.client)) == {}
    assert replacing.planes() == planes


@pytest.mark.parametrize("binding", [*BINDINGS, "api"])
def test_a_second_rollback_has_nothing_to_do(replacing: Replacing, acquisition: Path, binding: str) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", binding)
    assert replacing.rolled_back(new) == replacing.fileset
    rows = all_rows(replacing.server, replacing.omero.client)
    again = replacing.roll_back(new)
    assert (again.code, again.out.strip()) == (0, f"Fileset:{replacing.fileset}"), again.err
    assert "it was rolled back already" in again.err
    assert all_rows(replacing.server, replacing.omero.client) == rows


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_rollback_of_a_rollback(replacing: Replacing, acquisition: Path, binding: str) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", binding)
    rows, planes = all_rows(replacing.server, replacing.omero.client), replacing.planes()
    assert replacing.rolled_back(new) == replacing.fileset
    assert replacing.rolled_back(replacing.fileset) == new
    changed = all_rows(replacing.server, replacing.omero.client)
    # The record of the replacement says now that it was rolled back, and nothing else has changed.
    assert set(rows.changed_in(changed)) == {"annotation"}
    assert replacing.planes() == planes
    assert replacing.rolled_back(new) == replacing.fileset


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_same_again_writes_nothing(replacing: Replacing, acquisition: Path, binding: str) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", binding)
    before, log = all_rows(replacing.server, replacing.omero.client), replacing.logged()
    for named in (replacing.fileset, new):
        again = replacing.run(acquisition / "v2.zarr", binding, fileset=named)
        assert (again.code, again.out.strip()) == (0, f"Fileset:{new}"), again.err
        assert f"already replaced by Fileset:{new}" in again.err
    after = all_rows(replacing.server, replacing.omero.client)
    assert before == after
    assert replacing.logged() == log


def test_an_unproven_replacement_is_proven_by_a_rerun(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info", "--no-probe")
    assert replacing.records(new)[0]["state"] == "unproven"
    again = replacing.run(acquisition / "v2.zarr", "external-info")
    assert again.code == 0 and "it is proven now" in again.err
    assert replacing.records(new)[0]["state"] == "proven"


@pytest.mark.parametrize("binding", BINDINGS)
def test_another_zarr_and_another_binding_go_on_top(
    replacing: Replacing, acquisition: Path, tmp_path: Path, binding: str
) -> None:
    planes = replacing.planes()
    first = replacing.replaced(acquisition / "v2.zarr", "external-info")
    # An ExternalInfo that was left would win over a shadow: it is taken off, and comes back.
    infos = replacing.sql("SELECT id, external_id FROM image WHERE fileset = %s ORDER BY id", first)
    second = replacing.replaced(other_zarr(acquisition, tmp_path), binding)
    assert replacing.records(second)[0]["source"] == first
    shutil.move(acquisition / "v2.zarr", tmp_path / "away.zarr")
    try:
        assert replacing.planes() == planes
    finally:
        shutil.move(tmp_path / "away.zarr", acquisition / "v2.zarr")
    assert replacing.rolled_back(second) == first
    content = "SELECT entitytype, entityid, lsid, uuid FROM externalinfo WHERE id = %s"
    for image, info in infos:
        [[now]] = replacing.sql("SELECT external_id FROM image WHERE id = %s", image)
        assert replacing.sql(content, now) == replacing.sql(content, info)
    assert replacing.rolled_back(first) == replacing.fileset


@pytest.mark.parametrize("binding", BINDINGS)
def test_deleting_the_new_fileset_leaves_the_zarr_whole(
    replacing: Replacing, acquisition: Path, tmp_path: Path, binding: str
) -> None:
    zarr = other_zarr(acquisition, tmp_path)
    before = {path: path.read_bytes() for path in zarr.rglob("*") if path.is_file()}
    new = replacing.replaced(zarr, binding)
    [[group]] = replacing.sql("SELECT group_id FROM fileset WHERE id = %s", new)
    delete(OmeroSession(replacing.omero.client), {"Fileset": [new]}, group)
    assert replacing.sql("SELECT id FROM image WHERE id = ANY(%s)", replacing.images) == []
    assert {path: path.read_bytes() for path in zarr.rglob("*") if path.is_file()} == before


def test_no_registered_file_leads_to_the_zarr(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    rows = replacing.sql(
        "SELECT o.path, o.name, o.size, o.repo = p.repo FROM originalfile o"
        " JOIN filesetentry e ON e.originalfile = o.id JOIN pixels p ON p.image = %s WHERE e.fileset = %s",
        replacing.images[0], new,
    )  # fmt: skip
    for path, name, size, same_repository in rows:
        file = Path(replacing.server.repository, path, name)
        assert file.resolve() == Path(replacing.server.repository).resolve() / path / name
        assert (file.stat().st_size, same_repository) == (size, True)
    known = "SELECT path, name FROM originalfile WHERE mimetype = 'Directory' AND owner_id = %s"
    directories = replacing.sql(known, replacing.user())
    assert not [path for path, name in directories if "omero-roz-shadows" in path + name]


def test_what_was_changed_since_is_not_rolled_back(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    replacing.sql("UPDATE pixels SET path = path || 'x' WHERE image = %s", replacing.images[1])
    said = replacing.roll_back(new)
    assert said.code == 1 and f"Image:{replacing.images[1]}" in said.err and "was changed meanwhile" in said.err
    assert replacing.filesets() == {new}


def test_an_image_that_came_in_since_is_not_left_behind(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    _, [image, *_] = import_file(replacing.omero.client, acquisition / "acquisition.ome.tif")
    replacing.sql("UPDATE image SET fileset = %s WHERE id = %s", new, image)
    said = replacing.roll_back(new)
    assert said.code == 1 and f"Image:{image}" in said.err
    assert replacing.filesets() == {new}


def test_events_and_the_search_index(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info", "--no-probe")
    [[event, user]] = replacing.sql(
        "SELECT e.id, e.experimenter FROM fileset f JOIN event e ON e.id = f.update_id WHERE f.id = %s", new
    )
    assert replacing.sql("SELECT owner_id FROM fileset WHERE id = %s", new) == [(user,)]
    updates = replacing.sql("SELECT DISTINCT update_id FROM image WHERE fileset = %s", new)
    assert updates == [(event,)]
    counted = "SELECT action, entitytype, count(*)::integer FROM eventlog WHERE event = %s GROUP BY 1, 2"
    log = replacing.sql(counted, event)
    assert {(action, kind): count for action, kind, count in log} == {
        ("REINDEX", "ome.model.core.Image"): 4,
        ("INSERT", "ome.model.fs.Fileset"): 1,
        ("INSERT", "ome.model.fs.FilesetEntry"): 1,
        ("INSERT", "ome.model.core.OriginalFile"): 1,
        ("INSERT", "ome.model.meta.ExternalInfo"): 4,
        ("INSERT", "ome.model.annotations.CommentAnnotation"): 1,
        ("INSERT", "ome.model.annotations.MapAnnotation"): 1,
        ("INSERT", "ome.model.annotations.FilesetAnnotationLink"): 2,
    }


def test_the_number_of_statements_is_constant(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omero_roz.ports.database import Transaction

    counts: list[int] = []
    run = Transaction.rows
    monkeypatch.setattr(Transaction, "rows", lambda *args, **values: counts.append(1) or run(*args, **values))
    replacing.replaced(acquisition / "v2.zarr", "zarr-reader", "--no-probe")
    assert len(counts) <= 22
