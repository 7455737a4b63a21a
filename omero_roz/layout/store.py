"""What reading needs of the place where a Zarr lies; `omero_roz.ports.zarr.stores` has the places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from omero_roz.address import Address

# A plate of 10^5 fields has 10 MB of attributes, and 300 MB of OME-XML with four channels each.
MOST_JSON = 128 << 20
MOST_XML = 1 << 30


@dataclass(frozen=True, slots=True)
class Absent:
    """A file that gives no bytes, and why.

    `hidden` when it may be there but must not or may not be read; `there` when it is known to be there.
    """

    why: str
    fix: str = "restore it or convert again"
    hidden: bool = False
    there: bool = False


NOT_FOUND = Absent("not found")
DENIED = Absent("access denied (403)", "check the credentials, or --anonymous for a public bucket", hidden=True)
NO_RIGHT = Absent("it may not be read (permission denied)", "check who may read it", hidden=True, there=True)
NOT_PUBLIC = Absent("access denied (403)", "what is not public is read from buckets only, as s3://", hidden=True)
LEADS_OUT = Absent(
    "a symbolic link leads out of the layout",
    "put a copy in its place, or say --follow-links DIR",
    hidden=True,
    there=True,
)
DANGLES = Absent("a symbolic link leads to nothing", "put a copy in its place", hidden=True, there=True)
NO_FILE = Absent("it is no regular file", "put a copy in its place", hidden=True, there=True)


def too_large(most: int) -> Absent:
    """A file of more than `most` bytes, which is not read."""
    return Absent(f"it has more than {most:,} bytes, which nothing of its kind has", hidden=True, there=True)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that may have `most` bytes, or the `most` bytes of it from `start` on (below 0: counted from its end)."""

    path: str
    most: int
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """How a bucket is reached: URL of its endpoint, and whether without credentials."""

    endpoint: Address
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

    @property
    def follow(self) -> tuple[str, ...]:
        """The directories that links may lead into, beside the store itself."""

    def get_many(self, files: Sequence[str | Part]) -> list[bytes | Absent]:
        """Contents of all files (a path alone: a JSON document) in their order, fetched together.

        Of a part that goes beyond the file's end there are fewer bytes. Raises Unreachable when the store fails.
        """

    def put(self, path: str, content: bytes, instead_of: bytes | None) -> None:
        """Write one file, whole or not at all, instead of the content that it was read with (None: it was not there).

        Raises Refused where it may not be written or was changed meanwhile, Unreachable as above.
        """

    def children(self, path: str) -> tuple[str, ...] | None:
        """Sorted names of the directories right below path, None where the store cannot list (https)."""

    def files(self, path: str) -> Iterator[str] | None:
        """The paths of all files below the directory `path`, relative to it; None where the store cannot list."""

    def real(self, path: str) -> str:
        """The address of the directory `path`, the same whatever links lead to it."""

    def below(self, path: str) -> Store:
        """The store whose root is the directory `path`."""


def part(file: str | Part) -> Part:
    """What is wanted of a file that a path alone names."""
    return file if isinstance(file, Part) else Part(file, MOST_JSON)
