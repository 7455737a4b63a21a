"""The real layouts: series in OME-XML order, every plane with its hash."""

from pathlib import Path

import pytest

from omero_roz.layout.finding import find_layouts
from omero_roz.layout.planes import plane_sha1, read_plane
from omero_roz.layout.reading import read_layout
from omero_roz.ports.zarr.stores import open_store
from tests.support.planes import expected

# name: Zarr format, NGFF version, rule of the mapping, paths in OME-XML order, pixel type
PLATE23 = [f"{row}/{column}/{field}" for row in "AB" for column in (1, 2, 3) for field in (0, 1)]
LAYOUTS = {
    "n4_plate23": (2, "0.4", "OME series", PLATE23, "uint8"),
    "o03_plate23": (
        2, "0.2", "plate", [f"{row}/{column}/{field}" for row in (0, 1) for column in (0, 1, 2) for field in (0, 1)],
        "uint8",
    ),
    "o05_m3": (2, "0.4", "OME series", ["0", "1", "2"], "uint16"),
    "v4_float": (2, "0.4", "OME series", ["0"], "float"),
    "v4_m12_s": (2, "0.4", "OME series", ["0", "1", "2"], "uint8"),
    "v4_m3": (2, "0.4", "OME series", ["0", "1", "2"], "uint16"),
    "v4_m3_fmt": (2, "0.4", "OME series", ["img_0", "img_1", "img_2"], "uint16"),
    "v4_m3_noome": (2, "0.4", "groups", ["0", "1", "2"], "uint16"),
    "v4_m3_noroot": (2, "0.4", "OME series", ["0", "1", "2"], "uint16"),
    "v4_plate23": (2, "0.4", "OME series", PLATE23, "uint8"),
    "v4_plateacq3": (
        2, "0.4", "OME series", [f"{row}/{column}/{field}" for row in "AB" for column in (1, 2) for field in range(6)],
        "uint8",
    ),
    "v4_r_C12H2": (2, "0.4", "OME series", ["C/12/0", "H/2/0"], "uint8"),
    "v4_r_lif": (2, "0.4", "OME series", ["0", "1", "2"], "uint8"),
    "v4_rgb": (2, "0.4", "OME series", ["0"], "uint8"),
    "v4_roi": (2, "0.4", "OME series", ["0", "1"], "uint8"),
    "v4_single": (2, "0.4", "OME series", ["0"], "uint8"),
    "v4_t_names": (2, "0.4", "OME series", ["0", "1", "2", "3"], "uint16"),
    "v5_m3": (3, "0.5", "OME series", ["0", "1", "2"], "uint16"),
    "v5_m3_shard": (3, "0.5", "OME series", ["0", "1", "2"], "uint16"),
    "v5_plate23": (3, "0.5", "OME series", PLATE23, "uint8"),
    "v5_single": (3, "0.5", "OME series", ["0"], "uint8"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_reads_the_layout(name: str, shared: Path) -> None:
    zarr_format, version, rule, paths, pixel_type = LAYOUTS[name]
    layout = read_layout(open_store(str(shared / "layouts" / f"{name}.zarr")))
    assert layout.problems == ()
    assert (layout.zarr_format, layout.ngff_version, layout.mapping.rule) == (zarr_format, version, rule)
    assert [series.path for series in layout.mapped_series()] == paths
    assert layout.series[0].pixel_type == pixel_type


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_plane_has_its_hash(name: str, shared: Path) -> None:
    store = open_store((shared / "layouts" / f"{name}.zarr").as_uri())
    series = read_layout(store).mapped_series()
    planes = {
        (number, z, c, t): plane_sha1(read_plane(store, one, z, c, t))
        for number, one in enumerate(series)
        for z in range(one.sizes.z)
        for c in range(one.sizes.c)
        for t in range(one.sizes.t)
    }
    assert planes == expected(shared, name)


@pytest.mark.parametrize("name", [name for name, row in LAYOUTS.items() if "plate" in name or "C12" in name])
def test_the_plate_gives_the_same_mapping_as_the_series_attribute(name: str, shared: Path, tmp_path: Path) -> None:
    for file in (shared / "layouts" / f"{name}.zarr").rglob("*"):
        copy = tmp_path / file.relative_to(shared / "layouts" / f"{name}.zarr")
        if file.name in (".zattrs", ".zgroup", ".zarray", "zarr.json", "METADATA.ome.xml"):
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    for name_of_series in (".zattrs", "zarr.json"):
        (tmp_path / "OME" / name_of_series).unlink(missing_ok=True)
    layout = read_layout(open_store(str(tmp_path)))
    assert layout.problems == ()
    assert (layout.mapping.rule, list(layout.mapping.paths)) == ("plate", LAYOUTS[name][3])


def test_names_are_those_of_the_xml(shared: Path) -> None:
    layout = read_layout(open_store(str(shared / "layouts" / "v4_t_names.zarr")))
    summary = layout.sources[0].summary
    assert summary is not None
    assert [image.name for image in summary.images] == ["Zelle Ü / α [01]", "dup", "dup", ""]


def test_a_plate_has_its_acquisitions_and_missing_wells(shared: Path) -> None:
    acquired = read_layout(open_store(str(shared / "layouts" / "v4_plateacq3.zarr"))).plates[0]
    assert [acquisition.id for acquisition in acquired.acquisitions] == ["0", "1", "2"]
    assert [field.acquisition for field in acquired.wells[0].fields] == ["0", "0", "1", "1", "2", "2"]
    assert acquired.field_count == 6
    sparse = read_layout(open_store(str(shared / "layouts" / "v4_r_C12H2.zarr"))).plates[0]
    assert [(well.path, well.row, well.column) for well in sparse.wells] == [("C/12", 2, 11), ("H/2", 7, 1)]


def test_pyramid_physical_sizes_and_channels(shared: Path) -> None:
    series = read_layout(open_store(str(shared / "layouts" / "v4_r_lif.zarr"))).mapped_series()[2]
    assert [level.shape[-2:] for level in series.levels][1:] == [tuple(n // 2 for n in series.levels[0].shape[-2:])]
    size = series.physical_size
    assert size.x is not None
    assert (round(size.x.value, 6), size.x.unit, size.z) == (0.102697, "micrometer", None)
    assert [(c.label, c.color) for c in series.channels] == [("Leica/FITC", "00FF00"), ("Leica/TRITC", "FF0000")]


def test_finds_all_of_them(shared: Path) -> None:
    found = [store.uri for store in find_layouts(open_store(str(shared / "layouts")))]
    assert found == [str(shared.resolve() / "layouts" / f"{name}.zarr") for name in LAYOUTS]


def test_a_broken_layout_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "deep" / "broken.zarr").mkdir(parents=True)
    (tmp_path / "deep" / "broken.zarr" / ".zattrs").write_text('{"multiscales": [')
    found = list(find_layouts(open_store(str(tmp_path))))
    assert [store.uri for store in found] == [str(tmp_path / "deep" / "broken.zarr")]
