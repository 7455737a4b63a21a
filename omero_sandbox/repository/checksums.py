"""The checksum algorithms of the enumeration ChecksumAlgorithm, in the hexadecimal form that OMERO gives them.

Guava's hash codes, which OMERO prints, are bytes in little-endian order; only its Adler-32 is big-endian (test vectors
of ome.util.checksum).
"""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

import mmh3

import omero

BLOCK = 1 << 20
ORDER = ("SHA1-160", "MD5-128", "Murmur3-128", "Murmur3-32", "CRC-32", "Adler-32", "File-Size-64")


class Digest(Protocol):
    """What hashlib's objects are."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """The checksum so far."""


class _Running:
    """A checksum that a function carries on from block to block."""

    def __init__(
        self, carry: Callable[[bytes, int], int], start: int, size: int, order: Literal["little", "big"]
    ) -> None:
        self._carry, self._value, self._size, self._order = carry, start, size, order

    def update(self, data: bytes, /) -> None:
        self._value = self._carry(data, self._value)

    def hexdigest(self) -> str:
        return self._value.to_bytes(self._size, self._order).hex()


class _Murmur:
    """A Murmur3 of mmh3, with the method that hashlib's objects have."""

    def __init__(self, hasher: Any) -> None:
        self._hasher = hasher
        self.update = hasher.update

    def hexdigest(self) -> str:
        return self._hasher.digest().hex()


DIGESTS: dict[str, Callable[[], Digest]] = {
    "SHA1-160": hashlib.sha1,
    "MD5-128": hashlib.md5,
    "Murmur3-128": lambda: _Murmur(mmh3.mmh3_x64_128()),
    "Murmur3-32": lambda: _Murmur(mmh3.mmh3_32()),
    "CRC-32": lambda: _Running(zlib.crc32, 0, 4, "little"),
    "Adler-32": lambda: _Running(zlib.adler32, 1, 4, "big"),
    "File-Size-64": lambda: _Running(lambda data, size: size + len(data), 0, 8, "little"),
}


def of_file(path: Path, algorithm: str) -> str:
    """Read a file and return its checksum; a missing file counts as empty.

    Raises omero.ValidationException for an unknown algorithm.
    """
    if algorithm not in DIGESTS:
        raise omero.ValidationException(message=f"unknown checksum algorithm: {algorithm}")
    digest = DIGESTS[algorithm]()
    if path.exists():
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()
