"""Pixels without a fileset: a file of the server's own, big-endian planes in the order XYZCT, which clients write."""

from pathlib import Path

import numpy as np

import omero
from omero_sandbox.pixels.buffer import Sizes, import_in_progress
from omero_sandbox.pixels.file_buffer import Box, FileBuffer, Level, Reader


class RomioReader(Reader):
    """The file of one Pixels; made full of zeros when something is first written."""

    def __init__(self, path: Path, sizes: Sizes) -> None:
        self.levels = (Level(sizes, (sizes.x, sizes.y)),)
        self.used_files = ()
        self._path = path
        self._shape = (sizes.t, sizes.c, sizes.z, sizes.y, sizes.x)

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """Raises omero.LockTimeout when nothing was ever written (facts/omero_import_speed.md)."""
        if not self._path.exists():
            raise import_in_progress()
        return np.array(self._map("r")[t, c, z][box])

    def write(self, z: int, c: int, t: int, box: Box, data: bytes) -> None:
        """Put a rectangle of a plane in its place."""
        if not self._path.exists():
            self._path.parent.mkdir(exist_ok=True)
            self._map("w+")
        mapped = self._map("r+")
        target = mapped[t, c, z][box]
        target[...] = np.frombuffer(data, target.dtype).reshape(target.shape)
        mapped.flush()

    def _map(self, mode: str) -> np.memmap:
        return np.memmap(self._path, self.levels[0].sizes.dtype, mode, shape=self._shape)  # type: ignore[call-overload]


class UnwrittenReader(Reader):
    """A Pixels that has no file at all: the server makes one of its own, and shows zeros (facts: real_server P10)."""

    def __init__(self, sizes: Sizes) -> None:
        self.levels = (Level(sizes, (sizes.x, sizes.y)),)
        self.used_files = ()

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """Zeros."""
        sizes = self.levels[0].sizes
        return np.zeros((sizes.y, sizes.x), sizes.dtype)[box]


class RomioBuffer(FileBuffer):
    """A Pixels that can be written to."""

    def __init__(self, path: Path, sizes: Sizes) -> None:
        self._file = RomioReader(path, sizes)
        super().__init__(path, self._file)

    def set_tile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, data: bytes) -> None:
        """Raises omero.ApiUsageException outside the image, and when `data` has another length."""
        self.check_bounds(z=z, c=c, t=t, x=x, y=y)
        self.check_bounds(x=x + w - 1, y=y + h - 1)
        expected = w * h * self.sizes.dtype.itemsize
        if len(data) != expected:
            raise omero.ApiUsageException(message=f"Buffer of {len(data)} bytes where {expected} are needed")
        self._file.write(z, c, t, (slice(y, y + h), slice(x, x + w)), data)
