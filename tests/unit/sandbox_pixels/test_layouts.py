"""Every plane of the real layouts and of their originals, against hashes made by other software."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from omero_sandbox.pixels import PixelBuffer, Sizes, open_import, statistics
from omero_sandbox.pixels.buffer import DTYPES

from .conftest import opened, source

V2 = [
    "n4_plate23",
    "o03_plate23",
    "o05_m3",
    "v4_float",
    "v4_m12_s",
    "v4_m3",
    "v4_m3_noome",
    "v4_m3_noroot",
    "v4_plate23",
    "v4_plateacq3",
    "v4_r_C12H2",
    "v4_r_lif",
    "v4_rgb",
    "v4_roi",
    "v4_single",
    "v4_t_names",
]
V3 = ["v5_m3", "v5_m3_shard", "v5_plate23", "v5_single"]
ORIGINALS = ["multi_names", "plate23", "r_lif", "rgb", "roi", "type_u4"]


def planes(shared: Path, layout: str) -> dict[str, dict[tuple[int, int, int], str]]:
    """Hash by (z, c, t), by path of the group."""
    found: dict[str, dict[tuple[int, int, int], str]] = {}
    with (shared / "layouts" / "PLANES.tsv").open() as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["layout"] == layout:
                plane = int(row["z"]), int(row["c"]), int(row["t"])
                found.setdefault(row["group"], {})[plane] = row["sha1"]
    return found


def little_endian_hash(buffer: PixelBuffer, z: int, c: int, t: int) -> str:
    """The tables' hash of a plane."""
    pixels = np.frombuffer(buffer.get_plane(z, c, t), buffer.sizes.dtype.newbyteorder(">"))
    return hashlib.sha1(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()).hexdigest()


@pytest.mark.parametrize("layout", V2 + V3)
def test_every_plane_of_a_layout(shared: Path, layout: str) -> None:
    groups = planes(shared, layout)
    assert groups
    for group, expected in groups.items():
        buffer = opened(source(lsid=shared / "layouts" / f"{layout}.zarr" / group), v3=layout in V3)
        sizes = buffer.sizes
        assert len(expected) == sizes.z * sizes.c * sizes.t
        assert {plane: little_endian_hash(buffer, *plane) for plane in expected} == expected


@pytest.mark.parametrize("layout", V3)
def test_v3_without_the_setting_falls_back_to_zeros_of_the_metadata_file(
    shared: Path, tmp_path: Path, layout: str
) -> None:
    zarr = shared / "layouts" / f"{layout}.zarr"
    copy = shutil.copy(zarr / "OME" / "METADATA.ome.xml", tmp_path)
    group = next(iter(planes(shared, layout)))
    buffer = opened(source(Path(copy), zarr / group, image_format="OMEXML"))
    assert buffer.get_plane(0, 0, 0) == bytes(20)


def test_arrays_named_otherwise_are_not_found(shared: Path) -> None:
    """The `datasets` of this layout say scale0, the plugin opens 0."""
    fallback = shared / "layouts" / "originals" / "rgb.ome.tif"
    buffer = opened(source(fallback, shared / "layouts" / "v4_m3_fmt.zarr" / "img_0"))
    assert buffer.path == str(fallback)


@pytest.mark.parametrize("name", ORIGINALS)
def test_statistics_of_a_tiff_are_those_of_a_real_import(shared: Path, name: str) -> None:
    record = json.loads((shared / "omero" / "golden" / "import_ometiff" / f"{name}.ome.tif.json").read_text())
    for image in record["images"]:
        stored = image["pixels"][0]
        path = shared / "layouts" / "originals" / f"{name}.ome.tif"
        buffer = open_import(source(path, series=image["series"]))
        computed = statistics(buffer)
        assert computed.sha1 == stored["sha1"] == buffer.message_digest().hex()
        assert list(computed.channels) == [
            (c["statsinfo"]["globalmin"], c["statsinfo"]["globalmax"]) for c in stored["channels"]
        ]


@pytest.mark.parametrize("layout", ["o05_m3", "v4_float", "v4_r_lif", "v4_t_names", "v4_rgb"])
def test_statistics_of_a_metadata_file_are_those_of_zeros(shared: Path, layout: str) -> None:
    record = json.loads((shared / "omero" / "golden" / "import" / f"{layout}.json").read_text())
    path = shared / "layouts" / f"{layout}.zarr" / "OME" / "METADATA.ome.xml"
    for image in record["images"]:
        stored = image["pixels"][0]
        sizes = Sizes(*(stored[f"size{axis}"] for axis in "xyzct"), DTYPES[stored["pixelstype"]])
        computed = statistics(open_import(source(path, sizes=sizes, image_format="OMEXML")))
        assert computed.sha1 == stored["sha1"]
        assert set(computed.channels) == {(0.0, 0.0)}


@pytest.mark.parametrize(("name", "layout"), [("plate23", "v4_plate23"), ("multi_names", "v4_t_names")])
def test_a_tiff_and_its_zarr_have_the_same_planes(shared: Path, name: str, layout: str) -> None:
    for series, (_, expected) in enumerate(planes(shared, layout).items()):
        buffer = open_import(source(shared / "layouts" / "originals" / f"{name}.ome.tif", series=series))
        assert {plane: little_endian_hash(buffer, *plane) for plane in expected} == expected
