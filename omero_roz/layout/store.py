"""What reading needs of the place where a Zarr lies; `omero_roz.ports.zarr.stores` has the places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from zarr.abc.store import Store as ZarrStore


@dataclass(frozen=True, slots=True)
class Absent:
    """A file that gives no bytes, and why; `hidden` when it may be there but must not or may not be read."""

    why: str
    fix: str = "restore it or convert again"
    hidden: bool = False


NOT_FOUND = Absent("not found")
DENIED = Absent("access denied (403)", "check the credentials, or --anonymous for a public bucket", hidden=True)
NO_RIGHT = Absent("it may not be read (permission denied)", "check who may read it", hidden=True)
NOT_PUBLIC = Absent("access denied (403)", "what is not public is read from buckets only, as s3://", hidden=True)
LEADS_OUT = Absent("a symbolic link leads out of the layout", "put a copy in its place", hidden=True)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How a bucket is reached: URL of its endpoint, and whether without credentials."""

    endpoint: str
    anonymous: bool


CHANGED = ("it was changed since it was read, so it was not written", "repeat the command")


class Store(Protocol):
    """A tree of files named by paths relative to its root, "/" between segments, "" for the root."""

    @property
    def uri(self) -> str:
        """The address to show; never has credentials in it."""

    @property
    def bucket(self) -> Bucket | None:
        """How the bucket that it lies in is reached, None where it lies in none."""

    def get_many(self, paths: Sequence[str]) -> list[bytes | Absent]:
        """Contents of all paths in their order, fetched together; raises Unreachable when the store fails."""

    def put(self, path: str, content: bytes, instead_of: bytes | None) -> None:
        """Write one file, whole or not at all, instead of the content that it was read with (None: it was not there).

        Raises Refused where it may not be written or was changed meanwhile, Unreachable as above.
        """

    def children(self, path: str) -> tuple[str, ...] | None:
        """Sorted names of the directories right below path, None where the store cannot list (https)."""

    def below(self, path: str) -> Store:
        """The store whose root is the directory `path`."""

    def zarr(self) -> ZarrStore:
        """The same tree as zarr-python's read-only store, for pixels."""
