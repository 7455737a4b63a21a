"""OME metadata for images that have none, from all that their NGFF metadata say."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ome_types import OME, model

from omero_roz.layout.lengths import length_symbol, time_symbol
from omero_roz.layout.model import Acquisition, Channel, Plate, Quantity, Series, ZarrLayout

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def ome_from_ngff(layout: ZarrLayout, paths: Container[str] | None = None) -> OME:
    """Images in the order of the mapping, with sizes, types, physical sizes, channels; plates with wells and runs.

    `paths` are the series that are wanted. Image i is `Image:i`. A name that is not stated stays empty, on a plate it
    is made of well and field. Raises LayoutError with all that is wrong.
    """
    series = [one for one in layout.mapped_series() if paths is None or one.path in paths]
    ids = {one.path: f"Image:{number}" for number, one in enumerate(series)}
    places = {path: name for plate in layout.plates for path, name in _places(plate).items()}
    images = [_image(number, one, places.get(one.path)) for number, one in enumerate(series)]
    plates = [plate for plate in layout.plates if any(path in ids for path in plate.field_paths)]
    return OME(images=images, plates=[_plate(n, plate, ids) for n, plate in enumerate(plates)])


def plates_from_ngff(plates: Sequence[Plate], ids: dict[str, str]) -> OME:
    """Plates with wells and runs for images that are described elsewhere: `ids` are theirs by the paths of series."""
    return OME(plates=[_plate(number, plate, ids) for number, plate in enumerate(plates)])


def _image(number: int, series: Series, place: str | None) -> model.Image:
    sizes, size = series.sizes, series.physical_size
    lengths: dict[str, Any] = {}
    for axis in ("x", "y", "z"):
        lengths |= _quantity(f"physical_size_{axis}", getattr(size, axis), length_symbol)
    lengths |= _quantity("time_increment", size.t, time_symbol)
    stated = [*series.channels[: sizes.c], *[Channel()] * (sizes.c - len(series.channels))]
    pixels = model.Pixels(
        id=f"Pixels:{number}",
        dimension_order="XYZCT",
        type=series.pixel_type,
        size_x=sizes.x,
        size_y=sizes.y,
        size_z=sizes.z,
        size_c=sizes.c,
        size_t=sizes.t,
        channels=[_channel(number, position, channel) for position, channel in enumerate(stated)],
        metadata_only=model.MetadataOnly(),
        **lengths,
    )
    return model.Image(id=f"Image:{number}", name=_text(series.name) or place, pixels=pixels)


def _quantity(name: str, value: Quantity | None, symbol_of: Any) -> dict[str, Any]:
    symbol = symbol_of(value.unit) if value else None
    return {name: value.value, f"{name}_unit": symbol} if value and symbol else {}


def _channel(image: int, position: int, channel: Channel) -> model.Channel:
    known: dict[str, Any] = {"name": _text(channel.label)} if channel.label else {}
    if channel.color:
        known["color"] = f"#{channel.color}"
    return model.Channel(id=f"Channel:{image}:{position}", samples_per_pixel=1, **known)


def _places(plate: Plate) -> dict[str, str]:
    """What to call each field of a plate, by its path: as Bio-Formats does."""
    return {
        field.path: f"{_text(plate.name) or 'Plate'} [Well {_place(plate, well.row, well.column)}, Field {number}]"
        for well in plate.wells
        for number, field in enumerate(well.fields, 1)
    }


def _place(plate: Plate, row: int, column: int) -> str:
    rows, columns = plate.rows, plate.columns
    named = _text(rows[row]) if row < len(rows) else f"{row + 1}-"
    return f"{named}{_text(columns[column]) if column < len(columns) else column + 1}"


def _plate(number: int, plate: Plate, ids: dict[str, str]) -> model.Plate:
    wells, runs, index = [], dict[str, list[model.WellSampleRef]](), 0
    for place, well in enumerate(plate.wells):
        samples = []
        for field in well.fields:
            if field.path not in ids:
                continue
            sample = f"WellSample:{number}:{index}"
            samples.append(model.WellSample(id=sample, index=index, image_ref=model.ImageRef(id=ids[field.path])))
            runs.setdefault(field.acquisition or "", []).append(model.WellSampleRef(id=sample))
            index += 1
        wells.append(model.Well(id=f"Well:{number}:{place}", row=well.row, column=well.column, well_samples=samples))
    return model.Plate(
        id=f"Plate:{number}",
        name=_text(plate.name) or None,
        rows=len(plate.rows) or None,
        columns=len(plate.columns) or None,
        row_naming_convention=_convention(plate.rows),
        column_naming_convention=_convention(plate.columns),
        wells=wells,
        plate_acquisitions=[
            _run(f"PlateAcquisition:{number}:{place}", run, runs.get(run.id, []))
            for place, run in enumerate(plate.acquisitions)
        ],
    )


def _convention(names: tuple[str, ...]) -> str | None:
    if names and all(name.isdigit() for name in names):
        return "number"
    return "letter" if names and all(name.isalpha() for name in names) else None


def _run(identifier: str, run: Acquisition, samples: list[model.WellSampleRef]) -> model.PlateAcquisition:
    count = run.maximum_field_count
    return model.PlateAcquisition(
        id=identifier,
        name=_text(run.name) or None,
        description=_text(run.description) or None,
        start_time=_time(run.start_time),
        end_time=_time(run.end_time),
        maximum_field_count=count if count and count > 0 else None,
        well_sample_refs=samples,
    )


def _time(milliseconds: int | None) -> datetime | None:
    """A time that is given in milliseconds since 1970, None for one that no calendar has."""
    try:
        return None if milliseconds is None else datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _text(text: str | None) -> str:
    """The text without what XML cannot hold."""
    return _NOT_XML.sub("", text or "")
