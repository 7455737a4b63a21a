"""Where a Zarr lies that is bound with external-info, of which nothing on disk leads to it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.session import OmeroSession
from tests.support.replacing import Replacing
from tests.support.rows import all_rows


def a_link(_: Replacing, zarr: Path) -> Path:
    (zarr.parent / "link.zarr").symlink_to(zarr)
    return zarr.parent / "link.zarr"


def inside_the_repository(replacing: Replacing, zarr: Path) -> Path:
    return Path(shutil.move(zarr, replacing.own_directory() / f"{replacing.fileset}.zarr"))


@pytest.mark.parametrize("make", [a_link, inside_the_repository])
@pytest.mark.parametrize("binding", ["external-info", "api"])
def test_where_a_zarr_lies_is_no_matter_to_what_links_nothing(
    replacing: Replacing, acquisition: Path, tmp_path: Path, make: Callable[[Replacing, Path], Path], binding: str
) -> None:
    """The Zarr's real path is bound, and deleting the new fileset leaves it whole."""
    zarr = make(replacing, Path(shutil.copytree(acquisition / "v2.zarr", tmp_path / "x.zarr")))
    planes = replacing.planes()
    new = replacing.replaced(zarr, binding)
    assert replacing.planes() == planes
    assert replacing.records(new)[0]["uri"] == str(zarr.resolve())
    files = {path: path.read_bytes() for path in zarr.resolve().rglob("*") if path.is_file()}
    [[group]] = replacing.sql("SELECT group_id FROM fileset WHERE id = %s", new)
    delete(OmeroSession(replacing.omero.client), {"Fileset": [new]}, group)
    assert {path: path.read_bytes() for path in zarr.resolve().rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("binding", ["external-info", "api"])
def test_a_zarr_whose_links_lead_out(replacing: Replacing, acquisition: Path, tmp_path: Path, binding: str) -> None:
    zarr, before = tmp_path / "x.zarr", all_rows(replacing.server, replacing.omero.client)
    shutil.copytree(acquisition / "v2.zarr", zarr)
    shutil.move(zarr / "1", tmp_path / "outside")
    (zarr / "1").symlink_to(tmp_path / "outside")
    done = replacing.run(zarr, binding)
    assert done.code == 1 and "leads out" in done.err
    assert before.changed_in(all_rows(replacing.server, replacing.omero.client)) == {}
