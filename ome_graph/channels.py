"""Names and colours that a server gives to channels whose metadata has none.

Facts: omero_import_rows.md (measured), and the rules of the server's own importer: a colour follows from the
wavelength that was seen (emission, emission filters), or else from what excited it (laser, excitation, filter).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ome_types.model import Channel, Filter, Laser

from .values import Rgba, rgba

RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
GREY, WHITE = (128, 128, 128, 255), (255, 255, 255, 255)
CYCLE = (RED, GREEN, BLUE)
FILTER_WIDTH = 15.0  # nm: the server takes a filter's middle to be so far from its edge


def colours(channels: Sequence[Channel | None], elements: Mapping[str, Any]) -> list[Rgba]:
    """Give the colour of every channel of an image; None stands for a channel the metadata does not have."""
    if len(channels) == 1:
        return [_stated(channels[0]) or GREY]
    seen = [channel is not None and any(_emission(channel, elements)) for channel in channels]
    found = []
    for index, channel in enumerate(channels):
        if any(seen) and not seen[index]:
            found.append(WHITE)  # transmitted light beside fluorescence
        else:
            found.append(_stated(channel) or _by_wavelength(channel, elements) or CYCLE[index % 3])
    return found


def name(channel: Channel, elements: Mapping[str, Any]) -> str | None:
    """Give a name made of the wavelength, for a channel of several that has no name."""
    return next((name for _, name in _wavelengths(channel, elements)), None)


def _stated(channel: Channel | None) -> Rgba | None:
    return rgba(channel.color) if channel is not None and "color" in channel.model_fields_set else None


def _by_wavelength(channel: Channel | None, elements: Mapping[str, Any]) -> Rgba | None:
    for wavelength, _ in _wavelengths(channel, elements) if channel else ():
        return BLUE if wavelength < 500 else GREEN if wavelength < 560 else RED
    return None


def _wavelengths(channel: Channel, elements: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    yield from _emission(channel, elements)
    yield from _excitation(channel, elements)


def _emission(channel: Channel, elements: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    if channel.emission_wavelength is not None:
        yield channel.emission_wavelength, str(channel.emission_wavelength)
    for band in _bands(channel, elements, "emission_filters"):
        if band.cut_in is not None:
            yield band.cut_in + FILTER_WIDTH, str(band.cut_in)


def _excitation(channel: Channel, elements: Mapping[str, Any]) -> Iterator[tuple[float, str]]:
    source = elements.get(channel.light_source_settings.id) if channel.light_source_settings else None
    if isinstance(source, Laser) and source.wavelength is not None:
        yield source.wavelength, str(source.wavelength)
    if channel.excitation_wavelength is not None:
        yield channel.excitation_wavelength, str(channel.excitation_wavelength)
    for band in _bands(channel, elements, "excitation_filters"):
        if band.cut_out is not None:
            cut_in = band.cut_in or band.cut_out - 2 * FILTER_WIDTH
            yield max((cut_in + band.cut_out) / 2, 0), str(cut_in)


def _bands(channel: Channel, elements: Mapping[str, Any], kind: str) -> Iterator[Any]:
    """Give the transmittance ranges of a channel's filters, its light path's before its filter set's."""
    filter_set = elements.get(channel.filter_set_ref.id) if channel.filter_set_ref else None
    for holder in (channel.light_path, filter_set):
        for reference in getattr(holder, kind, ()):
            part = elements.get(reference.id)
            if isinstance(part, Filter) and part.transmittance_range is not None:
                yield part.transmittance_range
