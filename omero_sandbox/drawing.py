"""Planes as pictures, by rendering settings: windows, curves, reversed intensities, colours, lookup tables.

A number becomes 0 to 255 by its channel's window and curve (rounded), that becomes a colour by the channel's colour
(the fraction cut off) or lookup table, and the active channels are added up to at most 255. The model greyscale shows
the first active channel in grey. The curves polynomial and logarithmic take the numbers as they are, exponential their
place in the window (0 to 1), where the numbers themselves would be too large.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from omero.model import ChannelBindingI, QuantumDefI, RenderingDefI
from PIL import Image

import omero
from omero_sandbox.pixels import PixelBuffer
from omero_sandbox.rendering import THUMBNAIL, by_longest_side, is_reversed

Read = Callable[[int], np.ndarray]  # the plane of a channel, (y, x)
MAXIMUM, MEAN, SUM = "MAXIMUMINTENSITY", "MEANINTENSITY", "SUMINTENSITY"  # omero.constants.projection.ProjectionType


def draw(
    buffer: PixelBuffer,
    settings: RenderingDefI,
    size: tuple[int, int] | None = None,
    section: tuple[int, int] | None = None,
    tables: Path | None = None,
) -> bytes:
    """A JPEG of one plane (z, t; by default the settings' own); without a size, its longer side is 96.

    Drawn from the smallest resolution level that is no smaller than the picture; the buffer's level is changed.
    """
    size = size or by_longest_side(buffer.sizes.x, buffer.sizes.y, THUMBNAIL)
    z, t = section or (settings.defaultZ.val, settings.defaultT.val)
    buffer.set_level(_level(buffer, max(size)))
    shown = picture(lambda c: plane(buffer, z, c, t), settings, tables)
    return jpeg(Image.fromarray(shown).resize(size))


def jpeg(made: Image.Image, quality: int = 75) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    made.save(out, "JPEG", quality=quality)
    return out.getvalue()


def plane(buffer: PixelBuffer, z: int, c: int, t: int, region: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """The numbers of a plane, or of a region (x, y, width, height) of it, at the buffer's level: (y, x).

    Raises omero.ApiUsageException outside the image.
    """
    buffer.check_bounds(z=z, c=c, t=t)
    x, y, width, height = region or (0, 0, buffer.sizes.x, buffer.sizes.y)
    raw = buffer.get_tile(z, c, t, x, y, width, height)
    return np.frombuffer(raw, buffer.sizes.dtype.newbyteorder(">")).reshape(height, width)


def projected_planes(buffer: PixelBuffer, stepping: int, start: int, end: int) -> range:
    """The z from `start` to `end` (with it), every stepping-th. Raises omero.ApiUsageException where there are none."""
    buffer.check_bounds(z=start)
    buffer.check_bounds(z=end)
    if stepping < 1 or end < start:
        raise omero.ApiUsageException(message=f"Nothing to project: z {start} to {end}, every {stepping}")
    return range(start, end + 1, stepping)


def projected(buffer: PixelBuffer, algorithm: str, c: int, t: int, planes: range) -> np.ndarray:
    """Several z of a channel as one plane of the same type: the greatest, the mean (cut off) or the sum (at most the
    type's greatest) of each pixel."""
    stack = np.stack([plane(buffer, z, c, t) for z in planes])
    if algorithm == MAXIMUM:
        return stack.max(axis=0)
    found = stack.mean(axis=0) if algorithm == MEAN else stack.sum(axis=0, dtype=float)
    if stack.dtype.kind == "f":
        return found.astype(stack.dtype)
    limits = np.iinfo(stack.dtype)
    return np.clip(np.trunc(found), limits.min, limits.max).astype(stack.dtype)


def picture(read: Read, settings: RenderingDefI, tables: Path | None = None) -> np.ndarray:
    """The active channels as colours, (y, x, RGB) of 8 bit; `tables`: the folder with lookup tables (*.lut)."""
    bindings = settings.copyWaveRendering()
    active = [(c, binding) for c, binding in enumerate(bindings) if binding.active.val]
    grey = settings.model.value.val == "greyscale"
    if not active:
        return np.zeros((*read(0).shape, 3), np.uint8)
    parts = []
    for c, binding in active[:1] if grey else active:
        table = _grey() if grey else _colours(binding, tables)
        parts.append(table[quantized(read(c), binding, settings.quantization)])
    return np.minimum(sum(parts), 255).astype(np.uint8)


def quantized(numbers: np.ndarray, binding: ChannelBindingI, interval: QuantumDefI) -> np.ndarray:
    """0 to 255 (or another interval) in the channel's window, along its curve; reversed where the channel says so."""
    low, high = binding.inputStart.val, binding.inputEnd.val
    start, end = interval.cdStart.val, interval.cdEnd.val
    curve = _curve(binding.family.value.val, binding.coefficient.val, low, high)
    bottom, top = curve(np.array([low, high], float))
    share = (curve(np.clip(numbers.astype(float), low, high)) - bottom) / ((top - bottom) or 1.0)
    levels = np.floor(start + np.nan_to_num(share) * (end - start) + 0.5).astype(int)
    return start + end - levels if is_reversed(binding) else levels


def _curve(family: str, coefficient: float, low: float, high: float) -> Callable[[np.ndarray], np.ndarray]:
    if family == "polynomial":
        return lambda x: np.sign(x) * np.abs(x) ** coefficient
    if family == "logarithmic":
        return lambda x: np.log(np.maximum(x, 1))
    if family == "exponential":
        width = (high - low) or 1.0
        return lambda x: np.exp(((x - low) / width) ** coefficient)
    return lambda x: x


def _grey() -> np.ndarray:
    return np.repeat(np.arange(256)[:, None], 3, axis=1)


def _colours(binding: ChannelBindingI, tables: Path | None) -> np.ndarray:
    """The colour of each level, (256, RGB): the lookup table, where there is one, or the levels of the colour."""
    if binding.lookupTable is not None and tables is not None:
        found = lookup_table(tables, binding.lookupTable.val)
        if found is not None:
            return found
    colour = np.array([binding.red.val, binding.green.val, binding.blue.val])
    return (np.arange(256)[:, None] * colour / 255).astype(int)


def lookup_table(folder: Path, name: str) -> np.ndarray | None:
    """The colours (256, RGB) of a lookup table somewhere below a folder: 256 bytes each of red, green and blue.

    An ImageJ header of 32 bytes may come before. None where there is no such file, or it is of another form.
    """
    found: Any = next((path for path in sorted(folder.rglob("*.lut")) if path.name == name), None)
    content = found.read_bytes() if found else b""
    if len(content) not in (768, 800):
        return None
    return np.frombuffer(content[-768:], np.uint8).reshape(3, 256).T.astype(int)


def _level(buffer: PixelBuffer, longest: int) -> int:
    """Level 0 is the smallest; descriptions have the largest first."""
    descriptions = buffer.descriptions()[::-1]
    return next((n for n, (x, y) in enumerate(descriptions) if max(x, y) >= longest), len(descriptions) - 1)
