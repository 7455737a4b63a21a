"""An OME-XML: planes in BinData elements, zeros where there are none (MetadataOnly, or an element that is empty)."""

import base64
import binascii
import bz2
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from omero_sandbox.pixels.buffer import Sizes
from omero_sandbox.pixels.file_buffer import Box, Level, Reader

DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {"none": bytes, "zlib": zlib.decompress, "bzip2": bz2.decompress}


class BrokenPlane(ValueError):
    """A plane that cannot be decoded."""


@dataclass(frozen=True)
class Inline:
    """What the Pixels of one image hold: (base64, compression) of each plane, in the order of `axes`."""

    axes: str
    big_endian: bool
    planes: Sequence[tuple[str, str]]


class OmeXmlReader(Reader):
    """A file that must exist; the sizes are the database's, which were the file's when it was imported."""

    def __init__(self, path: Path, series: int, sizes: Sizes) -> None:
        state = path.stat()
        # FormatReader.getOptimalTileHeight: as many rows as fit into a MiB
        rows = min(max(1, 2**20 // (sizes.x * sizes.dtype.itemsize)), sizes.y)
        self._inline = _inline(path, state.st_mtime_ns, state.st_size).get(series)
        if self._inline is not None:
            sizes = replace(sizes, dtype=sizes.dtype.newbyteorder(">" if self._inline.big_endian else "<"))
        self.levels = (Level(sizes, (sizes.x, rows)),)
        self.used_files = (path,)
        self._zeros = np.broadcast_to(np.zeros((), sizes.dtype), (sizes.y, sizes.x))

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """Raises BrokenPlane for one that cannot be decoded, ValueError for one that has too few bytes."""
        data = b"" if self._inline is None else self._bytes(self._inline, z, c, t)
        if not data:
            return self._zeros[box]
        sizes = self.levels[0].sizes
        return np.frombuffer(data, sizes.dtype, sizes.x * sizes.y).reshape(sizes.y, sizes.x)[box]

    def _bytes(self, inline: Inline, z: int, c: int, t: int) -> bytes:
        sizes, number, step = self.levels[0].sizes, 0, 1
        for axis in inline.axes:
            number += {"z": z, "c": c, "t": t}[axis] * step
            step *= getattr(sizes, axis)
        if number >= len(inline.planes):
            return b""
        text, compression = inline.planes[number]
        try:
            encoded = base64.b64decode(text)
            return DECOMPRESS[compression](encoded) if encoded else b""
        except (binascii.Error, KeyError, zlib.error, OSError) as error:
            raise BrokenPlane(f"plane {number} cannot be decoded: {error!r}") from error


@lru_cache(maxsize=1)  # an import opens the same file for every image
def _inline(path: Path, changed: int, size: int) -> dict[int, Inline]:
    """The planes of each image that has any, by its position in the file."""
    found = {}
    for number, (_, image) in enumerate(etree.iterparse(path, tag="{*}Image", huge_tree=True, resolve_entities=False)):
        pixels = image.find("{*}Pixels")
        elements = [] if pixels is None else pixels.findall("{*}BinData")
        if any((element.text or "").strip() for element in elements):
            found[number] = _planes(pixels, elements)
        image.clear()
    return found


def _planes(pixels: Any, elements: Sequence[Any]) -> Inline:
    big = pixels.get("BigEndian", elements[0].get("BigEndian", "true"))  # of Pixels until the schema of 2013
    planes = tuple(((element.text or "").strip(), element.get("Compression", "none")) for element in elements)
    return Inline(pixels.get("DimensionOrder", "XYZCT")[2:].lower(), big.lower() == "true", planes)
