"""How often a command asks the server: what takes long on a real one, wherever it is."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from bench.calls import by_operation, counted, in_a_row
from demo.acquisition import GFP, Shot, write_layout, write_ome_tiff
from demo.omero_client import import_file
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.session import OmeroSession
from tests.support.replacing import Replacing
from tests.support.servers import Omero, Server

SHOTS = [Shot(f"field {n}", (1, 2, 3, 24, 32), "uint16", (GFP, GFP)) for n in range(2)]
MOST = 30  # a fileset of two small images, its proof included
MOST_IN_A_ROW = 25


def table(omero_cli: Omero, folder: Path, count: int) -> Path:
    """Filesets of two images each, and their Zarrs."""
    write_ome_tiff(folder / "two.ome.tif", SHOTS)
    write_layout(folder / "two.zarr", SHOTS)
    filesets = [import_file(omero_cli.client, folder / "two.ome.tif")[0] for _ in range(count)]
    rows = [f"{fileset},{folder / 'two.zarr'}" for fileset in filesets]
    (folder / "table.csv").write_text("\n".join(["fileset,zarr", *rows]))
    return folder / "table.csv"


def test_few_calls_a_fileset(omero_cli: Omero, tmp_path: Path) -> None:
    rows = table(omero_cli, tmp_path, 12)
    with counted() as calls:
        done = omero_cli("roz", "replace-fileset", "--from", str(rows), "--json", "--jobs", "4")
    assert done.code == 0, done.err
    states = [one["state"] for one in json.loads(done.out)["filesets"]]
    assert states == ["replaced"] * 12
    assert len(calls) <= MOST * 12
    asked = by_operation(calls)
    assert asked["getTimepoint"] == asked["setPixelsId"] == 12 * 2 * 3  # before, of scratch images, after
    assert asked["createRawPixelsStore"] <= 3 * 4  # a store a thread, and those that have not met an image
    assert asked["getTile"] == 0


def test_and_fewer_with_the_database(omero_cli: Omero, server: Server, replacing: Replacing, tmp_path: Path) -> None:
    rows, options = table(omero_cli, tmp_path, 8), replacing.options("external-info")
    with counted() as calls:
        done = omero_cli("roz", "replace-fileset", "--from", str(rows), *options)
    assert done.code == 0, done.err
    assert len(calls) <= 20 * 8


@pytest.mark.parametrize("way", ["api", "database", "external-info", "zarr-reader"])
def test_few_calls_wait_for_one_another(omero_cli: Omero, replacing: Replacing, tmp_path: Path, way: str) -> None:
    [_, row] = table(omero_cli, tmp_path, 1).read_text().splitlines()
    options = ["--db", str(replacing.server.dsn)] if way == "database" else replacing.options(way)
    with counted(latency=0.2) as calls:  # so that what runs side by side does, however busy this machine is
        done = omero_cli("roz", "replace-fileset", *row.split(","), *options)
    assert done.code == 0, done.err
    assert in_a_row(calls) <= MOST_IN_A_ROW


def test_stores_are_closed(omero_cli: Omero, tmp_path: Path) -> None:
    rows = table(omero_cli, tmp_path, 3)
    for command in (["replace-fileset", "--from", str(rows)], ["import", str(tmp_path / "two.zarr"), "--again"]):
        with counted() as calls:
            assert omero_cli("roz", *command).code == 0
        asked = by_operation(calls)
        made = asked["createRawPixelsStore"] + asked["createThumbnailStore"] + asked["file"]
        assert asked["close"] == made + asked["submit"]


def test_a_store_is_not_asked_again_about_an_image(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    """It would go on with the binding that the image had."""
    write_layout(tmp_path / "other.zarr")
    array = zarr.open_array(tmp_path / "other.zarr" / "0" / "0", mode="r+")
    array[:] = np.asarray(array[:]) + 1
    replacing.replaced(acquisition / "v2.zarr", "api")
    session = OmeroSession(replacing.omero.client)
    images = Filesets(session).get(next(iter(replacing.filesets()))).images
    with plane_readers(session, session.who.group_id) as readers:
        shown = []
        for _ in range(2):
            for image in images[:2]:
                with readers.of(image) as reader:
                    shown.append(reader.read(0, 0, 0))
            if len(shown) == 2:
                replacing.replaced(tmp_path / "other.zarr", "api", "--check", "none")
    assert np.array_equal(shown[2], shown[0] + 1)
    assert np.array_equal(shown[3], shown[1])
