"""OME metadata of a layout without OME-XML: what NGFF says is in it, and ome_graph can read it."""

from pathlib import Path
from typing import Any

import pytest
from ome_types import OME

from ome_graph import read_ome
from omero_roz.layout.ome_from_ngff import ome_from_ngff
from omero_roz.layout.reading import read_layout
from omero_roz.layout.union import ome_xml_of
from omero_roz.ports.zarr.stores import open_store
from tests.unit.layout.trees import Tree, array, image, plate, root, series


def layout_of(*parts: dict[str, Any]) -> Any:
    files: dict[str, Any] = {}
    for part in parts:
        files |= part
    return read_layout(Tree(files))


AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "nanometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "angstrom"},
]  # fmt: skip


def described() -> dict[str, Any]:
    scale = [{"type": "scale", "scale": [1.5, 1, 300, 0.5, 4000]}]
    multiscale = {"name": "a\x01 & b", "axes": AXES, "version": "0.4"}
    multiscale |= {"datasets": [{"path": "0", "coordinateTransformations": scale}]}
    omero = {"channels": [{"label": "DAPI", "color": "0000ff"}, {"color": "no"}]}
    return {"0/.zattrs": {"multiscales": [multiscale], "omero": omero}, "0/0/.zarray": array((2, 3, 4, 5, 6), "<f4")}


def test_an_image_with_all_that_ngff_can_say() -> None:
    [made] = read_ome(ome_xml_of(layout_of(root(), described()))).images
    pixels = made.pixels
    assert made.name == "a & b"  # XML has no place for the control character
    assert [pixels.size_x, pixels.size_y, pixels.size_z, pixels.size_c, pixels.size_t] == [6, 5, 4, 3, 2]
    assert pixels.type.value == "float"
    lengths = {axis: getattr(pixels, f"physical_size_{axis}") for axis in "xyz"}
    units = {axis: getattr(pixels, f"physical_size_{axis}_unit").value for axis in "xyz"}
    assert lengths == {"x": 4000, "y": 0.5, "z": 300} and units == {"x": "Å", "y": "µm", "z": "nm"}
    assert (pixels.time_increment, pixels.time_increment_unit.value) == (1.5, "s")
    assert [channel.name for channel in pixels.channels] == ["DAPI", None, None]
    assert pixels.channels[0].color.as_rgb_tuple() == (0, 0, 255)
    assert "color" not in pixels.channels[1].model_fields_set


def test_units_that_ome_lacks_give_no_size() -> None:
    files = described()
    for axis in files["0/.zattrs"]["multiscales"][0]["axes"]:
        axis["unit"] = "furlong"
    [made] = ome_from_ngff(layout_of(root(), files)).images
    assert made.pixels.physical_size_x is None and made.pixels.time_increment is None


def test_images_stand_in_the_order_of_the_mapping() -> None:
    parts = [image(path, (1, 1, 1, 4, number + 1)) for number, path in enumerate(("a", "b", "c"))]
    ome = ome_from_ngff(layout_of(root(), series("c", "a", "b"), *parts))
    assert [made.pixels.size_x for made in ome.images] == [3, 1, 2]
    assert [made.id for made in ome.images] == ["Image:0", "Image:1", "Image:2"]


def test_a_sparse_plate_with_acquisitions() -> None:
    runs = [
        {"id": 7, "name": "first", "starttime": 1000, "maximumfieldcount": 1},
        {"id": 8, "starttime": 10**30 // 10**13, "endtime": 2**62},
    ]
    files = plate("", {"A/1": ["0", "1"], "B/2": ["0"]}, acquisitions=runs, name="P")
    for number, path in enumerate(("A/1", "B/2")):
        well = files[f"{path}/.zattrs"]["well"]
        for place, field in enumerate(well["images"]):
            field["acquisition"] = 7 if place == number else 8
    layout = layout_of(files)
    ome = read_ome(ome_xml_of(layout))
    [made] = ome.plates
    ids = {one.path: image.id for one, image in zip(layout.mapped_series(), ome.images, strict=True)}
    found = {(w.row, w.column): [sample.image_ref.id for sample in w.well_samples] for w in made.wells}
    assert found == {(0, 0): [ids["A/1/0"], ids["A/1/1"]], (1, 1): [ids["B/2/0"]]}
    samples = [sample.id for well in made.wells for sample in well.well_samples]
    assert len(set(samples)) == 3
    first, second = made.plate_acquisitions
    assert (first.name, first.start_time.timestamp(), first.maximum_field_count) == ("first", 1.0, 1)
    assert [ref.id for ref in first.well_sample_refs] == [samples[0]]
    assert [ref.id for ref in second.well_sample_refs] == samples[1:]
    assert second.end_time is None  # no calendar has that year
    assert (made.name, made.rows, made.columns) == ("P", len(layout.plates[0].rows), len(layout.plates[0].columns))
    assert (made.row_naming_convention.value, made.column_naming_convention.value) == ("letter", "number")


def places(ome: OME) -> list[dict[tuple[int, int], list[int]]]:
    """Numbers of the images in each well that has any, for each plate that has such wells."""
    plates = [{(w.row, w.column): w.well_samples for w in plate.wells if w.well_samples} for plate in ome.plates]
    return [
        {at: [int(s.image_ref.id[6:]) for s in samples] for at, samples in plate.items()} for plate in plates if plate
    ]


@pytest.mark.parametrize("name", ["v4_m3", "v4_plateacq3", "v5_plate23", "n4_plate23", "o03_plate23"])
def test_it_agrees_with_what_bioformats2raw_wrote_for_real_layouts(shared: Path, name: str) -> None:
    layout = read_layout(open_store(str(shared / "layouts" / f"{name}.zarr")))
    made, real = ome_from_ngff(layout), read_ome(ome_xml_of(layout))
    for ours, theirs in zip(made.images, real.images, strict=True):
        for part in ("size_x", "size_y", "size_z", "size_c", "size_t", "type"):
            assert getattr(ours.pixels, part) == getattr(theirs.pixels, part)
    assert places(made) == places(real)
