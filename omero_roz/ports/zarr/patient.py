"""Remote chunks for zarr-python, asked for again where a server stumbles."""

from collections.abc import Awaitable, Callable
from typing import Any

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import FsspecStore

from omero_roz.layout.store import Absent

Retried = Callable[[Callable[[str], Awaitable[Any]], str], Awaitable[Any]]


class PatientStore(FsspecStore):
    """An FsspecStore that reads; `retried` makes a call for a path, again where need be, or says what is wrong.

    Raises what `retried` raises, and PermissionError for what may not be read.
    """

    def __init__(self, filesystem: Any, path: str, retried: Retried) -> None:
        super().__init__(filesystem, read_only=True, path=path)
        self._retried = retried

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The content of a key or a part of it, None where it is not there."""

        async def once(_: str) -> Buffer | None:
            return await FsspecStore.get(self, key, prototype, byte_range)

        found = await self._retried(once, key)
        if isinstance(found, Absent) and found.hidden:
            raise PermissionError(found.why)
        return None if isinstance(found, Absent) else found
