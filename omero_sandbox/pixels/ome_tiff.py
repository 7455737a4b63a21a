"""OME-TIFF by tifffile: one series, by the place of its Image in the OME-XML.

A file is opened once for all its series and all stores (`_open`), because reading its directories and XML
costs what an import of many images would pay for each; who has it open goes on with what was there when it
was opened.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from omero_sandbox.pixels.buffer import DTYPES, Sizes
from omero_sandbox.pixels.file_buffer import Box, Level, Reader


@dataclass(frozen=True)
class _Image:
    """An Image's dimensions; `slow_first`: the axes of its pages, such as TCZ, slowest first."""

    sizes: Sizes
    slow_first: str
    samples: int

    def page(self, z: int, c: int, t: int) -> int:
        """The page, among the Image's, that holds the plane (samples of a page are channels)."""
        size = {"Z": self.sizes.z, "C": self.sizes.c // self.samples, "T": self.sizes.t}
        index = {"Z": z, "C": c // self.samples, "T": t}
        axes = self.slow_first
        return int(np.ravel_multi_index([index[a] for a in axes], [size[a] for a in axes]))


class _File:
    """An open OME-TIFF; reads are one at a time, as tifffile's file handle is shared."""

    def __init__(self, path: Path) -> None:
        self.tiff = tifffile.TiffFile(path)
        if not self.tiff.is_ome or not self.tiff.ome_metadata:
            raise ValueError(f"{path}: no OME-XML in this TIFF")
        self.images = _images(self.tiff.ome_metadata)
        self.series = self.tiff.series
        self.lock = threading.Lock()


class OmeTiffReader(Reader):
    """One Image of an OME-TIFF; SubIFDs are its resolution levels, samples (RGB) its channels."""

    def __init__(self, path: Path, series: int) -> None:
        """Raises OSError, ValueError or IndexError when there is no such file, OME-XML or series."""
        stat = path.stat()
        self._file = _open(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        self._image = self._file.images[series]
        self._levels = self._file.series[series].levels
        self.levels = tuple(self._level(pages) for pages in self._levels)
        self.used_files = _files(path, self._levels[0])
        self._last: tuple[tuple[int, int], np.ndarray] | None = None  # tiles of one plane come one after another

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """Zeros where the file has no page for the plane."""
        number = self._image.page(z, c, t)
        if self._last is None or self._last[0] != (level, number):
            with self._file.lock:
                self._last = ((level, number), self._decode(level, number))
        return self._last[1][c % self._image.samples][box]

    def _decode(self, level: int, number: int) -> np.ndarray:
        """A page as (samples, y, x), in the file's byte order."""
        sizes = self.levels[level].sizes
        series = self._levels[level]
        page = series.pages[number]
        if page is None:
            return np.zeros((self._image.samples, sizes.y, sizes.x), sizes.dtype)
        pixels = page.asarray()
        if self._image.samples > 1 and series.keyframe.axes.endswith("S"):
            pixels = np.moveaxis(pixels, -1, 0)
        return pixels.reshape(self._image.samples, sizes.y, sizes.x).astype(sizes.dtype, copy=False)

    def _level(self, pages: Any) -> Level:
        full, key = self._image.sizes, pages.keyframe
        dtype = full.dtype.newbyteorder(self._file.tiff.byteorder)
        sizes = Sizes(key.imagewidth, key.imagelength, full.z, full.c, full.t, dtype)
        tile = (key.tilewidth, key.tilelength) if key.is_tiled else (sizes.x, min(key.rowsperstrip, sizes.y))
        return Level(sizes, tile)


@lru_cache(maxsize=8)
def _open(path: Path, inode: int, size: int, mtime_ns: int) -> _File:
    """The open file of this path; the rest of the key changes when the file is replaced."""
    return _File(path)


def _files(path: Path, series: Any) -> Sequence[Path]:
    """The file and, of a set of files, those with this series' pages."""
    if not series.is_multifile:
        return (path,)
    names = {Path(page.parent.filehandle.path) for page in series.pages if page is not None}
    return tuple(sorted(names | {path}))


def _images(xml: str) -> list[_Image]:
    """Dimensions of every Image of an OME-XML, in its order."""
    root = ElementTree.fromstring(xml)
    return [_image(pixels) for pixels in root.iterfind("{*}Image/{*}Pixels")]


def _image(pixels: ElementTree.Element) -> _Image:
    x, y, z, c, t = (int(pixels.get(f"Size{axis}", 0)) for axis in "XYZCT")
    channel = pixels.find("{*}Channel")
    samples = 1 if channel is None else int(channel.get("SamplesPerPixel", 1))
    slow_first = pixels.get("DimensionOrder", "XYZCT")[:1:-1]
    return _Image(Sizes(x, y, z, c, t, DTYPES[pixels.get("Type", "")]), slow_first, samples)
