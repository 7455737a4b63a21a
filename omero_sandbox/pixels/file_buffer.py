"""The server's pixel buffer over Bio-Formats (BfPixelBuffer): one series of a file, whatever its reader."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import omero
from omero_sandbox.pixels.buffer import PixelBuffer, Sizes, big_endian


@dataclass(frozen=True)
class Level:
    """One resolution of a series, and the (width, height) that its file is best read in."""

    sizes: Sizes
    tile: tuple[int, int]


Box = tuple[slice, slice]  # rows, columns


class Reader(ABC):
    """One series of an opened file; `levels`: the largest first; `used_files`: what is checked for access."""

    levels: Sequence[Level]
    used_files: Sequence[Path]

    @abstractmethod
    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """A rectangle (y, x) of a plane, in the file's byte order; all indices lie within the level."""


class FileBuffer(PixelBuffer):
    """A series through its reader."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self.path = str(path)
        self.levels = len(reader.levels)
        self._reader = reader
        self._resolution = 0  # 0 is the largest, as Bio-Formats has it

    @property
    def sizes(self) -> Sizes:
        """Sizes as the file has them."""
        return self._reader.levels[self._resolution].sizes

    @property
    def level(self) -> int:
        """0 is the smallest."""
        return self.levels - 1 - self._resolution

    def set_level(self, level: int) -> None:
        """Raises omero.ApiUsageException when there is no such level."""
        if not 0 <= level < self.levels:
            raise omero.ApiUsageException(message=f"Invalid resolution: {self.levels - 1 - level}")
        self._resolution = self.levels - 1 - level

    def descriptions(self) -> list[list[int]]:
        """Sizes as the file has them."""
        return [[level.sizes.x, level.sizes.y] for level in self._reader.levels]

    def tile_size(self) -> tuple[int, int]:
        """Tile or strip of a TIFF, chunk of a Zarr."""
        return self._reader.levels[self._resolution].tile

    def get_tile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> bytes:
        """Raises omero.ApiUsageException for a wrong plane, omero.InternalException for a wrong rectangle."""
        self.check_bounds(z=z, c=c, t=t)
        sizes = self.sizes
        if min(x, y) < 0 or min(w, h) <= 0 or x + w > sizes.x or y + h > sizes.y:
            raise omero.InternalException(message=f"Invalid tile size: x={x}, y={y}, w={w}, h={h}")
        return big_endian(self._read(z, c, t, (slice(y, y + h), slice(x, x + w))))

    def get_row(self, y: int, z: int, c: int, t: int) -> bytes:
        """Raises omero.ApiUsageException outside the image."""
        self.check_bounds(y=y)
        return super().get_row(y, z, c, t)

    def get_col(self, x: int, z: int, c: int, t: int) -> bytes:
        """Raises omero.ApiUsageException outside the image."""
        self.check_bounds(x=x)
        return super().get_col(x, z, c, t)

    def get_stack(self, c: int, t: int) -> bytes:
        """Plane by plane."""
        self.check_bounds(c=c, t=t)
        return b"".join(big_endian(self._plane(z, c, t)) for z in range(self.sizes.z))

    def get_timepoint(self, t: int) -> bytes:
        """Stack by stack."""
        self.check_bounds(t=t)
        return b"".join(self.get_stack(c, t) for c in range(self.sizes.c))

    def get_hypercube(self, offset: Sequence[int], size: Sequence[int], step: Sequence[int]) -> bytes:
        """Raises omero.ApiUsageException for lists that are not of five, boxes outside, steps below 1."""
        self._check_cube(offset, size, step)
        x, y, zs, cs, ts = (range(o, o + s, n) for o, s, n in zip(offset, size, step, strict=True))
        box = slice(y.start, y.stop), slice(x.start, x.stop)
        planes = (self._read(z, c, t, box) for t in ts for c in cs for z in zs)
        return b"".join(big_endian(plane[:: y.step, :: x.step]) for plane in planes)

    def plane_offset(self, z: int, c: int, t: int) -> int:
        """Raises omero.ApiUsageException outside the image."""
        self.check_bounds(z=z, c=c, t=t)
        sizes = self.sizes
        return ((t * sizes.c + c) * sizes.z + z) * sizes.plane

    def message_digest(self) -> bytes:
        """Of the bytes in the file's own byte order, time by time."""
        digest = hashlib.sha1()
        sizes = self.sizes
        for t, c, z in np.ndindex(sizes.t, sizes.c, sizes.z):
            digest.update(self._plane(z, c, t).tobytes())
        return digest.digest()

    def _plane(self, z: int, c: int, t: int) -> np.ndarray:
        return self._read(z, c, t, (slice(0, self.sizes.y), slice(0, self.sizes.x)))

    def _read(self, z: int, c: int, t: int, box: Box) -> np.ndarray:
        return self._reader.read(self._resolution, z, c, t, box)

    def _check_cube(self, offset: Sequence[int], size: Sequence[int], step: Sequence[int]) -> None:
        if not len(offset) == len(size) == len(step) == 5:
            raise omero.ApiUsageException(message="Invalid List length: each list must contain 5 elements XYZCT")
        for axis, first, count in zip("xyzct", offset, size, strict=True):
            self.check_bounds(**{axis: first})
            self.check_bounds(**{axis: first + count - 1})
        if min(step) < 1:
            raise omero.ApiUsageException(message="Invalid step size: steps sizes must be 1 or greater")
