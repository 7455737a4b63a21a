"""One array: any box of it, read and decoded chunk by chunk in bounded memory.

A thread holds what it was asked for, and beside it 64 MiB of encoded chunks (one chunk, where that has more) and what
one chunk needs to be decoded: itself encoded, decoded, and once more where it has filters.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice, product

import numpy as np

from omero_roz.errors import Unreachable
from omero_roz.layout.arrays import level_of
from omero_roz.layout.codecs import CONVERT, Undecodable
from omero_roz.layout.encoding import Chain, Shards, encoding_of
from omero_roz.layout.model import Level, ZarrFormat
from omero_roz.layout.paths import join
from omero_roz.layout.store import MOST_JSON, Absent, Part, Store
from omero_roz.shown import said

BUDGET = 64 << 20  # bytes of encoded chunks that are fetched together
_MOST_TOGETHER = 256
_WORTH_A_THREAD = 1 << 19  # bytes of a chunk, below which handing it to a thread costs more than it saves
_THREADS = os.cpu_count() or 1
_SHARDS_TOGETHER = 16
_DOCUMENT = {2: ".zarray", 3: "zarr.json"}
_NO_CHUNK = (1 << 64) - 1  # offset and length of a chunk that a shard has not
_NUMBER = re.compile("0|[1-9][0-9]{0,18}")

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A chunk or shard: its first element, the file that has it, and where in it (None: it is all of it)."""

    origin: tuple[int, ...]
    path: str
    start: int | None = None
    length: int | None = None


class Array:
    """An array of a store; it is opened once, and threads may share it."""

    def __init__(self, store: Store, level: Level, zarr_format: ZarrFormat) -> None:
        """Raises Unreachable for one that cannot be read, or is another than the level that it was read as."""
        self._store, self._level = store, level
        document = self._document(_DOCUMENT[zarr_format])
        found = level_of(level.path, zarr_format, document)
        if found != level:
            what = found if isinstance(found, str) else "it was changed since it was read"
            raise self._unreadable(what, fix="restore the array's metadata or repeat the command")
        try:
            self._encoding = encoding_of(document, level, zarr_format)
        except Undecodable as error:
            raise self._unreadable(str(error), fix=CONVERT) from None

    def _document(self, name: str) -> dict:
        path = join(self._level.path, name)
        [content] = self._store.get_many([Part(path, MOST_JSON)])
        if isinstance(content, Absent):
            raise self._unreadable(content.why, name, content.fix)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._unreadable(f"broken JSON ({said(error)})", name, "restore the array's metadata") from None
        return document if isinstance(document, dict) else {}

    def read(self, box: Box) -> np.ndarray:
        """What lies between start and end of each axis; chunks that are not stored are the array's fill value.

        Raises Unreachable, which names the chunk that cannot be read.
        """
        encoding = self._encoding
        shape = tuple(end - start for start, end in box)
        found = np.zeros(shape, encoding.dtype)
        if encoding.fill.tobytes().strip(b"\0"):
            found[...] = encoding.fill
        parts, sides = encoding.parts, encoding.parts.shape
        stored: Iterator[_Stored] = (
            _Stored(_first(place, sides), join(self._level.path, encoding.key(place))) for place in _places(box, sides)
        )
        while isinstance(parts, Shards):
            stored, parts = self._in_shards(stored, parts, box), parts.inner
        for some in _portions(stored, min(max(BUDGET // parts.most, 1), _MOST_TOGETHER)):
            self._place_all(some, parts, box, found)
        return found

    def is_chunk(self, name: str) -> bool:
        """Whether a file's path below the array is that of a chunk, or of a shard."""
        encoding = self._encoding
        place = name.removeprefix(encoding.key_prefix + encoding.separator if encoding.key_prefix else "")
        numbers = [int(number) for number in place.split(encoding.separator) if _NUMBER.fullmatch(number)]
        counts = [-(-size // side) for size, side in zip(encoding.shape, encoding.parts.shape, strict=True)]
        if len(numbers) != len(counts) or encoding.key(numbers) != name:
            return False
        return all(at < count for at, count in zip(numbers, counts, strict=True))

    def _place_all(self, stored: Sequence[_Stored], chain: Chain, box: Box, found: np.ndarray) -> None:
        """Put into `found` what some chunks have of a box, by several threads where that saves time."""
        threads = min(_THREADS, len(stored)) if chain.nbytes >= _WORTH_A_THREAD else 1
        if threads == 1:
            return self._place(stored, chain, box, found)
        shares = [stored[first::threads] for first in range(threads)]
        for done in [_decoders().submit(self._place, share, chain, box, found) for share in shares]:
            done.result()

    def _place(self, stored: Sequence[_Stored], chain: Chain, box: Box, found: np.ndarray) -> None:
        """The same by one thread: it fetches them together, then decodes one after the other."""
        contents = self._fetch([self._wanted(one, chain) for one in stored])
        for one, content in zip(stored, contents, strict=True):
            if content is not None:
                inside, outside = _overlap(box, one.origin, chain.shape)
                found[outside] = self._decoded(one, chain, content)[inside]

    def _decoded(self, one: _Stored, chain: Chain, content: bytes) -> np.ndarray:
        try:
            if one.length is not None and len(content) != one.length:
                raise Undecodable(f"its file ends before the {one.length:,} bytes from {one.start:,} on")
            return chain.decode(content)
        except Undecodable as error:
            raise self._bad(one, str(error)) from None

    def _wanted(self, one: _Stored, chain: Chain) -> Part:
        if one.length is None:
            return Part(one.path, chain.most)
        if one.length > chain.most:
            raise self._bad(one, f"it has {one.length:,} bytes where at most {chain.most:,} are due")
        return Part(one.path, one.length, one.start)

    def _in_shards(self, shards: Iterator[_Stored], kind: Shards, box: Box) -> Iterator[_Stored]:
        """The chunks in shards that are stored and have something of a box."""
        for some in _portions(shards, _SHARDS_TOGETHER):
            for one, content in zip(some, self._fetch([_index_of(one, kind) for one in some]), strict=True):
                if content is not None:
                    yield from self._in_shard(one, kind, content, box)

    def _in_shard(self, shard: _Stored, kind: Shards, index: bytes, box: Box) -> Iterator[_Stored]:
        try:
            places = kind.places(index)
        except Undecodable as error:
            raise self._bad(shard, f"the index of the shard: {error}") from None
        inside = tuple(
            (max(start - first, 0), min(end - first, side))
            for (start, end), first, side in zip(box, shard.origin, kind.shape, strict=True)
        )
        end = None if shard.start is None or shard.length is None else shard.start + shard.length
        for place in _places(inside, kind.inner.shape):
            offset, length = map(int, places[place])
            if offset == length == _NO_CHUNK:
                continue
            start = offset + (shard.start or 0)
            if start + length > (1 << 63 if end is None else end):
                raise self._bad(shard, f"its index names {length:,} bytes from {offset:,} on, which it has not")
            origin = tuple(map(sum, zip(shard.origin, _first(place, kind.inner.shape), strict=True)))
            yield _Stored(origin, shard.path, start, length)

    def _fetch(self, wanted: Sequence[Part]) -> list[bytes | None]:
        """Contents, None for what is not there."""
        return [self._there(one, content) for one, content in zip(wanted, self._store.get_many(wanted), strict=True)]

    def _there(self, wanted: Part, content: bytes | Absent) -> bytes | None:
        if not isinstance(content, Absent):
            return content
        if content.hidden:
            raise Unreachable(f"the pixels cannot be read ({content.why})", self._where(wanted.path), content.fix)
        return None

    def _bad(self, one: _Stored, why: str) -> Unreachable:
        inside = "" if one.length is None else f"the chunk from byte {one.start:,} on: "
        what = f"the pixels cannot be read ({inside}{why})"
        return Unreachable(what, self._where(one.path), "restore this chunk or convert again")

    def _unreadable(self, why: str, name: str = "", fix: str = "") -> Unreachable:
        return Unreachable(f"the pixels cannot be read ({why})", self._where(join(self._level.path, name)), fix)

    def _where(self, path: str) -> str:
        return join(self._store.uri, path)


def _index_of(shard: _Stored, kind: Shards) -> Part:
    size = kind.index.most
    if kind.at_start:
        return Part(shard.path, size, shard.start or 0)
    if shard.start is None or shard.length is None:
        return Part(shard.path, size, -size)
    return Part(shard.path, size, max(shard.start, shard.start + shard.length - size))


def _places(box: Box, sides: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Where in the grid of parts those are that have something of a box."""
    return product(*(range(start // side, -(-end // side)) for (start, end), side in zip(box, sides, strict=True)))


def _first(place: Sequence[int], sides: Sequence[int]) -> tuple[int, ...]:
    return tuple(at * side for at, side in zip(place, sides, strict=True))


def _overlap(
    box: Box, origin: Sequence[int], sides: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """What a chunk has of a box: where in the chunk, and where in the box."""
    inside, outside = [], []
    for (start, end), first, side in zip(box, origin, sides, strict=True):
        low, high = max(start, first), min(end, first + side)
        inside.append(slice(low - first, high - first))
        outside.append(slice(low - start, high - start))
    return tuple(inside), tuple(outside)


def _portions(stored: Iterable[_Stored], count: int) -> Iterator[list[_Stored]]:
    left = iter(stored)
    while some := list(islice(left, count)):
        yield some


@cache
def _decoders() -> ThreadPoolExecutor:
    """Threads that decode, shared by all who read: codecs leave Python's lock."""
    return ThreadPoolExecutor(_THREADS, "decode")
