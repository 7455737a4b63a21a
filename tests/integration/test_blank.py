"""Pixels that are all alike prove nothing, for a server that opens nothing shows the same: it is told, and why."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from demo import acquisition as made
from demo.acquisition import GFP, SHOTS, Shot, write_layout, write_ome_tiff
from demo.omero_client import import_file
from tests.support.many import Many
from tests.support.servers import Omero, Server

BLANK = Shot("blank", (1, 2, 3, 32, 48), "uint16", (GFP, GFP))
WHY = "of one value, which a server that opens nothing shows as well"


@pytest.fixture
def blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one image of zeros, as blank.ome.tif and as blank.zarr."""
    with monkeypatch.context() as patched:
        patched.setattr(made, "pixels", lambda shot, seed=0: np.zeros(shot.shape, shot.dtype))
        write_ome_tiff(tmp_path / "blank.ome.tif", [BLANK])
        write_layout(tmp_path / "blank.zarr", [BLANK])
    return tmp_path


def emptied(zarr_path: Path, image: str, keep: tuple[int, int, int] | None = None) -> None:
    """Set the planes of an image to zero, but one (t, c, z)."""
    for level in "01":
        array = zarr.open_array(zarr_path / image / level, mode="r+")
        pixels = np.zeros(array.shape, array.dtype)
        if keep is not None:
            pixels[keep] = array[keep]
        array[:] = pixels


def recorded(omero_cli: Omero, fileset: int) -> tuple[str, dict]:
    [record] = json.loads(omero_cli("roz", "status", f"Fileset:{fileset}", "--json").out)
    return record["state"], record["check"]["after"]


def test_an_import_without_a_chunk_is_done_and_unproven(omero_cli: Omero, tmp_path: Path) -> None:
    """Zarr v3, which this server cannot open: it shows zeros, and zeros are in it."""
    layout = tmp_path / "v3.zarr"
    write_layout(layout, zarr_format=3)
    for chunks in layout.rglob("c"):
        shutil.rmtree(chunks)
    done = omero_cli("roz", "import", str(layout), "--json")
    assert done.code == 0, done.err
    [told] = json.loads(done.out)
    assert (told["state"], told["planes"]) == ("imported", told["of_planes"])
    assert told["unproven"].endswith(WHY)
    state, after = recorded(omero_cli, told["fileset"])
    assert (state, after["unproven"]) == ("unproven", told["unproven"])
    assert f"warning: Fileset:{told['fileset']}: unproven: {told['unproven']}" in done.err
    assert "opens nothing shows as well" in omero_cli("roz", "status", f"Fileset:{told['fileset']}").out


@pytest.mark.parametrize("kept", [(1, 2, 1), (0, 0, 0)])
def test_one_plane_that_is_not_empty_is_found(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, kept: tuple[int, int, int]
) -> None:
    """The server opens nothing. Of each pixel type all planes are zeros but one, of an image that is not the first."""
    layout = shutil.copytree(acquisition / "v2.zarr", tmp_path / "layout.zarr")
    for image in "123":
        emptied(layout, image)
    emptied(layout, "0", kept)
    refused = omero_cli("roz", "import", str(layout), "--server-path", f"{layout}=/nowhere")
    assert refused.code == 1
    t, c, z = kept
    assert f"z={z} c={c} t={t}: OMERO shows zeros instead" in refused.err
    assert "Fileset" not in refused.out


def test_what_was_compared_is_told_with_what_there_is(omero_cli: Omero, acquisition: Path) -> None:
    done = omero_cli("roz", "import", str(acquisition / "v2.zarr"))
    assert done.code == 0, done.err
    planes = sum(t * c * z for t, c, z, _, _ in (shot.shape for shot in SHOTS))
    assert f"4 images, {planes} of {planes} planes compared through OMERO, all equal" in done.err


def test_and_of_many_images_how_many(omero_cli: Omero, tmp_path: Path) -> None:
    shots = [Shot(f"field {n}", (9, 1, 1, 16, 16 + n), "uint8", (GFP,)) for n in range(12)]
    write_layout(tmp_path / "fields.zarr", shots)
    done = omero_cli("roz", "import", str(tmp_path / "fields.zarr"), "--json", "--again")
    assert done.code == 0, done.err
    [told] = json.loads(done.out)
    _, after = recorded(omero_cli, told["fileset"])
    assert (told["of_planes"], after["of_images"]) == (108, 12)
    assert 3 <= after["images"] < 12 and told["planes"] == after["planes"] < 108
    assert told["compared"] == f"{after['planes']} of 108 planes ({after['images']} of 12 images) compared"


def test_a_blank_fileset_is_replaced_and_unproven_and_its_source_stays(
    omero_cli: Omero, server: Server, blank: Path
) -> None:
    fileset, _ = import_file(omero_cli.client, blank / "blank.ome.tif")
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", str(blank / "blank.zarr"))
    assert done.code == 0, done.err
    new = int(done.out.strip().partition(":")[2])
    assert f"warning: Fileset:{new}: unproven: all that was looked at of the image is {WHY}" in done.err
    assert "6 of 6 planes compared through OMERO, all equal" in done.err
    again = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", str(blank / "blank.zarr"), "--json")
    told = json.loads(again.out)
    assert again.code == 0 and told["already"] and told["unproven"].endswith(WHY)
    assert recorded(omero_cli, new)[0] == "unproven"
    if server.dsn and server.repository:
        kept = omero_cli(
            "roz",
            "cleanup",
            f"Fileset:{fileset}",
            "--db",
            server.dsn,
            "--managed-repository",
            server.repository,
            "--yes",
        )
        assert kept.code == 1 and "is not proven (replace, unproven)" in kept.err


def test_in_a_bulk_run_it_is_done_and_named(
    omero_cli: Omero, server: Server, blank: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    many = Many(omero_cli, server, tmp_path_factory.mktemp("many"), 2)
    fileset, _ = import_file(omero_cli.client, blank / "blank.ome.tif")
    rows = [*zip(many.filesets, many.zarrs, strict=True), (fileset, blank / "blank.zarr")]
    done = many.ran(many.table(rows), "api")
    assert many.states(done) == ["replaced", "replaced", "unproven"]
    last = done["filesets"][-1]
    assert WHY in last["reason"] and recorded(omero_cli, last["new"])[0] == "unproven"
    shown = many.run(many.table(rows), "api")
    assert shown.code == 0 and "all that was looked at" in shown.out and "2 already, 1 unproven" in shown.out


def test_a_server_that_goes_on_with_the_old_file_is_noticed_by_what_is_not_blank(
    omero_cli: Omero, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old files have the same pixels: only scratch images tell, and those of the first images would show zeros."""
    shots = [Shot(f"well {n}", (1, 1, 1, 16, 16), "uint8", (GFP,)) for n in range(9)]
    drawn = made.pixels
    with monkeypatch.context() as patched:
        patched.setattr(made, "pixels", lambda shot, seed=0: drawn(shot, seed) * (seed == 5))
        write_ome_tiff(tmp_path / "wells.ome.tif", shots)
        write_layout(tmp_path / "wells.zarr", shots)
    fileset, _ = import_file(omero_cli.client, tmp_path / "wells.ome.tif")
    command = ["roz", "replace-fileset", f"Fileset:{fileset}", str(tmp_path / "wells.zarr")]
    said = omero_cli(*command, "--server-path", f"{tmp_path}=/nowhere")
    assert said.code == 1 and "OMERO does not read it from the Zarr" in said.err
    right = omero_cli(*command)
    assert right.code == 0 and "unproven" not in right.err
