"""Zarrs in the repository, read as OMEZarrReader does: its order of series, its options, its failures."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import omero
from omero_sandbox.pixels import open_source
from omero_sandbox.pixels.zarr_series import all_series

from .conftest import Writer, opened, source
from .test_layouts import little_endian_hash, planes

READ = [
    "n4_plate23",
    "o05_m3",
    "v4_float",
    "v4_m12_s",
    "v4_m3",
    "v4_m3_fmt",
    "v4_m3_noome",
    "v4_plate23",
    "v4_plateacq3",
    "v4_r_C12H2",
    "v4_r_lif",
    "v4_rgb",
    "v4_roi",
    "v4_single",
    "v4_t_names",
]


def groups(root: Path) -> list[str]:
    """The group of each series."""
    return [series.arrays[0].rpartition("/")[0] for series in all_series(root)]


@pytest.mark.parametrize("layout", READ)
@pytest.mark.parametrize("name", [".zattrs", "OME/METADATA.ome.xml"])
def test_every_plane_of_a_layout(shared: Path, layout: str, name: str) -> None:
    root = shared / "layouts" / f"{layout}.zarr"
    expected = planes(shared, layout)
    assert sorted(groups(root)) == sorted(expected)
    for series, group in enumerate(groups(root)):
        buffer = opened(source(root / name, series=series))
        found = {plane: little_endian_hash(buffer, *plane) for plane in expected[group]}
        assert found == expected[group]


@pytest.mark.parametrize("layout", ["o03_plate23", "v4_m3_noroot", "v5_m3", "v5_plate23", "v5_single"])
def test_layouts_that_it_cannot_open(shared: Path, layout: str) -> None:
    path = shared / "layouts" / f"{layout}.zarr" / ".zattrs"
    with pytest.raises(omero.ResourceError, match="Error instantiating pixel buffer"):
        opened(source(path))


def test_a_link_to_the_zarr_is_the_same(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zarr").symlink_to(shared / "layouts" / "v4_rgb.zarr")
    buffer = opened(source(tmp_path / "x.zarr" / ".zattrs"))
    assert little_endian_hash(buffer, 0, 2, 0) == planes(shared, "v4_rgb")["0"][0, 2, 0]


def written(multiscale: Writer, names: Sequence[str]) -> Path:
    """A Zarr with an image in each of these groups; its pixels are the place in `names`."""
    for number, name in enumerate(names):
        multiscale(np.full((1, 1, 1, 4, 5), number, "u1"), name=f"x.zarr/{name}")
    root = multiscale(name="x.zarr/empty").parent
    for folder in {root, *(parent for name in names for parent in (root / name).parents if parent > root)}:
        shutil.copy(root / "empty" / ".zgroup", folder)
    shutil.rmtree(root / "empty")
    return root


def test_groups_come_by_number_and_then_as_strings(multiscale: Writer) -> None:
    root = written(multiscale, ["img_2", "10", "2", "img_10", "img_1", "deep/0"])
    assert groups(root) == ["2", "10", "img_1", "img_10", "img_2", "deep/0"]
    assert opened(source(root / ".zattrs", series=3)).get_plane(0, 0, 0) == bytes([3] * 20)


def test_rows_past_z_come_as_strings(multiscale: Writer) -> None:
    names = [f"{row}/{column}/0" for row in ("Z", "AA", "A", "B") for column in (1, 10, 2)]
    root = written(multiscale, names)
    wells = [{"path": name[:-2]} for name in names]
    rows = [{"name": row} for row in ("A", "B", "Z", "AA", "C")]
    columns = [{"name": str(column)} for column in (1, 2, 10)]
    for well in wells:
        (root / well["path"] / ".zattrs").write_text(json.dumps({"well": {"images": [{"path": "0"}]}}))
    plate = {"plate": {"rows": rows, "columns": columns, "wells": wells, "field_count": 1}}
    (root / ".zattrs").write_text(json.dumps(plate))
    assert [g[:-2] for g in groups(root)] == [f"{r}/{c}" for r in ("A", "AA", "B", "Z") for c in (1, 2, 10)]
    del plate["plate"]["field_count"]
    (root / ".zattrs").write_text(json.dumps(plate))
    with pytest.raises(omero.ResourceError):
        opened(source(root / ".zattrs"))


def test_the_order_of_a_plate_is_that_of_the_xml(multiscale: Writer) -> None:
    root = written(multiscale, ["A/1/0", "A/1/1", "B/1/0"])
    for well, count in (("A/1", 2), ("B/1", 1)):
        images = [{"path": str(number)} for number in range(count)]
        (root / well / ".zattrs").write_text(json.dumps({"well": {"images": images}}))
    plate = {
        "rows": [{"name": "A"}, {"name": "B"}],
        "columns": [{"name": "1"}],
        "wells": [{"path": "A/1"}, {"path": "B/1"}],
        "field_count": 2,
    }
    (root / ".zattrs").write_text(json.dumps({"plate": plate}))
    (root / "OME").mkdir()
    (root / "OME" / "METADATA.ome.xml").write_text(
        '<OME><Plate><Well Row="0" Column="0"><WellSample><ImageRef ID="Image:1"/></WellSample>'
        '<WellSample><ImageRef ID="Image:2"/></WellSample></Well>'
        '<Well Row="1" Column="0"><WellSample><ImageRef ID="Image:0"/></WellSample></Well></Plate>'
        '<Image ID="Image:0"/><Image ID="Image:1"/><Image ID="Image:2"/></OME>'
    )
    assert groups(root) == ["B/1/0", "A/1/0", "A/1/1"]
    plate["wells"].append({"path": "B/2"})
    (root / ".zattrs").write_text(json.dumps({"plate": plate}))
    with pytest.raises(omero.ResourceError):
        opened(source(root / ".zattrs"))


def test_levels_and_compact_axes(multiscale: Writer) -> None:
    full = np.arange(2 * 6 * 8, dtype=">u2").reshape(2, 6, 8)
    root = multiscale(full, full[:, ::2, ::2], axes="cyx", name="0.zarr")
    buffer = opened(source(root / ".zattrs"))
    assert buffer.descriptions() == [[8, 6], [4, 3]]
    assert buffer.sizes.c == 2
    buffer.set_level(0)
    assert buffer.get_plane(0, 1, 0) == full[1, ::2, ::2].tobytes()
    assert buffer.tile_size() == (4, 3)


def test_quick_read_takes_the_first_series_for_all(shared: Path, tmp_path: Path) -> None:
    """Measured on a real server: of 18 planes 12 equal, 2 wrong, and one image not readable."""
    shutil.copytree(shared / "layouts" / "v4_t_names.zarr", tmp_path / "x.zarr", copy_function=os.symlink)
    (tmp_path / "x.zarr.bfoptions").write_text("omezarr.quick_read = true\n")
    equal, wrong = 0, 0
    for series, expected in planes(shared, "v4_t_names").items():
        buffer = opened(source(tmp_path / "x.zarr" / ".zattrs", series=int(series)))
        if series == "3":
            with pytest.raises(omero.ApiUsageException, match="Invalid indices"):
                buffer.get_plane(0, 0, 0)
            continue
        same = [little_endian_hash(buffer, *plane) == sha1 for plane, sha1 in expected.items()]
        equal += sum(same)
        wrong += len(same) - sum(same)
    assert (equal, wrong) == (12, 2)


def test_files_that_must_be_in_a_readable_fileset(multiscale: Writer, tmp_path: Path) -> None:
    root = multiscale(np.ones((1, 1, 1, 4, 5), "u1"), name="0.zarr")
    asked: list[Path] = []

    def hide_one(files: Sequence[Path]) -> list[Path]:
        asked[:] = files
        return [file for file in files if file.name == ".zarray"]

    with pytest.raises(omero.ResourceError, match="Error instantiating pixel buffer"):
        open_source(source(root / ".zattrs"), False, hide_one)
    assert {str(file.relative_to(root)) for file in asked} == {
        ".zgroup",
        ".zattrs",
        "0/.zarray",
        "0/.zattrs",
        "0/0.0.0.0.0",
    }
    (tmp_path / "0.zarr.bfoptions").write_text("omezarr.list_pixels=false\n")
    open_source(source(root / ".zattrs"), False, hide_one)
    assert {str(file.relative_to(root)) for file in asked} == {".zgroup", ".zattrs", "0/.zattrs"}


def test_a_shadow_with_links_to_chunks(shared: Path, tmp_path: Path) -> None:
    """What the binding `zarr-reader` makes: real directories, copied metadata, links to what holds chunks."""
    group = shared / "layouts" / "v4_plate23.zarr" / "B" / "3" / "1"
    shadow = tmp_path / "11.zarr"
    (shadow / "0").mkdir(parents=True)
    for name in (".zgroup", ".zattrs", "0/.zarray"):
        shutil.copy(group / name, shadow / name)
    (shadow / "0" / "0").symlink_to(group / "0" / "0")
    buffer = opened(source(shadow / ".zattrs"))
    assert little_endian_hash(buffer, 0, 0, 0) == planes(shared, "v4_plate23")["B/3/1"][0, 0, 0]
