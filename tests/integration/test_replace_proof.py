"""The proof before a change: a Zarr with other pixels is refused, and the record says what was compared."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from tests.support.replacing import Replacing


@pytest.fixture
def spoilt(acquisition: Path, tmp_path: Path) -> Path:
    """The acquisition's Zarr with one other pixel, in a plane that no sample needs to look at."""
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "spoilt.zarr")
    array = zarr.open_array(tmp_path / "spoilt.zarr" / "2" / "0", mode="r+")
    array[0, 0, 3, 5, 5] = np.asarray(array[0, 0, 3, 5, 5]) + 1
    return tmp_path / "spoilt.zarr"


def test_every_plane_is_compared_where_all_is_said(replacing: Replacing, spoilt: Path) -> None:
    said = replacing.run(spoilt, "external-info", "--check", "all")
    assert said.code == 1
    assert f"Image:{replacing.images[2]} z=3 c=0 t=0: the Zarr's series '2' has other pixels" in said.err
    assert replacing.filesets() == {replacing.fileset}


def test_channels_in_another_order_are_noticed_by_a_sample(
    replacing: Replacing, acquisition: Path, tmp_path: Path
) -> None:
    """Sizes and types agree, and every plane is in the Zarr, at another place."""
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "turned.zarr")
    array = zarr.open_array(tmp_path / "turned.zarr" / "0" / "0", mode="r+")
    assert array.shape[1] > 1
    array[:] = np.asarray(array[:])[:, ::-1]
    said = replacing.run(tmp_path / "turned.zarr", "external-info")
    assert said.code == 1 and f"Image:{replacing.images[0]} z=" in said.err and "has other pixels" in said.err
    assert replacing.filesets() == {replacing.fileset}


def test_none_is_compared_where_none_is_said(replacing: Replacing, spoilt: Path) -> None:
    new = replacing.replaced(spoilt, "external-info", "--check", "none", "--no-probe")
    assert replacing.records(new)[0]["check"] is None


@pytest.mark.parametrize(("mode", "images", "planes"), [("all", 4, 25), ("sample", 4, 0)])
def test_the_record_says_what_was_compared(
    replacing: Replacing, acquisition: Path, mode: str, images: int, planes: int
) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info", "--check", mode, "--jobs", "3")
    check = replacing.records(new)[0]["check"]
    assert check["before"]["check"] == mode and 3 <= check["before"]["images"] <= images
    assert check["before"]["planes"] == planes or mode == "sample"
    assert ("seed" in check["before"]) == (mode == "sample")
    assert check["after"]["planes"] > 9
    if mode == "sample":  # the same planes, so the same pixels were shown before and after
        assert check["before"]["sha1"] == check["after"]["sha1"]


def test_what_was_taken_back_because_it_could_not_be_proven_is_not_brought_back_by_a_rollback(
    replacing: Replacing, acquisition: Path
) -> None:
    planes = replacing.planes()
    said = replacing.run(acquisition / "v2.zarr", "external-info", "--server-path", f"{acquisition}=/nowhere")
    assert said.code == 1 and replacing.filesets() == {replacing.fileset}
    again = replacing.roll_back(replacing.fileset)
    assert again.code == 1 and "was taken back because it could not be proven" in again.err
    assert f"omero roz replace-fileset Fileset:{replacing.fileset}" in again.err
    assert replacing.filesets() == {replacing.fileset} and replacing.planes() == planes
    replaced = replacing.replaced(acquisition / "v2.zarr", "external-info")
    assert replacing.rolled_back(replaced) == replacing.fileset
    assert replacing.rolled_back(replacing.fileset) == replaced


def test_a_verification_proves_what_is_unproven(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info", "--no-probe")
    some = replacing.omero("roz", "verify", f"Image:{replacing.images[0]}", "--record")
    assert some.code == 0 and replacing.records(new)[0]["state"] == "unproven"  # the others were not looked at
    named = ("roz", "verify", f"Fileset:{new}", "--certificate", str(tmp_path / "found.json"))
    assert replacing.omero(*named).code == 0
    assert replacing.omero(*named, "--record").code == 0  # what the file says was looked at before
    assert replacing.records(new)[0]["state"] == "unproven"
    done = replacing.omero("roz", "verify", f"Fileset:{new}", "--record")
    assert done.code == 0 and f"written on Fileset:{new}; it is proven now" in done.err
    [record] = replacing.records(new)
    assert record["state"] == "proven" and record["check"]["after"]["images"] == 4


def test_a_verification_does_not_prove_what_the_server_reads_from_the_old_file(
    replacing: Replacing, acquisition: Path, tmp_path: Path
) -> None:
    """The planes are equal, for the conversion was good, and the server does not see the Zarr."""
    zarr = shutil.copytree(acquisition / "v2.zarr", tmp_path / "flat.zarr")
    lost = ("--server-path", f"{tmp_path}=/nowhere")
    for attributes in zarr.glob("[0-9]/.zattrs"):  # one level, as the old file has
        about = json.loads(attributes.read_text())
        about["multiscales"][0]["datasets"] = about["multiscales"][0]["datasets"][:1]
        attributes.write_text(json.dumps(about))
    new = replacing.replaced(zarr, "external-info", "--no-probe", *lost)
    said = replacing.omero("roz", "verify", f"Fileset:{new}", "--record", *lost)
    assert said.code == 1 and "OMERO does not read it from the Zarr" in said.err, said.err
    assert replacing.records(new)[0]["state"] == "unproven"
