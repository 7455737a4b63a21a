"""Rendering settings as a server makes them; drawing.py makes pictures with them."""

from typing import Any

import numpy as np
from omero.model import (
    ChannelBindingI,
    FamilyI,
    PixelsI,
    QuantumDefI,
    RenderingDefI,
    RenderingModelI,
    ReverseIntensityContextI,
)
from omero.rtypes import rbool, rdouble, rint, rstring

from omero_sandbox.pixels.buffer import DTYPES

THUMBNAIL = 96
COLOURS = ((255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255))
GREY = (128, 128, 128, 255)
ACTIVE = 3
_OF_CHANNELS = (
    "active", "family", "coefficient", "noiseReduction", "inputStart", "inputEnd",
    "red", "green", "blue", "alpha", "lookupTable",
)  # fmt: skip
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


def copy_values(source: RenderingDefI, target: RenderingDefI) -> None:
    """Give settings the model, interval and channels of others of as many channels; z and t stay."""
    target.model = source.model
    for name in ("cdStart", "cdEnd", "bitResolution"):
        setattr(target.quantization, name, getattr(source.quantization, name))
    for old, new in zip(source.copyWaveRendering(), target.copyWaveRendering(), strict=True):
        for name in _OF_CHANNELS:
            setattr(new, name, getattr(old, name))
        new.clearSpatialDomainEnhancement()
        if is_reversed(old):
            reverse(new)


def is_reversed(binding: ChannelBindingI) -> bool:
    """Whether a channel's intensities are reversed."""
    contexts = binding.copySpatialDomainEnhancement()
    return any(isinstance(one, ReverseIntensityContextI) and one.reverse.val for one in contexts)


def reverse(binding: ChannelBindingI) -> None:
    """Reverse a channel's intensities, whatever else was done to them."""
    binding.clearSpatialDomainEnhancement()
    context = ReverseIntensityContextI()
    context.reverse = rbool(True)
    binding.addCodomainMapContext(context)


def reset(settings: RenderingDefI, pixels: PixelsI) -> None:
    """Put settings back to the default ones, z and t too."""
    fresh = new_settings(pixels, dtype_of(pixels))
    copy_values(fresh, settings)
    settings.defaultZ, settings.defaultT = fresh.defaultZ, fresh.defaultT


def copied(source: RenderingDefI, pixels: PixelsI) -> RenderingDefI:
    """New settings with all values of others, z and t too."""
    made = new_settings(pixels, dtype_of(pixels))
    copy_values(source, made)
    made.defaultZ, made.defaultT = source.defaultZ, source.defaultT
    return made
