"""OMEZarrReader 0.6.0, Bio-Formats' reader of a Zarr in the ManagedRepository (v2 only).

It is chosen for every file below a directory `*.zarr`; what the file is does not matter. Its options are read
from `<x>.zarr.bfoptions` beside the Zarr, see `_Options`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

import omero
from omero_sandbox.pixels.buffer import Sizes
from omero_sandbox.pixels.file_buffer import Box, Level, Reader
from omero_sandbox.pixels.zarr_series import Series, all_series
from omero_sandbox.pixels.zarr_store import UnreadableZarrError, open_array

_METADATA_FILES = {".zgroup", ".zattrs"}


@dataclass(frozen=True)
class _Options:
    """`omezarr.*` of the options file. `alt_store` cannot be followed here, and is refused."""

    quick_read: bool
    list_pixels: bool
    include_labels: bool


class ZarrReader(Reader):
    """One series, counted in the reader's own order."""

    def __init__(self, path: Path, series: int) -> None:
        """Raises UnreadableZarrError, IndexError or what reading a broken Zarr raises."""
        text = str(path)
        root = Path(text[: text.index(".zarr") + len(".zarr")])
        options = _options(root)
        every = all_series(root, options.include_labels)
        chosen = every[series]
        real = root.resolve()
        self._axes = chosen.axes
        self._arrays = [open_array(f"{real}/{array}") for array in chosen.arrays]
        like = _like(real, every, len(self._arrays)) if options.quick_read else self._arrays
        self.levels = tuple(_level(array, self._axes) for array in like)
        self.used_files = _used_files(root, options)

    def read(self, level: int, z: int, c: int, t: int, box: Box) -> np.ndarray:
        """With quick_read, an array unlike the first gives its bytes as they come, or ApiUsageException."""
        array, sizes = self._arrays[level], self.levels[level].sizes
        at = {"z": slice(z, z + 1), "c": slice(c, c + 1), "t": slice(t, t + 1), "y": box[0], "x": box[1]}
        index = tuple(at[axis] for axis in self._axes)[-array.ndim :]
        there = np.atleast_2d(np.asarray(array[index]))
        there = there.reshape(there.shape[-2:] if there.size else (0, 0))
        rows, columns = box[0].stop - box[0].start, box[1].stop - box[1].start
        pixels = np.zeros((rows, columns), array.dtype)
        pixels[: len(there), : len(there.T)] = there
        return _reinterpreted(pixels, sizes.dtype)


def _reinterpreted(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The bytes of `pixels` in a buffer that was made for another type."""
    if pixels.dtype == dtype:
        return pixels
    wanted = pixels.size * dtype.itemsize
    if pixels.nbytes > wanted:
        raise omero.ApiUsageException(message=f"Invalid indices: buf.length={wanted}")
    return np.frombuffer(pixels.tobytes().ljust(wanted, b"\0"), dtype).reshape(pixels.shape)


def _like(root: Path, every: Sequence[Series], levels: int) -> list[zarr.Array]:
    """For each level the first array of all at that level: quick_read takes shape and type from it."""
    first = [next(s.arrays[level] for s in every if len(s.arrays) > level) for level in range(levels)]
    return [open_array(f"{root}/{array}") for array in first]


def _level(array: zarr.Array, axes: Sequence[str]) -> Level:
    shape = (1,) * (5 - array.ndim) + array.shape
    size = dict(zip(axes, shape, strict=True))
    sizes = Sizes(size["x"], size["y"], size["z"], size["c"], size["t"], array.dtype)
    return Level(sizes, (array.chunks[-1], array.chunks[-2]))


def _options(root: Path) -> _Options:
    """Lines `key = value` of <root>.bfoptions."""
    file = root.with_name(root.name + ".bfoptions")
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    pairs = (line.partition("=") for line in lines if "=" in line)
    given = {key.strip(): value.strip() for key, _, value in pairs}
    if given.get("omezarr.alt_store", "").startswith("https://"):
        raise UnreadableZarrError(f"{file}: omezarr.alt_store is not in this sandbox")

    def flag(key: str, default: bool) -> bool:
        return given.get(f"omezarr.{key}", str(default)).lower() == "true"

    return _Options(flag("quick_read", False), flag("list_pixels", True), flag("include_labels", False))


def _used_files(root: Path, options: _Options) -> list[Path]:
    """All files through links; with list_pixels=false only the groups' metadata."""
    return [
        Path(folder) / name
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if options.list_pixels or name in _METADATA_FILES
        if options.include_labels or "labels" not in f"{folder}/{name}".lower()
    ]
