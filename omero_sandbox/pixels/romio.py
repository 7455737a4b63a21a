"""Pixels without a fileset: a file of the server's own, big-endian planes in the order XYZCT, written once."""

from pathlib import Path

import numpy as np

import omero
from omero_sandbox.pixels.buffer import Sizes, import_in_progress, unsupported
from omero_sandbox.pixels.file_buffer import Box, FileBuffer, Level, Reader


class RomioReader(Reader):
    """The file of one Pixels, which appears with the first access; what was not written is zeros."""

    def __init__(self, path: Path, sizes: Sizes) -> None:
        self.levels = (Level(sizes, (sizes.x, sizes.y)),)
        self.used_files = ()
        self._path = path
        self._shape = (sizes.t, sizes.c, sizes.z, sizes.y, sizes.x)

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """A rectangle of a plane."""
        self.write(self.levels[0].sizes.plane * int(np.prod(self._shape[:3])), b"")
        mapped = np.memmap(self._path, self.levels[0].sizes.dtype, "r", shape=self._shape)
        return np.array(mapped[t, c, z][box])

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes in their place; the file is made at least as long as that."""
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            if file.seek(0, 2) < offset:
                file.truncate(offset)
            file.seek(offset)
            file.write(data)


class RomioBuffer(FileBuffer):
    """A Pixels that can be written to, but only by who opens it before the first access.

    (omero-romio: PixelsService, RomioPixelBuffer.) `write`: opened by a RawPixelsStore; for anything else there must be
    something to read. Raises omero.LockTimeout otherwise.
    """

    def __init__(self, path: Path, sizes: Sizes, write: bool) -> None:
        self.writable = not path.exists()
        if self.writable and not write:
            raise import_in_progress()
        self._file = RomioReader(path, sizes)
        super().__init__(path, self._file)

    def set_level(self, level: int) -> None:
        """There is one level only."""
        raise unsupported("Cannot set resolution levels on a ROMIO pixel buffer.")

    def get_tile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> bytes:
        """Raises omero.ApiUsageException outside the image."""
        return self.get_hypercube((x, y, z, c, t), (w, h, 1, 1, 1), (1, 1, 1, 1, 1))

    def set_planes(self, first: int, count: int, data: bytes) -> None:
        """Write planes that begin at a byte.

        Raises omero.ApiUsageException when it was there at the opening, omero.ResourceError for another length.
        """
        self.set_bytes(first, b"")
        expected = count * self.sizes.plane
        if len(data) != expected:
            wrong = "Underflow" if len(data) < expected else "Overflow"
            raise omero.ResourceError(message=f"Buffer{wrong}Exception: null")
        self.set_bytes(first, data)

    def set_tile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, data: bytes) -> None:
        """Write whole rows of one plane. Raises omero.InternalException for parts of rows."""
        if x != 0:
            raise unsupported("ROMIO pixel buffer only supports 0 offseted tile writes.")
        if w != self.sizes.x:
            raise unsupported("ROMIO pixel buffer only supports full row writes.")
        self.set_bytes(self.plane_offset(z, c, t) + y * self.sizes.x * self.sizes.dtype.itemsize, data)

    def set_bytes(self, offset: int, data: bytes) -> None:
        """Write bytes. Raises omero.ApiUsageException when it was there at the opening."""
        if not self.writable:
            raise omero.ApiUsageException(message="Write-method not permitted.")
        if data:
            self._file.write(offset, data)
