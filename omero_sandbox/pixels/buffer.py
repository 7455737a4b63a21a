"""What every opened image gives: planes and parts of them as big-endian bytes, by resolution level."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import omero.clients  # fills `omero` with the server's exceptions, and in the order in which they load

import omero

IN_PROGRESS_BACKOFF_MS = 15_000  # what a client waits before it asks again
MAX_SIDE = 3192  # the server's default omero.pixeldata.max_plane_width and _height

# The enumeration PixelsType of the OMERO database; complex types cannot be read by any reader here.
DTYPES: dict[str, np.dtype] = {
    "bit": np.dtype("u1"),
    "int8": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "int16": np.dtype(">i2"),
    "uint16": np.dtype(">u2"),
    "int32": np.dtype(">i4"),
    "uint32": np.dtype(">u4"),
    "float": np.dtype(">f4"),
    "double": np.dtype(">f8"),
}


@dataclass(frozen=True)
class Sizes:
    """Five dimensions and the type of one pixel (numpy, in the byte order of the file)."""

    x: int
    y: int
    z: int
    c: int
    t: int
    dtype: np.dtype

    @property
    def plane(self) -> int:
        """Bytes of one plane."""
        return self.x * self.y * self.dtype.itemsize


class PixelBuffer(ABC):
    """One opened image; indices and bytes as `omero.api.RawPixelsStore` has them.

    Bytes are big-endian, row by row. Level `levels - 1` is the full resolution and the one an opened buffer
    is at; 0 is the smallest. Not for use by several threads at once (a level is set for all).
    """

    path: str
    levels: int

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """Sizes at the present level."""

    @property
    @abstractmethod
    def level(self) -> int:
        """The present resolution level."""

    @abstractmethod
    def set_level(self, level: int) -> None:
        """Go to a resolution level. Raises omero.ApiUsageException when there is none such."""

    @abstractmethod
    def descriptions(self) -> list[list[int]]:
        """[width, height] of every level, the largest first."""

    @abstractmethod
    def tile_size(self) -> tuple[int, int]:
        """(width, height) that is read at the least cost at the present level."""

    @abstractmethod
    def get_tile(self, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> bytes:
        """A rectangle of one plane."""

    @abstractmethod
    def get_stack(self, c: int, t: int) -> bytes:
        """All z of one channel and time. Raises omero.ApiUsageException outside the image."""

    @abstractmethod
    def get_timepoint(self, t: int) -> bytes:
        """All stacks of one time, channel by channel. Raises omero.ApiUsageException outside the image."""

    @abstractmethod
    def get_hypercube(self, offset: Sequence[int], size: Sequence[int], step: Sequence[int]) -> bytes:
        """Every step-th pixel of a box; the three lists are in the order x, y, z, c, t."""

    @abstractmethod
    def plane_offset(self, z: int, c: int, t: int) -> int:
        """Where the plane would begin in a file of all planes in the order XYZCT."""

    @abstractmethod
    def message_digest(self) -> bytes:
        """SHA-1 of all planes."""

    def get_plane(self, z: int, c: int, t: int) -> bytes:
        """One plane."""
        return self.get_tile(z, c, t, 0, 0, self.sizes.x, self.sizes.y)

    def get_row(self, y: int, z: int, c: int, t: int) -> bytes:
        """One row of one plane."""
        return self.get_tile(z, c, t, 0, y, self.sizes.x, 1)

    def get_col(self, x: int, z: int, c: int, t: int) -> bytes:
        """One column of one plane."""
        return self.get_tile(z, c, t, x, 0, 1, self.sizes.y)

    def check_bounds(self, **indices: int) -> None:
        """Raise omero.ApiUsageException for the first index that lies outside the present level."""
        for axis, index in indices.items():
            size = getattr(self.sizes, axis)
            if not 0 <= index < size:
                name = axis.upper()
                raise omero.ApiUsageException(message=f"{name} '{index}' greater than size{name} '{size}'.")


def big_endian(pixels: np.ndarray) -> bytes:
    """The pixels' bytes in C order, each number big-endian."""
    swapped = pixels.dtype.byteorder == "<" or (pixels.dtype.byteorder == "=" and sys.byteorder == "little")
    return (pixels.astype(pixels.dtype.newbyteorder(">")) if swapped else pixels).tobytes()


def instantiation_error(path: object) -> omero.ResourceError:
    """What the server says of pixels that no reader can open, whatever the cause (which goes to the log)."""
    return omero.ResourceError(message=f"Error instantiating pixel buffer: {path}")


def import_in_progress() -> omero.LockTimeout:
    """What the server says of an image that it holds to be still in import."""
    return omero.LockTimeout(message="Import in progress.", backOff=IN_PROGRESS_BACKOFF_MS, seconds=0)


def unsupported(what: str) -> omero.InternalException:
    """What the server says of an operation that a buffer has not (Java's UnsupportedOperationException)."""
    return omero.InternalException(message=f"Wrapped Exception: (java.lang.UnsupportedOperationException):\n{what}")
