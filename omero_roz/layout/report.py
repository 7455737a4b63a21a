"""A layout as plain data: the stable JSON of `omero roz inspect --json` (docs/inspect-json.md)."""

from __future__ import annotations

import dataclasses
from typing import Any

from omero_roz.errors import RozError
from omero_roz.layout.model import MetadataSource, OmeImage, PhysicalSize, Plate, Series, SeriesMapping, ZarrLayout

JSON_VERSION = 1  # goes up when a field is renamed, taken away or changes its meaning; new fields may come


def to_json(layout: ZarrLayout) -> dict[str, Any]:
    """The layout as JSON values; `docs/inspect-json.md` has every field."""
    return {
        "inspect_version": JSON_VERSION,
        "uri": layout.uri,
        "zarr_format": layout.zarr_format,
        "ngff_version": layout.ngff_version,
        "mapping": _mapping(layout.mapping),
        "series": [_series(series) for series in layout.series],
        "plates": [_plate(plate) for plate in layout.plates],
        "sources": [_source(source) for source in layout.sources],
        "problems": [dataclasses.asdict(problem) for problem in layout.problems],
    }


def failure_json(uri: str | None, error: RozError) -> dict[str, Any]:
    """What stands for a layout that could not be read at all: its address if it may be shown, all that is wrong."""
    return {
        "inspect_version": JSON_VERSION,
        "uri": uri,
        "problems": [dataclasses.asdict(problem) for problem in error.problems],
    }


def _mapping(mapping: SeriesMapping) -> dict[str, Any]:
    return {"rule": mapping.rule, "paths": list(mapping.paths)}


def _series(series: Series) -> dict[str, Any]:
    return {
        "path": series.path,
        "name": series.name,
        "axes": list(series.axes),
        "sizes": dataclasses.asdict(series.sizes),
        "pixel_type": series.pixel_type,
        "zarr_format": series.zarr_format,
        "ngff_version": series.ngff_version,
        "levels": [dataclasses.asdict(level) for level in series.levels],
        "physical_size": _physical_size(series.physical_size),
        "channels": [dataclasses.asdict(channel) for channel in series.channels],
        "rendering": dataclasses.asdict(series.rendering) if series.rendering else None,
    }


def _physical_size(size: PhysicalSize) -> dict[str, Any]:
    quantities = {"x": size.x, "y": size.y, "z": size.z, "t": size.t}
    return {axis: dataclasses.asdict(each) for axis, each in quantities.items() if each}


def _plate(plate: Plate) -> dict[str, Any]:
    document = dataclasses.asdict(plate)
    document["missing_wells"] = [list(place) for place in missing_wells(plate)]
    return document


def _source(source: MetadataSource) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "path": source.path,
        "mapping": _mapping(source.mapping),
        "images": [_image(image) for image in source.summary.images] if source.summary else None,
    }


def _image(image: OmeImage) -> dict[str, Any]:
    sizes = dataclasses.asdict(image.sizes) if image.sizes else None
    return {
        "id": image.id,
        "name": image.name,
        "sizes": sizes,
        "pixel_type": image.pixel_type,
        "physical_size": _physical_size(image.physical_size),
    }


def missing_wells(plate: Plate) -> tuple[tuple[int, int], ...]:
    """0-based (row, column) of the places on the plate's rows and columns that have no well."""
    there = {(well.row, well.column) for well in plate.wells}
    places = ((row, column) for row in range(len(plate.rows)) for column in range(len(plate.columns)))
    return tuple(place for place in places if place not in there)
