"""What a web server answers, read no further than is wanted of it."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

import aiohttp

from omero_roz.layout.store import Part
from omero_roz.shown import said

BEYOND_ITS_END = 416  # the status that answers for a part that a file has nothing of
RAW = {"Accept-Encoding": "identity"}  # what a server packs could unpack to anything
_PACKED = {"gzip": zlib.MAX_WBITS + 16, "deflate": zlib.MAX_WBITS}


class TooLarge(Exception):
    """What answers has more bytes than are wanted of it."""


def asking(wanted: Part) -> dict[str, str]:
    """The headers that ask for a file, or for a part of it."""
    if wanted.start is None:
        return dict(RAW)
    end = f"{wanted.start}-{wanted.start + wanted.most - 1}" if wanted.start >= 0 else str(wanted.start)
    return RAW | {"Range": f"bytes={end}"}


async def body(answer: aiohttp.ClientResponse, wanted: Part) -> bytes:
    """What an answer of the status 200 or 206 brings; its session must not unpack it.

    Raises TooLarge, ValueError for what is packed in another way than gzip, and for all of a file instead of a part.
    """
    if wanted.start is not None and answer.status != 206:
        raise ValueError("the server gives no parts of files")
    packed = answer.headers.get("Content-Encoding", "identity").lower()
    if packed != "identity" and (packed not in _PACKED or wanted.start is not None):
        raise ValueError(f"the server packs what it gives ({packed[:60]!r})")
    content = await limited(answer.content.iter_any(), answer.content_length, wanted.most)
    return content if packed == "identity" else _unpacked(content, _PACKED[packed], wanted.most)


async def limited(content: AsyncIterable[bytes], length: int | None, most: int) -> bytes:
    """Content of a length that is stated; raises TooLarge as soon as it is more than `most` bytes."""
    if (length or 0) > most:
        raise TooLarge
    found, have = [], 0
    async for some in content:
        found.append(some)
        have += len(some)
        if have > most:
            raise TooLarge
    return b"".join(found)


def _unpacked(content: bytes, window: int, most: int) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        found = stream.decompress(content, most + 1)
    except zlib.error as error:
        raise ValueError(f"the server packs what it gives, and wrongly ({said(error)})") from None
    if len(found) > most:
        raise TooLarge
    return found
