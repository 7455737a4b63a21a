"""Rendering settings as a server makes them, and small pictures drawn with them."""

import io
from typing import Any

import numpy as np
from omero.model import ChannelBindingI, FamilyI, PixelsI, QuantumDefI, RenderingDefI, RenderingModelI
from omero.rtypes import rbool, rdouble, rint, rstring
from PIL import Image

from omero_sandbox.pixels import PixelBuffer
from omero_sandbox.pixels.buffer import DTYPES

THUMBNAIL = 96
COLOURS = ((255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255))
GREY = (128, 128, 128, 255)
ACTIVE = 3
FLOAT_RANGE = (-2147483648.0, 2147483647.0)  # of a real server for float and double


def new_settings(pixels: PixelsI, dtype: np.dtype) -> RenderingDefI:
    """The default settings of Pixels whose channels are loaded with statsInfo: the first three channels are shown."""
    made = RenderingDefI()
    made.pixels = PixelsI(pixels.id.val, False)
    made.model = RenderingModelI()
    made.model.value = rstring("rgb" if pixels.sizeC.val > 1 else "greyscale")
    made.defaultZ, made.defaultT = rint(pixels.sizeZ.val // 2), rint(0)
    made.quantization = QuantumDefI()
    made.quantization.cdStart, made.quantization.cdEnd = rint(0), rint(255)
    made.quantization.bitResolution = rint(255)
    for number, channel in enumerate(pixels.copyChannels()):
        made.addChannelBinding(_binding(number, channel, pixels.sizeC.val > 1))
    set_windows(made, pixels, dtype)
    return made


def _binding(number: int, channel: Any, several: bool) -> ChannelBindingI:
    made = ChannelBindingI()
    made.active, made.noiseReduction = rbool(number < ACTIVE), rbool(False)
    made.coefficient = rdouble(1.0)
    made.family = FamilyI()
    made.family.value = rstring("linear")
    colour = (channel.red, channel.green, channel.blue, channel.alpha)
    if None in colour:  # as for an image that comes without colours
        colour = tuple(map(rint, COLOURS[number % len(COLOURS)] if several else GREY))
    made.red, made.green, made.blue, made.alpha = colour
    return made


def set_windows(settings: RenderingDefI, pixels: PixelsI, dtype: np.dtype, as_is: bool = False) -> None:
    """Set each channel's window from its minimum to its maximum.

    Where these are equal, or not known, it is the pixel type's full range instead, unless they are to be taken `as_is`.
    """
    full = full_range(dtype)
    for binding, channel in zip(settings.copyWaveRendering(), pixels.copyChannels(), strict=True):
        stats = channel.statsInfo
        low, high = (stats.globalMin.val, stats.globalMax.val) if stats is not None else (0.0, 0.0)
        if low == high and not as_is:
            low, high = full
        binding.inputStart, binding.inputEnd = rdouble(low), rdouble(high)


def dtype_of(pixels: PixelsI) -> np.dtype:
    """The numbers of Pixels whose type is loaded."""
    return DTYPES[pixels.pixelsType.value.val]


def full_range(dtype: np.dtype) -> tuple[float, float]:
    """The least and the greatest value of a pixel type, as rendering settings have them."""
    if dtype.kind == "f":
        return FLOAT_RANGE
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)


def by_longest_side(x: int, y: int, longest: int) -> tuple[int, int]:
    """The size of a picture of x * y pixels whose longer side is to be `longest`."""
    longer = max(x, y)
    return max(1, x * longest // longer), max(1, y * longest // longer)


def draw(buffer: PixelBuffer, settings: RenderingDefI, size: tuple[int, int] | None = None) -> bytes:
    """A JPEG of the default plane in the settings' colours; without a size, its longer side is 96.

    Drawn from the smallest resolution level that is no smaller than the picture; the buffer's level is changed.
    """
    full = buffer.sizes
    size = size or by_longest_side(full.x, full.y, THUMBNAIL)
    buffer.set_level(_level(buffer, max(size)))
    shown = colours(buffer, settings, settings.defaultZ.val, settings.defaultT.val)
    return jpeg(Image.fromarray(shown).resize(size))


def jpeg(picture: Image.Image, quality: int = 75) -> bytes:
    """The picture as a file."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def colours(buffer: PixelBuffer, settings: RenderingDefI, z: int, t: int) -> np.ndarray:
    """One plane of the active channels, (y, x, RGB) of 8 bit; the model greyscale shows the first of them in grey."""
    sizes = buffer.sizes
    plane = np.zeros((sizes.y, sizes.x, 3))
    active = [(c, binding) for c, binding in enumerate(settings.copyWaveRendering()) if binding.active.val]
    grey = settings.model.value.val == "greyscale"
    for c, binding in active[:1] if grey else active:
        raw = np.frombuffer(buffer.get_plane(z, c, t), sizes.dtype.newbyteorder(">"))
        colour = (255, 255, 255) if grey else (binding.red.val, binding.green.val, binding.blue.val)
        plane += _shade(raw.reshape(sizes.y, sizes.x), binding)[:, :, None] * colour
    return np.clip(plane, 0, 255).astype(np.uint8)


def _level(buffer: PixelBuffer, longest: int) -> int:
    """Level 0 is the smallest; descriptions have the largest first."""
    descriptions = buffer.descriptions()[::-1]
    return next((n for n, (x, y) in enumerate(descriptions) if max(x, y) >= longest), len(descriptions) - 1)


def _shade(numbers: np.ndarray, binding: ChannelBindingI) -> np.ndarray:
    """0 to 1 in the channel's window."""
    low, high = binding.inputStart.val, binding.inputEnd.val
    return np.nan_to_num(np.clip((numbers.astype(float) - low) / ((high - low) or 1.0), 0, 1))
