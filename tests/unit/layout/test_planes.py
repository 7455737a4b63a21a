"""Planes of arrays that zarr-python wrote, whatever their axes, byte order, chunks and format."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec

from omero_roz.errors import Unreachable
from omero_roz.layout.model import Series, Sizes
from omero_roz.layout.planes import Planes, plane_sha1, read_plane
from omero_roz.layout.reading import read_layout
from omero_roz.ports.zarr.stores import open_store


def write(path: Path, data: np.ndarray, axes: str, zarr_format: Any, **options: Any) -> Series:
    """A layout whose root is one image, read again."""
    multiscale = {"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}], "version": "0.4"}
    attributes: dict = {"multiscales": [multiscale]}
    if zarr_format == 3:
        attributes = {"ome": attributes}
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format, attributes=attributes)
    array = group.create_array("0", shape=data.shape, dtype=data.dtype, **options)
    array[...] = data
    return read_layout(open_store(str(path))).mapped_series()[0]


V2: Any = {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "."}}


@pytest.mark.parametrize("axes", ["tczyx", "yx", "xy", "zyx", "cyx", "xyzct", "tyxc"])
@pytest.mark.parametrize("options", [V2, {"zarr_format": 3}], ids=["v2", "v3"])
def test_axes_in_any_order(axes: str, options: dict, tmp_path: Path) -> None:
    extents = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
    shape = tuple(extents[axis] for axis in axes)
    data = np.arange(np.prod(shape), dtype="<u2").reshape(shape)
    series = write(tmp_path, data, axes, chunks=tuple(min(2, n) for n in shape), **options)
    sizes = series.sizes
    assert sizes == Sizes(**{axis: extents[axis] if axis in axes else 1 for axis in "xyzct"})
    store = open_store(str(tmp_path))
    # The same image with all five axes in their usual order, by numpy alone.
    present = [axis for axis in "tczyx" if axis in axes]
    usual = data.transpose([axes.index(axis) for axis in present])
    full = usual.reshape(sizes.t, sizes.c, sizes.z, sizes.y, sizes.x)
    for t, c, z in np.ndindex(full.shape[:3]):
        assert np.array_equal(read_plane(store, series, z, c, t), full[t, c, z])
    for t in range(sizes.t):
        assert np.array_equal(Planes(store, series).timepoint(t), full[t])


@pytest.mark.parametrize("dtype", ["|u1", "|i1", ">u2", "<i2", ">i4", "<u4", ">f4", "<f8"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_hash_is_of_little_endian_bytes_row_by_row(dtype: str, zarr_format: int, tmp_path: Path) -> None:
    data = (np.arange(30).reshape(6, 5) * 3).astype(dtype)
    endian: Any = "big" if dtype[0] == ">" else "little"
    options = {"serializer": BytesCodec(endian=endian)} if zarr_format == 3 else {}
    series = write(tmp_path, data, "xy", zarr_format, **options)
    names = {"u1": "uint8", "i1": "int8", "u2": "uint16", "i2": "int16", "i4": "int32", "u4": "uint32",
             "f4": "float", "f8": "double"}  # fmt: skip
    assert (series.pixel_type, series.levels[0].dtype) == (names[dtype[1:]], dtype)
    rows = b"".join(data.T[y, x].astype(dtype.replace(">", "<")).tobytes() for y in range(5) for x in range(6))
    assert plane_sha1(read_plane(open_store(str(tmp_path)), series, 0, 0, 0)) == hashlib.sha1(rows).hexdigest()


def test_shards_and_separators_are_described(tmp_path: Path) -> None:
    data = np.zeros((8, 8), "u1")
    level = write(tmp_path / "shards", data, "yx", 3, chunks=(2, 2), shards=(4, 4)).levels[0]
    assert (level.chunks, level.shards, level.separator) == ((2, 2), (4, 4), "/")
    level = write(tmp_path / "dots", data, "yx", chunks=(2, 2), **V2).levels[0]
    assert (level.chunks, level.shards, level.separator) == ((2, 2), None, ".")


def test_a_plane_that_is_not_there(tmp_path: Path) -> None:
    series = write(tmp_path, np.zeros((2, 3, 3), "u1"), "zyx", 2)
    store = open_store(str(tmp_path))
    for z, c, t in ((2, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1)):
        with pytest.raises(IndexError, match="no "):
            read_plane(store, series, z, c, t)


def test_pixels_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    series = write(tmp_path, np.arange(9, dtype="u1").reshape(3, 3), "yx", **V2)
    store = open_store(str(tmp_path))
    planes = Planes(store, series)
    (tmp_path / "0" / "0.0").write_bytes(b"no chunk")
    with pytest.raises(Unreachable, match=f"{tmp_path}/0/0.0: the pixels cannot be read"):
        planes.read(0, 0, 0)
    (tmp_path / "0" / ".zarray").unlink()
    with pytest.raises(Unreachable, match="the pixels cannot be read"):
        Planes(store, series)
