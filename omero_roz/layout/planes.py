"""Pixels of a series, plane by plane."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from omero_roz.layout.model import Series
from omero_roz.layout.paths import join
from omero_roz.layout.store import Store

BAND = 32 << 20  # bytes that are read at once, by each thread
MOST_BAND = 1 << 30  # the same where a row of chunks has more: a slide of 500,000 pixels in chunks of 1,024 rows


class Planes:
    """The planes of one level of a series; the array is opened once, and threads may share it."""

    def __init__(self, store: Store, series: Series, level: int = 0) -> None:
        """Raises Unreachable when the array cannot be opened."""
        from omero_roz.layout.array import Array

        self._series, self._level = series, series.levels[level]
        self._where = join(store.uri, self._level.path)
        self._array = Array(store, self._level, series.zarr_format)

    def read(
        self, z: int, c: int, t: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> np.ndarray:
        """One plane, or some rows and columns of it, as (y, x) in the array's own type.

        z, c and t are 0-based, 0 on an axis that is not there.

        Raises IndexError for a plane that is not there and Unreachable for one that cannot be read; chunks that are
        not stored are the array's fill value, as Zarr has it.
        """
        axes = self._series.axes
        plane = self._read({"z": z, "c": c, "t": t}, {"y": rows, "x": columns})
        plane = plane.reshape([size for size, axis in zip(plane.shape, axes, strict=True) if axis in "yx"])
        return plane if axes.index("y") < axes.index("x") else plane.T

    def timepoint(self, t: int) -> np.ndarray:
        """All planes of a timepoint, as (c, z, y, x) in the array's own type; raises as `read`."""
        axes, sizes = self._series.axes, self._series.sizes
        block = self._read({"t": t}, {})
        order = [axes.index(axis) for axis in "tczyx" if axis in axes]
        return block.transpose(order).reshape(sizes.c, sizes.z, sizes.y, sizes.x)

    def _read(self, at: Mapping[str, int], within: Mapping[str, slice]) -> np.ndarray:
        """What is at some places and within some slices, whole along the other axes; no axis is left out."""
        shape = dict(zip(self._series.axes, self._level.shape, strict=True))
        for axis, index in at.items():
            if not 0 <= index < shape.get(axis, 1):
                raise IndexError(f"{self._where}: no {axis} = {index} in {shape.get(axis, 1)}")
        ends = {axis: (0, size) for axis, size in shape.items()}
        ends |= {axis: some.indices(shape[axis])[:2] for axis, some in within.items()}
        ends |= {axis: (index, index + 1) for axis, index in at.items()}
        return self._array.read(tuple(ends[axis] for axis in self._series.axes))


def read_plane(store: Store, series: Series, z: int, c: int, t: int) -> np.ndarray:
    """One plane of the full resolution, as `Planes.read`."""
    return Planes(store, series).read(z, c, t)


def plane_sha1(plane: np.ndarray) -> str:
    """SHA-1 (hex) of a plane's little-endian bytes, row by row."""
    little = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<"))
    return hashlib.sha1(little.tobytes(), usedforsecurity=False).hexdigest()


def pieces(series: Series) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of a plane in the order of its pixels: whole rows of chunks where possible, else what fits."""
    level, sizes = series.levels[0], series.sizes
    itemsize = np.dtype(level.dtype).itemsize
    height, row = level.chunks[series.axes.index("y")], sizes.x * itemsize
    high = max(height, BAND // row // height * height)
    if high * row > MOST_BAND:
        high = max(1, BAND // row)
    wide = sizes.x if row <= MOST_BAND else BAND // itemsize
    for y in range(0, sizes.y, high):
        for x in range(0, sizes.x, wide):
            yield slice(y, min(y + high, sizes.y)), slice(x, min(x + wide, sizes.x))
