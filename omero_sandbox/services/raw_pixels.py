"""omero.api.RawPixelsStore: planes and parts of them, big-endian, from whatever reader opens the Pixels.

Only Pixels without a fileset can be written to, by the store that opened them first. Left out, because a real server
has them for no image of a fileset either: getRegion, getPlaneRegion.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import omero.all

import omero
from omero_sandbox.pixels import Bindings, PixelBuffer, histogram, open_buffer
from omero_sandbox.pixels.buffer import MAX_SIDE, unsupported
from omero_sandbox.pixels.romio import RomioBuffer
from omero_sandbox.pixels.writing import save_digest
from omero_sandbox.services.base import Call, StatefulService, service

if TYPE_CHECKING:
    from omero_sandbox.sessions import Session
    from omero_sandbox.state import State


@service
class RawPixelsStore(StatefulService):
    """One store reads one Pixels at a time, and goes on with what it has open whatever the database says."""

    interface = "omero.api.RawPixelsStore"

    def __init__(self, state: "State", session: "Session") -> None:
        super().__init__(state, session)
        self._pixels_id: int | None = None
        self._opened: PixelBuffer | None = None
        self._bindings: Bindings = {}
        self._written = False

    def setPixelsId(self, call: Call, pixels_id: int, bypass: bool) -> None:
        """Open a Pixels; the same one again stays open as it is. `bypass` has no meaning since OMERO 5.

        Hibernate keeps each image as it was, so a store knows the binding of one that it has met before.
        """
        if pixels_id != self._pixels_id:
            self._pixels_id = self._opened = None
            self._opened = open_buffer(self.state, pixels_id, call.caller, write=True, bindings=self._bindings)
            self._pixels_id = pixels_id

    def prepare(self, call: Call, pixels_ids: Sequence[int]) -> None:
        """Nothing to do: it only warms a cache of the real server."""

    def close(self, call: Call) -> None:
        """Save what was written, then let the files go."""
        try:
            self.save(call)
        finally:
            super().close(call)

    def released(self) -> None:
        """Let the files go."""
        self._pixels_id = self._opened = None

    def save(self, call: Call) -> omero.model.PixelsI | None:
        """Store the new SHA-1 of what was written and return the Pixels; None when nothing was.

        Raises omero.SecurityViolation for the Pixels of others, and in another group than theirs.
        """
        if not self._written:
            return None
        self._written = False
        return save_digest(self.state, call.caller, self.getPixelsId(call), self._buffer())

    def setPlane(self, call: Call, data: bytes, z: int, c: int, t: int) -> None:
        """Write one plane."""
        buffer = self._written_to()
        buffer.set_planes(buffer.plane_offset(z, c, t), 1, data)

    def setRow(self, call: Call, data: bytes, y: int, z: int, c: int, t: int) -> None:
        """Write one row."""
        self._written_to().set_bytes(self.getRowOffset(call, y, z, c, t), data)

    def setStack(self, call: Call, data: bytes, z: int, c: int, t: int) -> None:
        """Write all z (the argument `z` has no meaning)."""
        self._written_to().set_planes(self.getStackOffset(call, c, t), self._buffer().sizes.z, data)

    def setTimepoint(self, call: Call, data: bytes, t: int) -> None:
        """Write all z and c."""
        sizes = self._buffer().sizes
        self._written_to().set_planes(self.getTimepointOffset(call, t), sizes.z * sizes.c, data)

    def setRegion(self, call: Call, size: int, offset: int, data: bytes) -> None:
        """Write the first `size` bytes of data at a place in the file."""
        self._written_to().set_bytes(offset, data[:size])

    def setTile(self, call: Call, data: bytes, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> None:
        """Write some rows of one plane.

        Raises omero.InternalException for the Pixels of a fileset and for parts of rows, omero.ApiUsageException where
        something was there at the opening.
        """
        self._written_to().set_tile(z, c, t, x, y, w, h, data)

    def _written_to(self) -> RomioBuffer:
        buffer = self._buffer()
        if not isinstance(buffer, RomioBuffer):
            raise unsupported("Cannot write to repository")
        self._written = buffer.writable
        return buffer

    def getPixelsId(self, call: Call) -> int:
        """What setPixelsId was last given."""
        self._buffer()
        return self._pixels_id or 0

    def getPixelsPath(self, call: Call) -> str:
        """The file, or the group of a Zarr, that is read."""
        return self._buffer().path

    def getPlane(self, call: Call, z: int, c: int, t: int) -> bytes:
        """One plane."""
        return self._buffer().get_plane(z, c, t)

    def getTile(self, call: Call, z: int, c: int, t: int, x: int, y: int, w: int, h: int) -> bytes:
        """A rectangle of one plane."""
        return self._buffer().get_tile(z, c, t, x, y, w, h)

    def getRow(self, call: Call, y: int, z: int, c: int, t: int) -> bytes:
        """One row."""
        return self._buffer().get_row(y, z, c, t)

    def getCol(self, call: Call, x: int, z: int, c: int, t: int) -> bytes:
        """One column."""
        return self._buffer().get_col(x, z, c, t)

    def getStack(self, call: Call, c: int, t: int) -> bytes:
        """All z."""
        return self._buffer().get_stack(c, t)

    def getTimepoint(self, call: Call, t: int) -> bytes:
        """All z and c."""
        return self._buffer().get_timepoint(t)

    def getHypercube(self, call: Call, offset: list[int], size: list[int], step: list[int]) -> bytes:
        """Every step-th pixel of a box; lists in the order XYZCT."""
        return self._buffer().get_hypercube(offset, size, step)

    def calculateMessageDigest(self, call: Call) -> bytes:
        """SHA-1 of all planes."""
        return self._buffer().message_digest()

    def getRowSize(self, call: Call) -> int:
        """Bytes of a row."""
        sizes = self._buffer().sizes
        return sizes.x * sizes.dtype.itemsize

    def getPlaneSize(self, call: Call) -> int:
        """Bytes of a plane."""
        return self._buffer().sizes.plane

    def getStackSize(self, call: Call) -> int:
        """Bytes of a stack."""
        sizes = self._buffer().sizes
        return sizes.plane * sizes.z

    def getTimepointSize(self, call: Call) -> int:
        """Bytes of a timepoint."""
        return self.getStackSize(call) * self._buffer().sizes.c

    def getTotalSize(self, call: Call) -> int:
        """Bytes of all."""
        return self.getTimepointSize(call) * self._buffer().sizes.t

    def getRowOffset(self, call: Call, y: int, z: int, c: int, t: int) -> int:
        """Where the row is among all planes in the order XYZCT."""
        offset = self._buffer().plane_offset(z, c, t)
        self._buffer().check_bounds(y=y)
        return offset + y * self.getRowSize(call)

    def getPlaneOffset(self, call: Call, z: int, c: int, t: int) -> int:
        """Where the plane is."""
        return self._buffer().plane_offset(z, c, t)

    def getStackOffset(self, call: Call, c: int, t: int) -> int:
        """Where the stack is."""
        return self._buffer().plane_offset(0, c, t)

    def getTimepointOffset(self, call: Call, t: int) -> int:
        """Where the timepoint is."""
        return self._buffer().plane_offset(0, 0, t)

    def getByteWidth(self, call: Call) -> int:
        """Bytes of a pixel."""
        return self._buffer().sizes.dtype.itemsize

    def isSigned(self, call: Call) -> bool:
        """Whether pixels may be negative."""
        return self._buffer().sizes.dtype.kind != "u"

    def isFloat(self, call: Call) -> bool:
        """Whether pixels are floating point."""
        return self._buffer().sizes.dtype.kind == "f"

    def getResolutionLevels(self, call: Call) -> int:
        """How many there are."""
        return self._buffer().levels

    def getResolutionLevel(self, call: Call) -> int:
        """0 is the smallest."""
        return self._buffer().level

    def setResolutionLevel(self, call: Call, level: int) -> None:
        """0 is the smallest."""
        self._buffer().set_level(level)

    def getResolutionDescriptions(self, call: Call) -> list[omero.api.ResolutionDescription]:
        """Sizes of every level, the largest first."""
        return [omero.api.ResolutionDescription(x, y) for x, y in self._buffer().descriptions()]

    def getTileSize(self, call: Call) -> list[int]:
        """Width and height."""
        return list(self._buffer().tile_size())

    def requiresPixelsPyramid(self, call: Call) -> bool:
        """Whether a plane is larger than what OMERO reads in one go."""
        buffer = self._buffer()
        x, y = buffer.descriptions()[0]
        return x * y > MAX_SIDE * MAX_SIDE

    def getHistogram(
        self, call: Call, channels: list[int], bins: int, global_range: bool, plane: omero.romio.PlaneDef | None
    ) -> dict[int, list[int]]:
        """Counts by channel, between the stored extremes with `global_range`, else the plane's own."""
        buffer, region = self._buffer(), _region(plane)
        level = histogram.fitting_level(buffer.descriptions(), MAX_SIDE)
        if level is None:
            raise omero.ApiUsageException(message="All resolution levels larger than max plane size")
        if buffer.levels > 1:
            buffer.set_level(level)
        with self.state.database.read() as cursor:
            stored = histogram.stored_extremes(cursor, self.getPixelsId(call))
        bins = bins if bins > 0 else histogram.DEFAULT_BINS
        counts = {}
        for channel in (c for c in channels if c < len(stored)):
            numbers = histogram.numbers(buffer, region.z, channel, region.t)
            known = stored[channel] if global_range else None
            # a stored maximum of 1 stands for extremes that were never computed
            extremes = known if known and known[1] != 1 else histogram.plane_extremes(numbers)
            counts[channel] = histogram.histogram(numbers, region, bins, extremes)
        return counts

    def findMinMax(self, call: Call, channels: list[int]) -> dict[int, list[float]]:
        """Extremes by channel, of the plane in the middle; none for images that need a pyramid."""
        if self.requiresPixelsPyramid(call):
            return {}
        buffer = self._buffer()
        z, t = (buffer.sizes.z - 1) // 2, (buffer.sizes.t - 1) // 2
        planes = {c: histogram.numbers(buffer, z, c, t) for c in channels if c < buffer.sizes.c}
        return {c: list(histogram.plane_extremes(plane)) for c, plane in planes.items()}

    def _buffer(self) -> PixelBuffer:
        if self._opened is None:
            raise omero.ApiUsageException(
                message="This RawPixelsStore has not been properly initialized.\n"
                "Please set the pixels id before executing any other methods.\n"
            )
        return self._opened


def _region(plane: omero.romio.PlaneDef | None) -> histogram.Region:
    """What a client's PlaneDef means: the whole of the first plane without one."""
    if plane is None:
        return histogram.Region()
    z, t = max(plane.z, 0), max(plane.t, 0)
    if plane.region is None:
        return histogram.Region(z, t)
    area = (max(value, 0) for value in (plane.region.x, plane.region.y, plane.region.width, plane.region.height))
    return histogram.Region(z, t, *area)
