"""Rendering settings of new images, as model objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import omero.model as model
from omero.rtypes import rbool, rdouble, rint, rstring

ENUMERATIONS = (("RenderingModel", "rgb"), ("RenderingModel", "greyscale"), ("Family", "linear"))  # of most settings
Enums = Callable[[str, str], Any]
# Equal values are one object, which is made and sent once.
_bool, _double, _int = cache(rbool), lru_cache(2000)(rdouble), cache(rint)


@dataclass(frozen=True, slots=True)
class ChannelDisplay:
    """How a channel is shown; `color` is (red, green, blue), None for the channel's own, `lut` a file's name."""

    start: float
    end: float
    active: bool
    color: tuple[int, int, int] | None = None
    inverted: bool = False
    lut: str | None = None
    family: str = "linear"
    coefficient: float = 1.0


@dataclass(frozen=True, slots=True)
class Display:
    """How an image is shown at first: `model` is rgb or greyscale, z and t the plane."""

    model: str
    z: int
    t: int
    channels: tuple[ChannelDisplay, ...]


def rendering_def(display: Display, channels: Sequence, enums: Enums):
    """The settings as a server makes them (facts: omero_import_rows), for `channels` of the model in their order."""
    made = model.RenderingDefI()
    made.model = enums("RenderingModel", display.model)
    made.defaultZ, made.defaultT = _int(display.z), _int(display.t)
    made.quantization = model.QuantumDefI()
    made.quantization.cdStart, made.quantization.cdEnd = _int(0), _int(255)
    made.quantization.bitResolution = _int(255)
    for shown, channel in zip(display.channels, channels, strict=True):
        made.addChannelBinding(_binding(shown, channel, enums))
    return made


def _binding(shown: ChannelDisplay, channel, enums: Enums):
    made = model.ChannelBindingI()
    made.active, made.noiseReduction = _bool(shown.active), _bool(False)
    made.inputStart, made.inputEnd = _double(shown.start), _double(shown.end)
    made.family, made.coefficient = enums("Family", shown.family), _double(shown.coefficient)
    made.red, made.green, made.blue, made.alpha = channel.red, channel.green, channel.blue, channel.alpha
    if shown.color is not None:
        made.red, made.green, made.blue = map(_int, shown.color)
    if shown.lut is not None:
        made.lookupTable = rstring(shown.lut)
    if shown.inverted:
        reverse = model.ReverseIntensityContextI()
        reverse.reverse = _bool(True)
        made.addCodomainMapContext(reverse)
    return made
