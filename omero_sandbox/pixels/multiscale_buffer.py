"""The pixel buffer of omero-zarr-pixel-buffer: the multiscales group that an image's ExternalInfo names.

Followed: its ZarrPixelBuffer (HEAD of 0.6.2). Sizes are the array's own; the database's are never compared.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import zarr

import omero
from omero_sandbox.pixels.buffer import MAX_SIDE, PixelBuffer, Sizes, big_endian, unsupported
from omero_sandbox.pixels.zarr_store import NO_S3, UnreadableZarrError, below, open_array, open_group

log = logging.getLogger(__name__)

MAX_PLANE = MAX_SIDE * MAX_SIDE


class MultiscaleBuffer(PixelBuffer):
    """A multiscales group by its path; arrays are those named 0, 1, … whatever `datasets` calls them.

    Out of bounds, or more pixels than MAX_PLANE at once: tiles, planes, rows and columns are empty (the
    plugin logs the error and returns nothing), stacks and timepoints raise omero.ApiUsageException.
    """

    def __init__(self, path: str, full_size: tuple[int, int], v3: bool = False, s3: Mapping[str, str] = NO_S3) -> None:
        """Open at full resolution; `full_size` is (x, y) in the database, of which descriptions() are halves.

        `s3`: the endpoint of each host (Settings).

        Raises any exception when it cannot be read as an image: the server then falls back to pixels.path.
        """
        attributes = dict(open_group(path, v3, s3).attrs)
        multiscale = _first_multiscale(path, attributes)
        self.path = path
        self.levels = len(multiscale["datasets"])
        if not self.levels:
            raise UnreadableZarrError(f"{path}: This Zarr file has no pixel data")
        self._full_size = full_size
        self._axes = _axes(path, multiscale)
        self._arrays: list[zarr.Array | None] = [open_array(below(path, "0"), v3, s3)] + [None] * (self.levels - 1)
        self._v3, self._s3 = v3, s3
        self._resolution = 0  # as in the Zarr: 0 is the largest

    @property
    def sizes(self) -> Sizes:
        """The present array's sizes, but z of the full resolution: z may be smaller below."""
        array, full = self._array(self._resolution), self._array(0)
        if array.dtype.itemsize == 8 and array.dtype.kind != "f":
            raise omero.ApiUsageException(message=f"Data type {array.dtype} not supported")
        size = {axis: array.shape[index] for axis, index in self._axes.items()}
        z = full.shape[self._axes["z"]] if "z" in self._axes else 1
        return Sizes(size["x"], size["y"], z, size.get("c", 1), size.get("t", 1), array.dtype)

    @property
    def level(self) -> int:
        """0 is the smallest."""
        return self.levels - 1 - self._resolution

    def set_level(self, level: int) -> None:
        """Raises omero.ApiUsageException without such a level, UnreadableZarrError when its array is bad."""
        if not 0 <= level < self.levels:
            raise omero.ApiUsageException(message="Resolution level out of bounds!")
        resolution = self.levels - 1 - level
        self._array(resolution)
        self._resolution = resolution

    def descriptions(self) -> list[list[int]]:
        """Halves of the database's sizes, whatever the arrays have."""
        x, y = self._full_size
        return [[x >> n, y >> n] for n in range(self.levels)]

    def tile_size(self) -> tuple[int, int]:
        """The chunk's (for sharded arrays the inner chunk's) width and height."""
        chunks = self._array(self._resolution).chunks
        return chunks[self._axes["x"]], chunks[self._axes["y"]]

    def get_tile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> bytes:
        """Empty where the plugin's errors are swallowed, see the class."""
        try:
            self.check_bounds(x=x, y=y, z=z, c=c, t=t)
            self.check_bounds(x=x + w - 1, y=y + h - 1)
            return self._read(z, c, t, x, y, w, h)
        except Exception as error:
            log.error("Error while retrieving pixel data of %s: %s: %s", self.path, type(error).__name__, error)
            return b""

    def get_stack(self, c: int, t: int) -> bytes:
        """Plane by plane."""
        self.check_bounds(c=c, t=t)
        sizes = self.sizes
        return b"".join(self._read(z, c, t, 0, 0, sizes.x, sizes.y) for z in range(sizes.z))

    def get_timepoint(self, t: int) -> bytes:
        """Channel by channel, also where the array has z before c (there the plugin gives z by z)."""
        self.check_bounds(t=t)
        return b"".join(self.get_stack(c, t) for c in range(self.sizes.c))

    def get_hypercube(self, offset: Sequence[int], size: Sequence[int], step: Sequence[int]) -> bytes:
        """Never: raises omero.InternalException."""
        raise unsupported("Zarr pixel buffer does not support Hypercube access")

    def plane_offset(self, z: int, c: int, t: int) -> int:
        """Never: raises omero.InternalException."""
        raise unsupported("Zarr pixel buffer does not provide plane offsets")

    def message_digest(self) -> bytes:
        """Never: raises omero.InternalException."""
        raise unsupported("Zarr pixel buffer does not support message digest calculation")

    def _array(self, resolution: int) -> zarr.Array:
        array = self._arrays[resolution]
        if array is None:
            array = self._arrays[resolution] = open_array(below(self.path, str(resolution)), self._v3, self._s3)
        return array

    def _read(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> bytes:
        if w * h > MAX_PLANE:
            raise omero.ApiUsageException(message=f"Requested shape [{w}, {h}] > max plane size 3192 * 3192")
        array = self._array(self._resolution)
        if "z" in self._axes:
            z = z * array.shape[self._axes["z"]] // self.sizes.z
        wanted = {"t": slice(t, t + 1), "c": slice(c, c + 1), "z": slice(z, z + 1)}
        wanted |= {"y": slice(y, y + h), "x": slice(x, x + w)}
        return big_endian(np.asarray(array[tuple(wanted[axis] for axis in self._axes)]))


def _first_multiscale(path: str, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    multiscales = attributes.get("ome", attributes).get("multiscales")
    if not multiscales:
        raise UnreadableZarrError(f"{path}: Missing multiscales metadata!")
    return multiscales[0]


def _axes(path: str, multiscale: Mapping[str, Any]) -> dict[str, int]:
    """Index by name, in the array's order; before NGFF 0.3 there were no axes, and all arrays tczyx."""
    axes = multiscale.get("axes")
    names = list("tczyx") if axes is None else [axis["name"].lower() for axis in axes]
    if not {"x", "y"} <= set(names) <= set("tczyx"):
        raise UnreadableZarrError(f"{path}: axes {names}: only t, c, z, y, x are supported, and x and y needed")
    return {name: index for index, name in enumerate(names)}
