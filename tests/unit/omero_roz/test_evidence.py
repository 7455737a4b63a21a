"""Parts of a Zarr that tell whether a server reads it, wherever they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omero_roz.fileset import OmeroImage
from omero_roz.layout.planes import Planes
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.zarr.stores import open_store
from omero_roz.proving.evidence import seek
from omero_roz.proving.sampling import MOST_PARTS, SIDE, Everything, Sample, by_timepoint

AXES = [{"name": axis} for axis in "tczyx"]


def written(root: Path, images: list[np.ndarray]) -> tuple[Store, list[Pair]]:
    """Images as a layout of several series, and as if OMERO had them."""
    attributes: dict[str, Any] = {"bioformats2raw.layout": 3}
    top = zarr.open_group(root, mode="w", zarr_format=2, attributes=attributes)
    for number, pixels in enumerate(images):
        multiscale = {"axes": AXES, "datasets": [{"path": "0"}], "version": "0.4"}
        group = top.create_group(str(number), attributes={"multiscales": [multiscale]})
        separator: Any = {"name": "v2", "separator": "/"}
        group.create_array("0", data=pixels, chunks=(1, 1, 1, *pixels.shape[-2:]), chunk_key_encoding=separator)
    store = open_store(str(root))
    series = read_layout(store).mapped_series()
    return store, [
        Pair(OmeroImage(n, "", n, n, one.sizes, one.pixel_type or "", one.sizes.c, None), one)
        for n, one in enumerate(series)
    ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_found_has_different_pixels_and_nothing_is_missed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of up to ten images with few planes all are looked at, however many of them are of one value."""
    kinds = data.draw(st.lists(st.sampled_from(["<u1", "<u2", "<f4"]), min_size=1, max_size=10))
    images, telling = [], set()
    for kind in kinds:
        shape = (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2)), 2, 4, 4)
        value = data.draw(st.sampled_from([0, 7, np.nan] if kind == "<f4" else [0, 7]))
        pixels = np.full(shape, value, kind)
        if data.draw(st.booleans()):
            place = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
            pixels[place] = 9
            telling.add(kind)
        images.append(pixels)
    store, pairs = written(tmp_path_factory.mktemp("layout") / "l.zarr", images)
    found = seek(store, pairs)
    for number, part in found.parts.items():
        seen = part.read(Planes(store, pairs[number].series))
        assert len(np.unique(seen)) > 1
    assert {images[number].dtype.str.replace("|", "<") for number in found.parts} == telling
    names = {"<u1": "uint8", "<u2": "uint16", "<f4": "float"}
    missing = {names[kind] for kind in kinds if kind not in telling}
    assert bool(found.missing) == bool(missing)
    if len(set(kinds)) > 1:
        assert all(name in found.missing for name in missing)


def test_a_large_plane_is_looked_at_in_several_places(tmp_path: Path) -> None:
    pixels = np.zeros((1, 1, 1, 64, 4 * SIDE), "u1")
    pixels[0, 0, 0, 5, 2 * SIDE + 9] = 1
    store, [pair] = written(tmp_path / "wide.zarr", [pixels])
    assert seek(store, [pair]).parts[0].columns == slice(2 * SIDE, 3 * SIDE)


@pytest.mark.parametrize("choice", [Everything(), Sample(3)])
def test_small_images_are_read_by_whole_timepoints(tmp_path: Path, choice: Any) -> None:
    store, [pair] = written(tmp_path / "small.zarr", [np.zeros((5, 2, 3, 4, 4), "<u2")])
    parts = list(choice.parts(pair.series))
    assert {part.t for part in parts} >= {0, 2, 4}
    assert all(len(part.planes(pair.series.sizes)) == 6 for part in parts)
    assert all(part.read(Planes(store, pair.series)).shape == (2, 3, 4, 4) for part in parts)


def test_larger_ones_by_their_planes(tmp_path: Path) -> None:
    _, [pair] = written(tmp_path / "larger.zarr", [np.zeros((1, 2, 2, 1024, 1100), "u1")])
    assert not by_timepoint(pair.series)
    parts = list(Everything().parts(pair.series))
    assert [part.plane for part in parts] == [(z, c) for c in range(2) for z in range(2)]


def test_a_plane_of_billions_of_parts_is_sampled_without_listing_them(tmp_path: Path) -> None:
    """An array without a chunk says in a few bytes that it is as large as OMERO's sizes go."""
    root, largest = tmp_path / "l.zarr", 2**31 - 1
    top = zarr.open_group(root, mode="w", zarr_format=2, attributes={"bioformats2raw.layout": 3})
    group = top.create_group("0", attributes={"multiscales": [{"axes": AXES, "datasets": [{"path": "0"}]}]})
    group.create_array("0", shape=(1, 1, 1, largest, largest), chunks=(1, 1, 1, SIDE, SIDE), dtype="u1")
    [series] = read_layout(open_store(str(root))).mapped_series()
    parts = list(Sample().parts(series))
    assert len(parts) == MOST_PARTS
    whole = slice(largest - largest % SIDE, largest)
    assert (parts[0].rows, parts[0].columns) == (slice(0, SIDE), slice(0, SIDE))
    assert (parts[-1].rows, parts[-1].columns) == (whole, whole)
