"""Rendering settings of new images, as model objects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import omero.model as model
from omero.rtypes import rbool, rdouble, rint, rstring

Enums = Callable[[str, str], Any]


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
    made.defaultZ, made.defaultT = rint(display.z), rint(display.t)
    made.quantization = model.QuantumDefI()
    made.quantization.cdStart, made.quantization.cdEnd = rint(0), rint(255)
    made.quantization.bitResolution = rint(255)
    for shown, channel in zip(display.channels, channels, strict=True):
        made.addChannelBinding(_binding(shown, channel, enums))
    return made


def _binding(shown: ChannelDisplay, channel, enums: Enums):
    made = model.ChannelBindingI()
    made.active, made.noiseReduction = rbool(shown.active), rbool(False)
    made.inputStart, made.inputEnd = rdouble(shown.start), rdouble(shown.end)
    made.family, made.coefficient = enums("Family", shown.family), rdouble(shown.coefficient)
    made.red, made.green, made.blue, made.alpha = channel.red, channel.green, channel.blue, channel.alpha
    if shown.color is not None:
        made.red, made.green, made.blue = map(rint, shown.color)
    if shown.lut is not None:
        made.lookupTable = rstring(shown.lut)
    if shown.inverted:
        reverse = model.ReverseIntensityContextI()
        reverse.reverse = rbool(True)
        made.addCodomainMapContext(reverse)
    return made
