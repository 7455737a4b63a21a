"""Removing a source fileset: what forbids it, each tried, and what is left of it."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from demo.omero_client import import_file
from omero_roz.replace import cleanup as cleanup_module
from tests.support.kills import LONG, moments, ran
from tests.support.replacing import Replacing
from tests.support.servers import Result


def cleanup(replacing: Replacing, fileset: int, *more: str) -> Result:
    server = replacing.server
    assert server.dsn and server.repository
    options = ["--db", server.dsn, "--managed-repository", server.repository]
    return replacing.omero("roz", "cleanup", f"Fileset:{fileset}", *(more or (*options, "--yes")))


def files_of(replacing: Replacing, fileset: int) -> list[Path]:
    rows = replacing.sql(
        "SELECT o.path, o.name FROM originalfile o JOIN filesetentry e ON e.originalfile = o.id WHERE e.fileset = %s",
        fileset,
    )
    return [Path(replacing.server.repository or "", path, name) for path, name in rows]


def stays(replacing: Replacing, fileset: int) -> bool:
    there = replacing.sql("SELECT id FROM fileset WHERE id = %s", fileset) != []
    return there and all(file.exists() for file in files_of(replacing, fileset))


@pytest.mark.parametrize("binding", ["external-info", "zarr-reader"])
def test_a_proven_replacements_source_is_removed(replacing: Replacing, acquisition: Path, binding: str) -> None:
    planes = replacing.planes()
    new = replacing.replaced(acquisition / "v2.zarr", binding)
    [file] = files_of(replacing, replacing.fileset)
    options = ("--db", replacing.server.dsn or "", "--managed-repository", replacing.server.repository or "")
    looked = cleanup(replacing, replacing.fileset, *options, "--dry-run")
    assert looked.code == 0 and f"rollback of Fileset:{new} ends here" not in looked.out, looked.err
    assert stays(replacing, replacing.fileset)
    done = cleanup(replacing, replacing.fileset)
    assert done.code == 0, done.err
    assert f"rollback of Fileset:{new} ends here" in done.err
    assert not file.exists() and replacing.sql("SELECT id FROM fileset WHERE id = %s", replacing.fileset) == []
    assert replacing.planes() == planes
    assert replacing.records(new)[0]["source_gone"]
    back = replacing.roll_back(new)
    assert back.code == 1 and f"Fileset:{replacing.fileset}, was removed by " in back.err
    again = cleanup(replacing, replacing.fileset)
    assert again.code == 0 and "it was removed already, by " in again.err
    assert replacing.planes() == planes


@pytest.mark.parametrize("binding", ["external-info", "zarr-reader"])
def test_an_emptied_new_fileset_is_removed_and_its_zarr_stays(
    replacing: Replacing, acquisition: Path, binding: str
) -> None:
    zarr_files = sorted(path for path in (acquisition / "v2.zarr").rglob("*") if path.is_file())
    planes = replacing.planes()
    new = replacing.replaced(acquisition / "v2.zarr", binding)
    [[prefix]] = replacing.sql("SELECT templateprefix FROM fileset WHERE id = %s", new)
    directory = Path(replacing.server.repository or "", prefix)
    replacing.rolled_back(new)
    done = cleanup(replacing, new)
    assert done.code == 0, done.err
    assert replacing.sql("SELECT id FROM fileset WHERE id = %s", new) == []
    assert not directory.exists()
    assert sorted(path for path in (acquisition / "v2.zarr").rglob("*") if path.is_file()) == zarr_files
    assert replacing.planes() == planes


def test_a_table_and_a_run_of_sources(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f"# by hand\nFileset;Zarr\nFileset:{replacing.fileset};{acquisition / 'v2.zarr'}\n")
    server, run = replacing.server, f"run {replacing.fileset}"
    database = ("--db", server.dsn or "")
    done = replacing.omero("roz", "replace-fileset", "--from", str(table), "--run", run, *database)
    assert done.code == 0, done.err
    options = (*database, "--managed-repository", server.repository or "")
    unknown = replacing.omero("roz", "cleanup", "--from", str(table), "Fileset:99999999", *options, "--dry-run")
    assert unknown.code == 1 and "1 of 2 failed" in unknown.err
    assert f"Fileset:{replacing.fileset}: nothing was removed" in unknown.err and stays(replacing, replacing.fileset)
    new = replacing.filesets().pop()
    looked = replacing.omero("roz", "rollback", f"Fileset:{new}", *database, "--dry-run")
    assert looked.code == 0 and f"4 images would go back to Fileset:{replacing.fileset}" in looked.err
    assert replacing.filesets() == {new}
    gone = replacing.omero("roz", "cleanup", "--all-from", run, *options, "--yes")
    assert gone.code == 0 and not stays(replacing, replacing.fileset), gone.err


def test_the_oldest_source_goes_first(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "moved.zarr")
    first = replacing.replaced(acquisition / "v2.zarr", "external-info")
    replacing.replaced(tmp_path / "moved.zarr", "external-info")
    said = cleanup(replacing, first)
    assert said.code == 1 and f"omero roz cleanup Fileset:{replacing.fileset}" in said.err
    oldest = cleanup(replacing, replacing.fileset)
    assert oldest.code == 0 and f"rollback of Fileset:{first} ends here" in oldest.err
    assert cleanup(replacing, first).code == 0


def test_nobody_is_asked_without_a_terminal(replacing: Replacing, acquisition: Path) -> None:
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    options = ("--db", replacing.server.dsn or "", "--managed-repository", replacing.server.repository or "")
    assert cleanup(replacing, replacing.fileset, *options).code == 2
    assert stays(replacing, replacing.fileset)


def test_what_is_not_proven_stays(replacing: Replacing, acquisition: Path) -> None:
    replacing.replaced(acquisition / "v2.zarr", "external-info", "--no-probe")
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and "is not proven" in said.err
    assert stays(replacing, replacing.fileset)


def test_what_reads_otherwise_now_stays(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "copy.zarr")
    replacing.replaced(tmp_path / "copy.zarr", "external-info")
    kept = tmp_path / "elsewhere.zarr"
    (tmp_path / "copy.zarr").rename(kept)
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and "no such directory" in said.err
    kept.rename(tmp_path / "copy.zarr")
    infos = replacing.sql("SELECT external_id FROM image WHERE id = %s", replacing.images[1])
    replacing.sql("UPDATE image SET external_id = NULL WHERE id = %s", replacing.images[1])
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and f"not as its record says (Image:{replacing.images[1]})" in said.err
    replacing.sql("UPDATE image SET external_id = %s WHERE id = %s", *infos[0], replacing.images[1])
    assert stays(replacing, replacing.fileset)


def test_what_the_server_reads_from_the_old_file_stays(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    """The Zarr is there for us and away for the server: it shows the source's file, or zeros."""
    place = tmp_path / "seen by the server"
    shutil.copytree(acquisition / "v2.zarr", place / "v2.zarr")
    replacing.replaced(acquisition / "v2.zarr", "external-info", "--server-path", f"{acquisition}={place}")
    place.rename(tmp_path / "away")
    replacing.planes()  # the file's, or where the reader has met the Zarr nothing but zeros (facts: storage, 4)
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and "OMERO does not read it from the Zarr" in said.err
    assert stays(replacing, replacing.fileset)


def test_what_the_server_never_read_from_the_zarr_is_not_proven(replacing: Replacing, acquisition: Path) -> None:
    said = replacing.run(acquisition / "v2.zarr", "external-info", "--server-path", f"{acquisition}=/nowhere")
    assert said.code == 1 and "OMERO does not read it from the Zarr" in said.err
    assert replacing.filesets() == {replacing.fileset}


def test_a_fileset_with_an_image_stays(replacing: Replacing, acquisition: Path) -> None:
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and "4 images are in it" in said.err
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    image = replacing.images[0]
    replacing.sql("UPDATE image SET fileset = %s WHERE id = %s", replacing.fileset, image)
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and f"1 image is in it (Image:{image})" in said.err
    assert replacing.sql("SELECT id FROM image WHERE id = %s", image) == [(image,)]


def test_an_image_that_the_user_cannot_see_is_counted(replacing: Replacing, acquisition: Path) -> None:
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    image = replacing.images[0]
    replacing.sql("UPDATE image SET fileset = %s, group_id = 0 WHERE id = %s", replacing.fileset, image)
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and f"Image:{image}" in said.err


def test_what_cannot_be_known_is_refused(replacing: Replacing, acquisition: Path) -> None:
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    said = cleanup(replacing, replacing.fileset, "--managed-repository", replacing.server.repository or "", "--yes")
    assert said.code == 1 and "give --db, or log in as an administrator" in said.err
    said = cleanup(replacing, replacing.fileset, "--db", replacing.server.dsn or "", "--yes")
    assert said.code == 1 and "give --managed-repository DIR" in said.err
    said = cleanup(
        replacing, replacing.fileset, "--db", replacing.server.dsn or "", "--managed-repository", "/usr", "--yes"
    )
    assert said.code == 1 and "/usr has none of its files" in said.err
    assert stays(replacing, replacing.fileset)


@pytest.mark.parametrize("what", ["the file", "its directory"])
def test_links_are_not_followed(replacing: Replacing, acquisition: Path, tmp_path: Path, what: str) -> None:
    """An in-place import registers a link to the file; omero-mkngff one to the Zarr's directory."""
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    [file] = files_of(replacing, replacing.fileset)
    linked = file if what == "the file" else file.parent
    original = tmp_path / linked.name
    shutil.move(linked, original)
    os.symlink(original, linked)
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and "is a link or lies behind one" in said.err
    assert stays(replacing, replacing.fileset) and original.exists()


@pytest.mark.parametrize("whose", ["its own images", "others"])
def test_a_zarr_among_its_files_stays(replacing: Replacing, acquisition: Path, whose: str) -> None:
    """An OME-Zarr that was imported as it is lies among the fileset's files, and OMERO would delete it with them."""
    [file] = files_of(replacing, replacing.fileset)
    zarr = file.parent / "imported.zarr"
    shutil.copytree(acquisition / "v2.zarr", zarr)
    if whose == "others":
        other, _ = import_file(replacing.omero.client, acquisition / "acquisition.ome.tif")
        replacing.replaced(zarr, "external-info", fileset=other)
        replacing.replaced(acquisition / "v2.zarr", "external-info")
    else:
        replacing.replaced(zarr, "external-info")
    planes = replacing.planes()
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and f"is read from {zarr}" in said.err and "among its files" in said.err
    assert stays(replacing, replacing.fileset) and zarr.is_dir()
    assert replacing.planes() == planes


def test_an_image_that_omeros_dry_run_lists_is_not_deleted(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody puts an image back after the database has counted none: OMERO's own answer is the last word."""
    replacing.replaced(acquisition / "v2.zarr", "external-info")
    image, ask = replacing.images[0], cleanup_module.would_delete
    [[new]] = replacing.sql("SELECT fileset FROM image WHERE id = %s", image)

    def back_meanwhile(*args: Any) -> Any:
        replacing.sql("UPDATE image SET fileset = %s WHERE id = %s", replacing.fileset, image)
        return ask(*args)

    monkeypatch.setattr(cleanup_module, "would_delete", back_meanwhile)
    said = cleanup(replacing, replacing.fileset)
    assert said.code == 1 and "OMERO would delete more than the fileset" in said.err and "1 Image" in said.err
    assert replacing.sql("SELECT id FROM image WHERE id = %s", image) == [(image,)]
    assert stays(replacing, replacing.fileset)
    replacing.sql("UPDATE image SET fileset = %s WHERE id = %s", new, image)


@pytest.mark.parametrize("count", [3, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_killed_at_random_moments(replacing: Replacing, acquisition: Path, count: int) -> None:
    """The same command again finishes it: nothing is half, and no file of the images or of another fileset goes."""
    client, server = replacing.omero.client, replacing.server
    options = ["--db", server.dsn or "", "--managed-repository", server.repository or "", "--yes"]

    def emptied() -> Replacing:
        one = Replacing(replacing.omero, server, acquisition / "acquisition.ome.tif")
        one.replaced(acquisition / "v2.zarr", "zarr-reader")
        return one

    took = ran(client, LONG, "roz", "cleanup", f"Fileset:{emptied().fileset}", *options)
    assert took is not None
    for moment in moments(took, count):
        one = emptied()
        planes, files, kept = one.planes(), files_of(one, one.fileset), files_of(one, *one.filesets())
        ran(client, moment, "roz", "cleanup", f"Fileset:{one.fileset}", *options)
        there = one.sql("SELECT id FROM fileset WHERE id = %s", one.fileset) != []
        assert len(files_of(one, one.fileset)) == (len(files) if there else 0)
        again = cleanup(one, one.fileset)
        assert again.code == 0 or (not there and "does not exist" in again.err), again.err
        assert one.sql("SELECT id FROM fileset WHERE id = %s", one.fileset) == []
        assert not any(file.exists() for file in files) and all(file.exists() for file in kept)
        assert one.planes() == planes
    assert stays(replacing, replacing.fileset)
