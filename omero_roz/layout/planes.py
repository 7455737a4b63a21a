"""Pixels of a series, plane by plane, with zarr-python."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import zarr

from omero_roz.errors import Unreachable
from omero_roz.layout.model import Series
from omero_roz.layout.paths import join
from omero_roz.layout.store import Store

BAND = 32 << 20  # bytes that are read at once, by each thread


class Planes:
    """The planes of one level of a series; the array is opened once, and threads may share it."""

    def __init__(self, store: Store, series: Series, level: int = 0) -> None:
        """Raises Unreachable when the array cannot be opened."""
        self._series = series
        self._where = join(store.uri, series.levels[level].path)
        path, zarr_format = series.levels[level].path, series.zarr_format
        try:
            self._array = zarr.open_array(store.zarr(), path=path, mode="r", zarr_format=zarr_format)
        except Unreachable:  # the store has said what is wrong, and where
            raise
        except Exception as error:  # what stores and codecs raise is not listed anywhere
            raise self._unreadable(error) from error

    def read(
        self, z: int, c: int, t: int, rows: slice = slice(None), columns: slice = slice(None)
    ) -> np.ndarray:
        """One plane, or some rows and columns of it, as (y, x) in the array's own type.

        z, c and t are 0-based, 0 on an axis that is not there.

        Raises IndexError for a plane that is not there and Unreachable for one that cannot be read; chunks that are
        not stored are the array's fill value, as Zarr has it.
        """
        at: dict[str, Any] = {"z": z, "c": c, "t": t}
        self._check(at)
        plane = self._read(at | {"y": rows, "x": columns})
        return plane if self._series.axes.index("y") < self._series.axes.index("x") else plane.T

    def timepoint(self, t: int) -> np.ndarray:
        """All planes of a timepoint, as (c, z, y, x) in the array's own type; raises as `read`."""
        self._check({"t": t})
        axes, sizes = [axis for axis in self._series.axes if axis != "t"], self._series.sizes
        block = self._read({"t": t})
        order = [axes.index(axis) for axis in "czyx" if axis in axes]
        return block.transpose(order).reshape(sizes.c, sizes.z, sizes.y, sizes.x)

    def _check(self, at: dict[str, int]) -> None:
        for axis, index in at.items():
            if not 0 <= index < getattr(self._series.sizes, axis):
                raise IndexError(f"{self._where}: no {axis} = {index} in {self._series.sizes}")

    def _read(self, at: dict[str, Any]) -> np.ndarray:
        """What is at some places, whole along the axes that are not named."""
        wanted = tuple(at.get(axis, slice(None)) for axis in self._series.axes)
        try:
            return np.asarray(self._array[wanted])
        except Unreachable:
            raise
        except Exception as error:
            raise self._unreadable(error, self._bad_chunk(wanted)) from error

    def _bad_chunk(self, wanted: tuple[int | slice, ...]) -> str:
        """The file of the first chunk (or shard) of a part that cannot be read; "" where now all can."""
        array = self._array
        sides = array.shards or array.chunks
        ends = [
            at.indices(size)[:2] if isinstance(at, slice) else (at, at + 1)
            for at, size in zip(wanted, array.shape, strict=True)
        ]
        for place in product(*(range(a // side, -(-b // side)) for (a, b), side in zip(ends, sides, strict=True))):
            try:
                array[tuple(slice(at * side, (at + 1) * side) for at, side in zip(place, sides, strict=True))]
            except Exception:
                return array.metadata.encode_chunk_key(place)
        return ""

    def _unreadable(self, error: Exception, chunk: str = "") -> Unreachable:
        what = f"the pixels cannot be read ({type(error).__name__}: {str(error)[:120]})"
        fix = "check this chunk, its codec, and the network" if chunk else "check its codec and the network"
        return Unreachable(what, join(self._where, chunk) if chunk else self._where, fix)


def read_plane(store: Store, series: Series, z: int, c: int, t: int) -> np.ndarray:
    """One plane of the full resolution, as `Planes.read`."""
    return Planes(store, series).read(z, c, t)


def plane_sha1(plane: np.ndarray) -> str:
    """SHA-1 (hex) of a plane's little-endian bytes, row by row."""
    little = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<"))
    return hashlib.sha1(little.tobytes(), usedforsecurity=False).hexdigest()


def bands(series: Series) -> Iterator[slice]:
    """Rows of a plane that fit the memory, whole chunks of them where possible."""
    level = series.levels[0]
    height = level.chunks[series.axes.index("y")]
    row = series.sizes.x * np.dtype(level.dtype).itemsize
    step = max(height, BAND // row // height * height)
    for start in range(0, series.sizes.y, step):
        yield slice(start, start + step)
