"""NGFF multiscales and the `omero` block as series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omero_roz.layout.arrays import parse_level, pixel_type, type_name
from omero_roz.layout.documents import Documents
from omero_roz.layout.json_values import as_dict, as_float, as_int, as_list, as_str
from omero_roz.layout.model import (
    Channel,
    Level,
    PhysicalSize,
    Quantity,
    Rendering,
    Series,
    Sizes,
    Window,
    ZarrFormat,
)
from omero_roz.layout.paths import join, unsafe
from omero_roz.layout.store import Absent

AXES_BEFORE_0_3 = ("t", "c", "z", "y", "x")  # 0.1 and 0.2 state no axes: always these five
_AXIS_TYPES = {"time": "t", "channel": "c"}


@dataclass(frozen=True, slots=True)
class Multiscale:
    """The first multiscale of a group before its arrays are read."""

    path: str
    attributes: dict[str, Any]
    axes: tuple[str, ...] | None
    units: tuple[str | None, ...]
    array_paths: tuple[str, ...]

    @property
    def first(self) -> dict[str, Any]:
        return as_dict(as_list(self.attributes.get("multiscales"))[0])


def parse_multiscale(documents: Documents, path: str, attributes: dict[str, Any]) -> Multiscale | None:
    """The multiscale of a group's attributes, or None and a problem."""
    multiscales = as_list(attributes.get("multiscales"))
    if not multiscales:
        documents.problem(path, "the group is not an image: it has no multiscales", "name the group of an image")
        return None
    if len(multiscales) > 1:
        documents.warning(path, f"the group has {len(multiscales)} multiscales; the first is used")
    first = as_dict(multiscales[0])
    paths = [as_str(as_dict(dataset).get("path")) for dataset in as_list(first.get("datasets"))]
    if not paths or None in paths:
        documents.problem(path, "the multiscale names no datasets, or one without a path", "convert again")
        return None
    arrays = [name for name in paths if name is not None]
    for array in arrays:
        reason = unsafe(array)
        if reason:
            documents.problem(path, f"the dataset path {array!r} is refused: {reason}", "use plain relative paths")
            return None
    axes, units = _axes(documents, path, first)
    return Multiscale(path, attributes, axes, units, tuple(join(path, array) for array in arrays))


def _axes(
    documents: Documents, path: str, multiscale: dict[str, Any]
) -> tuple[tuple[str, ...] | None, tuple[str | None, ...]]:
    """Names and units of the axes; no names (None) when unstated, then the number of dimensions decides."""
    stated = multiscale.get("axes")
    if stated is None:
        return None, ()
    names, units = [], []
    for axis in as_list(stated):
        description = as_dict(axis)
        name = axis if isinstance(axis, str) else as_str(description.get("name")) or ""
        names.append(_AXIS_TYPES.get(as_str(description.get("type")) or "", name.lower()))
        units.append(as_str(description.get("unit")))
    if set(names) - set(AXES_BEFORE_0_3) or len(set(names)) != len(names) or not {"x", "y"} <= set(names):
        shown = ", ".join(names) or "none"
        documents.problem(path, f"OMERO has no place for the axes ({shown})", "use x, y and some of z, c, t, once each")
        return (), ()
    return tuple(names), tuple(units)


def parse_series(
    documents: Documents,
    multiscale: Multiscale,
    zarr_format: ZarrFormat,
    arrays: Mapping[str, dict[str, Any] | Absent | None],
) -> Series | None:
    """The series of a multiscale whose array documents are given, or None and a problem."""
    levels = _levels(documents, multiscale, zarr_format, arrays)
    if levels is None or multiscale.axes == ():
        return None
    full = levels[0]
    axes = multiscale.axes or (AXES_BEFORE_0_3 if len(full.shape) == 5 else ())
    if any(len(level.shape) != len(axes) for level in levels):
        stated = ", ".join(axes) if axes else "not stated"
        documents.problem(multiscale.path, f"the axes ({stated}) do not fit the shape {full.shape}", "convert again")
        return None
    if 0 in full.shape:
        documents.problem(multiscale.path, f"the image is empty: its shape is {full.shape}", "convert again")
        return None
    omero_type = _omero_type(documents, multiscale.path, levels)
    first = multiscale.first
    version = as_str(first.get("version")) or as_str(multiscale.attributes.get("version"))
    channels, rendering = _omero(as_dict(multiscale.attributes.get("omero")))
    return Series(
        multiscale.path,
        as_str(first.get("name")) or "",
        axes,
        _sizes(axes, full.shape),
        omero_type,
        levels,
        zarr_format,
        version,
        _physical_size(axes, multiscale.units, first),
        channels,
        rendering,
    )


def _omero_type(documents: Documents, path: str, levels: tuple[Level, ...]) -> str | None:
    """OMERO's name of the pixel type of all levels, None and a problem where it lacks it."""
    dtype = levels[0].dtype
    if any(level.dtype != dtype for level in levels):
        documents.problem(path, "the levels differ in their pixel type", "convert again")
    omero_type = pixel_type(dtype)
    if omero_type is None:
        fix = "convert to an integer of at most 32 bits, to float or to double"
        documents.problem(path, f"OMERO cannot show pixels of type {type_name(dtype)}", fix)
    return omero_type


def _levels(
    documents: Documents,
    multiscale: Multiscale,
    zarr_format: ZarrFormat,
    arrays: Mapping[str, dict[str, Any] | Absent | None],
) -> tuple[Level, ...] | None:
    levels = []
    for path in multiscale.array_paths:
        document = arrays[path]
        if isinstance(document, Absent):
            fix = document.fix if document.hidden else "restore the array or convert again"
            documents.problem(path, f"array {document.why}", fix)
        elif document is not None:
            levels.append(parse_level(documents, path, zarr_format, document))
    complete = [level for level in levels if level is not None]
    if len(complete) < len(multiscale.array_paths):
        return None
    if zarr_format == 2 and any(level.compressor == "zstd" for level in complete):
        documents.warning(
            multiscale.path,
            "zstd in Zarr v2: no reader of OMERO can read it (JZarr lacks the codec)",
            "convert with blosc or zlib",
        )
    if zarr_format == 2 and any(as_list(as_dict(arrays[path]).get("filters")) for path in multiscale.array_paths):
        what = "filters in Zarr v2: the readers of OMERO undo none (JZarr knows only compressors)"
        documents.warning(multiscale.path, what, "convert without filters")
    return tuple(complete)


def _sizes(axes: tuple[str, ...], shape: tuple[int, ...]) -> Sizes:
    return Sizes(**dict(zip(axes, shape, strict=True)))


def _physical_size(axes: tuple[str, ...], units: tuple[str | None, ...], multiscale: dict[str, Any]) -> PhysicalSize:
    """Scale of the full resolution times that of the whole multiscale, where a unit makes it a size."""
    full = as_dict(as_list(multiscale.get("datasets"))[0])
    scales = [_scale(full, len(axes)), _scale(multiscale, len(axes))]
    sizes: dict[str, Quantity] = {}
    for position, (axis, unit) in enumerate(zip(axes, units, strict=False)):
        value = as_float(scales[0][position] * scales[1][position])
        if unit and axis != "c" and value is not None and value > 0:
            sizes[axis] = Quantity(value, unit)
    return PhysicalSize(**sizes)


def _scale(holder: dict[str, Any], dimensions: int) -> list[float]:
    """The scale among the coordinateTransformations, ones where there is none that fits."""
    for transformation in as_list(holder.get("coordinateTransformations")):
        values = [as_float(value) for value in as_list(as_dict(transformation).get("scale"))]
        if len(values) == dimensions and None not in values:
            return [value for value in values if value is not None]
    return [1.0] * dimensions


def _omero(block: dict[str, Any]) -> tuple[tuple[Channel, ...], Rendering | None]:
    channels = tuple(_channel(as_dict(channel)) for channel in as_list(block.get("channels")))
    rdefs = as_dict(block.get("rdefs"))
    if not rdefs:
        return channels, None
    return channels, Rendering(as_str(rdefs.get("model")), as_int(rdefs.get("defaultZ")), as_int(rdefs.get("defaultT")))


def _channel(block: dict[str, Any]) -> Channel:
    window = as_dict(block.get("window"))
    start, end = as_float(window.get("start")), as_float(window.get("end"))
    low, high = as_float(window.get("min")), as_float(window.get("max"))
    return Channel(
        label=as_str(block.get("label")),
        color=_color(as_str(block.get("color"))),
        window=None if start is None or end is None else Window(start, end, low, high),
        active=block.get("active") is not False,
        inverted=block.get("inverted") is True,
        family=as_str(block.get("family")),
        coefficient=as_float(block.get("coefficient")),
        lut=as_str(block.get("lut")),
    )


def _color(text: str | None) -> str | None:
    """RRGGBB in capitals, None when the text is no such colour."""
    if text is None:
        return None
    digits = text.removeprefix("#")
    return digits.upper() if len(digits) == 6 and all(c in "0123456789abcdefABCDEF" for c in digits) else None
