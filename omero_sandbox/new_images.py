"""Images that clients make without a file: new ones, and such as are like another."""

from collections.abc import Sequence
from typing import Any

from omero.model import (
    ChannelI,
    DimensionOrderI,
    ImageI,
    LogicalChannelI,
    PhotometricInterpretationI,
    PixelsI,
    PixelsTypeI,
    StatsInfoI,
)
from omero.rtypes import rdouble, rint, rstring

UNKNOWN_SHA1 = "Pending..."
COPIED_PIXELS = (
    "physicalSizeX", "physicalSizeY", "physicalSizeZ", "timeIncrement", "waveStart", "waveIncrement", "significantBits",
)  # fmt: skip
COPIED_CHANNEL = ("red", "green", "blue", "alpha", "lookupTable")
COPIED_LOGICAL = ("name", "emissionWave", "excitationWave", "fluor", "ndFilter", "pinHoleSize", "samplesPerPixel")


def blank(x: int, y: int, z: int, t: int, channels: int, kind: PixelsTypeI) -> ImageI:
    """An image of the sizes, with channels of which nothing is known."""
    image, pixels = ImageI(), PixelsI()
    image.series = rint(0)
    image.addPixels(pixels)
    pixels.sizeX, pixels.sizeY, pixels.sizeZ, pixels.sizeT = rint(x), rint(y), rint(z), rint(t)
    pixels.sizeC = rint(channels)
    pixels.sha1 = rstring(UNKNOWN_SHA1)
    pixels.pixelsType = PixelsTypeI(kind.id.val, False) if kind.id else kind
    pixels.dimensionOrder = _enumeration(DimensionOrderI, "XYZCT")
    for _ in range(channels):
        channel = ChannelI()
        channel.logicalChannel, channel.statsInfo = LogicalChannelI(), StatsInfoI()
        channel.logicalChannel.photometricInterpretation = _enumeration(PhotometricInterpretationI, "Monochrome")
        # these stand for extremes that were never computed
        channel.statsInfo.globalMin, channel.statsInfo.globalMax = rdouble(0), rdouble(1)
        pixels.addChannel(channel)
    return image


def like(source: PixelsI, sizes: Sequence[int | None], channels: Sequence[int], stats: bool) -> ImageI:
    """An image with some channels of `source`; `sizes` are x, y, z, t, None for those of `source`."""
    own = (source.sizeX, source.sizeY, source.sizeZ, source.sizeT)
    x, y, z, t = (known.val if given is None else given for given, known in zip(sizes, own, strict=True))
    image = blank(x, y, z, t, len(channels), source.pixelsType)
    image.description = source.image.description
    made = image.getPrimaryPixels()
    _copy(COPIED_PIXELS, source, made)
    for number, channel in zip(channels, made.copyChannels(), strict=True):
        original = source.getChannel(number)
        _copy(COPIED_CHANNEL, original, channel)
        _copy(COPIED_LOGICAL, original.logicalChannel, channel.logicalChannel)
        if stats and original.statsInfo is not None:
            _copy(("globalMin", "globalMax"), original.statsInfo, channel.statsInfo)
    return image


def _copy(names: Sequence[str], source: Any, target: Any) -> None:
    for name in names:
        setattr(target, name, getattr(source, name))


def _enumeration(cls: Any, value: str) -> Any:
    made = cls()
    made.value = rstring(value)
    return made
