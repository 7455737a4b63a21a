"""How new images are shown at first: from the `omero` block of their series, else as a server decides it."""

import math
from collections.abc import Sequence

from omero_roz.layout.model import Channel, Series, Window
from omero_roz.ports.omero.new_images import Range, Statistics
from omero_roz.ports.omero.rendering import ChannelDisplay, Display

ACTIVE = 3
FULL: dict[str | None, Range] = {
    "bit": (0.0, 1.0), "int8": (-128.0, 127.0), "uint8": (0.0, 255.0), "int16": (-32768.0, 32767.0),
    "uint16": (0.0, 65535.0), "int32": (-2147483648.0, 2147483647.0), "uint32": (0.0, 4294967295.0),
}  # fmt: skip
FLOATING: Range = (-2147483648.0, 2147483647.0)  # of a real server for float and double
FAMILIES = ("linear", "polynomial", "exponential", "logarithmic")


def stated(series: Series) -> Statistics:
    """The channels' minima and maxima that the converter wrote; 0 and 0 means that it did not look."""
    return Statistics(tuple(_ends(_channel(series, c).window) for c in range(series.sizes.c)))


def display(series: Series, statistics: Statistics, stated_colors: Sequence[bool]) -> Display:
    """The display of an image; the OME-XML's colour, where it states one, is not overridden."""
    rendering, sizes = series.rendering, series.sizes
    model = {"color": "rgb", "greyscale": "greyscale"}.get(rendering.model or "" if rendering else "")
    z = rendering.default_z if rendering and rendering.default_z is not None else sizes.z // 2
    t = rendering.default_t if rendering and rendering.default_t is not None else 0
    channels = tuple(
        _display(series, c, statistics.ranges[c], c < len(stated_colors) and stated_colors[c]) for c in range(sizes.c)
    )
    return Display(model or ("rgb" if sizes.c > 1 else "greyscale"), _within(z, sizes.z), _within(t, sizes.t), channels)


def _display(series: Series, number: int, ends: Range | None, colored: bool) -> ChannelDisplay:
    channel = _channel(series, number)
    start, end = _shown(channel.window) or _wider(ends) or FULL.get(series.pixel_type, FLOATING)
    return ChannelDisplay(
        start,
        end,
        channel.active if number < len(series.channels) else number < ACTIVE,
        None if colored or channel.color is None else _rgb(channel.color),
        channel.inverted,
        channel.lut,
        channel.family if channel.family in FAMILIES else "linear",
        channel.coefficient if channel.coefficient is not None else 1.0,
    )


def _channel(series: Series, number: int) -> Channel:
    return series.channels[number] if number < len(series.channels) else Channel()


def _ends(window: Window | None) -> Range | None:
    if window is None or window.minimum is None or window.maximum is None:
        return None
    ends = window.minimum, window.maximum
    return ends if all(map(math.isfinite, ends)) and ends[0] <= ends[1] and ends != (0, 0) else None


def _shown(window: Window | None) -> Range | None:
    return _wider((window.start, window.end)) if window else None


def _wider(ends: Range | None) -> Range | None:
    """The ends if there is anything between them: a window of one value shows nothing."""
    return ends if ends and all(map(math.isfinite, ends)) and ends[0] < ends[1] else None


def _within(place: int, size: int) -> int:
    return min(max(place, 0), size - 1)


def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color)
    return red, green, blue
