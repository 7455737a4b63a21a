"""Pixels of a series, plane by plane, with zarr-python."""

from __future__ import annotations

import hashlib

import numpy as np
import zarr

from omero_roz.layout.model import Series
from omero_roz.layout.store import Store


def read_plane(store: Store, series: Series, z: int, c: int, t: int, level: int = 0) -> np.ndarray:
    """One plane as (y, x) in the array's own type; z, c and t are 0-based, 0 on an axis that is not there."""
    array = zarr.open_array(store.zarr(), path=series.levels[level].path, mode="r", zarr_format=series.zarr_format)
    at = {"z": z, "c": c, "t": t}
    axes = series.axes
    for axis, index in at.items():
        if not 0 <= index < getattr(series.sizes, axis):
            raise IndexError(f"{series.path}: no {axis} = {index} in {series.sizes}")
    plane = np.asarray(array[tuple(at.get(axis, slice(None)) for axis in axes)])
    return plane if axes.index("y") < axes.index("x") else plane.T


def plane_sha1(plane: np.ndarray) -> str:
    """SHA-1 (hex) of a plane's little-endian bytes, row by row."""
    little = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<"))
    return hashlib.sha1(little.tobytes(), usedforsecurity=False).hexdigest()
