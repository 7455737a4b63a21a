"""Pixels on disk for whom not everything is: no chunk is read that lies outside of its Zarr."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import LocalStore

from omero_roz.ports.zarr.guard import inside

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype


def opened_inside(descriptor: int, root: str) -> bool:
    """Whether what is open lies below a resolved directory: no link can be put in its place any more."""
    return inside(os.readlink(f"/proc/self/fd/{descriptor}"), root)


class GuardedFiles(LocalStore):
    """zarr-python's store of a directory; its ways of reading end at the directory, whatever links say."""

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """A file's content or a part of it; None for what is not there, PermissionError for what leads out."""
        return await asyncio.to_thread(self.get_sync, key, prototype=prototype, byte_range=byte_range)

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The same at once."""
        prototype = prototype or default_buffer_prototype()
        try:
            descriptor = os.open(self.root / key, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            if not opened_inside(descriptor, str(self.root)):
                raise PermissionError(f"{key} leads out of the Zarr")
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return prototype.buffer.from_bytes(_part(file, byte_range))
        finally:
            os.close(descriptor)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Parts of several files."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]


def _part(file: BinaryIO, byte_range: ByteRequest | None) -> bytes:
    if isinstance(byte_range, RangeByteRequest):
        file.seek(byte_range.start)
        return file.read(byte_range.end - byte_range.start)
    if isinstance(byte_range, OffsetByteRequest):
        file.seek(byte_range.offset)
    elif isinstance(byte_range, SuffixByteRequest):
        file.seek(max(0, file.seek(0, os.SEEK_END) - byte_range.suffix))
    return file.read()
