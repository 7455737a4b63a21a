"""Layouts of any kind, as bioformats2raw might write them: axes, sizes, types, names, orders, plates, Zarr formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

import numpy as np
import zarr
from hypothesis import strategies as st
from numcodecs import Blosc, GZip, Zlib, Zstd
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

TYPES = {
    "uint8": "u1", "int8": "i1", "uint16": "u2", "int16": "i2", "uint32": "u4", "int32": "i4",
    "float": "f4", "double": "f8",
}  # fmt: skip
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn", "Co")), max_size=12)
# How chunks are compressed, by Zarr format; the readers in a server have the first three for Zarr v2.
CODECS: dict[int, dict[str, Any]] = {
    2: {"none": None, "blosc": Blosc(cname="lz4"), "zlib": Zlib(1), "zstd": Zstd(), "gzip": GZip(1)},
    3: {"none": None, "blosc": BloscCodec(cname="lz4"), "zstd": ZstdCodec(), "gzip": GzipCodec(level=1)},
}
READABLE = {2: ("none", "blosc", "zlib"), 3: tuple(CODECS[3])}
LENGTHS = ("µm", "nm", "mm", "pixel")


@dataclass(frozen=True)
class Picture:
    """One image: shape (t, c, z, y, x), the axes that its arrays have, levels, and what its metadata say.

    `codec` is one of CODECS; chunks of a sharded one (Zarr v3) are four to a shard where they are so many.
    """

    name: str
    shape: tuple[int, int, int, int, int]
    axes: str
    pixel_type: str
    levels: int
    physical_size: float | None
    unit: str
    channels: tuple[tuple[str, float | None], ...]
    codec: str = "none"
    sharded: bool = False


@dataclass(frozen=True)
class Wells:
    """A plate's wells, (row, column) and how many fields each has; the rows and columns that it says it has.

    With acquisitions, a well's fields belong to them in turn.
    """

    name: str
    rows: int
    columns: int
    fields: tuple[tuple[int, int, int], ...]
    acquisitions: int = 0


@dataclass(frozen=True)
class Drawn:
    """A layout: plain images in groups that are named by `order`, or the fields of a plate."""

    zarr_format: Literal[2, 3]
    pictures: tuple[Picture, ...]
    order: tuple[int, ...]
    wells: Wells | None = None

    @property
    def paths(self) -> list[str]:
        """The group of each image, in the order of the OME-XML."""
        if self.wells is None:
            return [str(number) for number in self.order]
        return [f"{'ABC'[r]}/{c + 1}/{f}" for r, c, count in self.wells.fields for f in range(count)]


@st.composite
def pictures(draw: st.DrawFn, zarr_format: int, readable: bool) -> Picture:
    """Any image; a readable one has the axes in OMERO's order and codecs that every reader has."""
    shape: Any = tuple(draw(st.integers(1, most)) for most in (2, 3, 2, 33, 40))
    kept = [axis for axis, size in zip("tcz", shape, strict=False) if size > 1 or draw(st.booleans())]
    axes = [*kept, "y", "x"]
    if not readable:
        axes = draw(st.permutations(axes))
    waves = st.none() | st.floats(200, 1200)
    return Picture(
        draw(NAMES), shape, "".join(axes), draw(st.sampled_from(sorted(TYPES))), draw(st.integers(1, 2)),
        draw(st.none() | st.floats(1e-3, 1e3)), draw(st.sampled_from(LENGTHS)),
        tuple((draw(NAMES), draw(waves)) for _ in range(shape[1])),
        draw(st.sampled_from(READABLE[zarr_format] if readable else tuple(CODECS[zarr_format]))),
        zarr_format == 3 and draw(st.booleans()),
    )  # fmt: skip


@st.composite
def layouts(draw: st.DrawFn, readable: bool = True) -> Drawn:
    """Any layout, or any that the readers in a server can read."""
    zarr_format: Literal[2, 3] = draw(st.sampled_from((2, 3)))
    picture = pictures(zarr_format, readable)
    if draw(st.booleans()):
        some = tuple(draw(st.lists(picture, min_size=1, max_size=3)))
        return Drawn(zarr_format, some, tuple(draw(st.permutations(range(len(some))))))
    places = draw(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=3))
    fields = tuple((*place, draw(st.integers(1, 2))) for place in sorted(places))
    count = sum(field[2] for field in fields)
    some = tuple(draw(st.lists(picture, min_size=count, max_size=count)))
    return Drawn(zarr_format, some, (), Wells(draw(NAMES), 3, 3, fields, draw(st.integers(0, 2))))


def write(layout: Drawn, root: Path) -> None:
    """Write a layout with its OME-XML."""
    top = zarr.open_group(root, mode="w", zarr_format=layout.zarr_format)
    attributes: dict[str, Any] = {"bioformats2raw.layout": 3}
    if layout.wells is not None:
        attributes |= {"plate": _plate(layout.wells)}
    _put(top, attributes)
    _put(top.create_group("OME"), {"series": layout.paths})
    (root / "OME" / "METADATA.ome.xml").write_text(xml(layout), "utf-8")
    for r, c, count in layout.wells.fields if layout.wells else ():
        assert layout.wells is not None
        runs = layout.wells.acquisitions
        well = {"images": [{"path": str(f)} | ({"acquisition": f % runs} if runs else {}) for f in range(count)]}
        _put(top.require_group(f"{'ABC'[r]}/{c + 1}"), {"well": well})
    for number, (path, picture) in enumerate(zip(layout.paths, layout.pictures, strict=True)):
        write_picture(top.require_group(path), picture, pixels(picture, number))


def _put(group: zarr.Group, attributes: dict[str, Any]) -> None:
    if group.metadata.zarr_format == 3:
        group.attrs.update({"ome": {"version": "0.5"} | attributes})
    else:
        group.attrs.update({name: _versioned(value) for name, value in attributes.items()})


def _versioned(value: Any) -> Any:
    return {"version": "0.4"} | value if isinstance(value, dict) else value


def _plate(wells: Wells) -> dict[str, Any]:
    runs = [{"id": number, "name": f"run {number}"} for number in range(wells.acquisitions)]
    return ({"acquisitions": runs} if runs else {}) | {
        "name": wells.name,
        "rows": [{"name": name} for name in "ABC"],
        "columns": [{"name": str(column + 1)} for column in range(wells.columns)],
        "wells": [{"path": f"{'ABC'[r]}/{c + 1}", "rowIndex": r, "columnIndex": c} for r, c, _ in wells.fields],
        "field_count": max(count for _, _, count in wells.fields),
    }


def pixels(picture: Picture, number: int) -> np.ndarray:
    """The pixels of image `number`: an array of (t, c, z, y, x)."""
    return np.random.default_rng(number).integers(0, 100, picture.shape).astype(TYPES[picture.pixel_type])


def write_picture(group: zarr.Group, picture: Picture, full: np.ndarray) -> None:
    """Write an image's multiscale into its group."""
    kinds = {"t": "time", "c": "channel"}
    axes = [{"name": axis, "type": kinds.get(axis, "space")} for axis in picture.axes]
    scale = [{"type": "scale", "scale": [1.0] * len(axes)}]
    datasets = [{"path": str(level), "coordinateTransformations": scale} for level in range(picture.levels)]
    multiscale = {"axes": axes, "datasets": datasets}
    v3 = group.metadata.zarr_format == 3
    _put(group, {"multiscales": [multiscale if v3 else _versioned(multiscale)]})
    for level in range(picture.levels):
        data = full[..., :: 2**level, :: 2**level]
        data = np.ascontiguousarray(_with_axes(data, picture.axes))
        chunks = tuple(
            min(size, 16) if axis in "yx" else 1 for axis, size in zip(picture.axes, data.shape, strict=True)
        )
        shards = tuple(2 * chunk if axis in "yx" else chunk for axis, chunk in zip(picture.axes, chunks, strict=True))
        separator: Any = {"name": "default" if v3 else "v2", "separator": "/"}
        group.create_array(
            str(level), data=data, chunks=chunks, chunk_key_encoding=separator,
            shards=shards if picture.sharded else None,
            compressors=CODECS[group.metadata.zarr_format][picture.codec],
        )  # fmt: skip


def _with_axes(data: np.ndarray, axes: str) -> np.ndarray:
    """The array (t, c, z, y, x) with the axes named, in their order."""
    left_out = tuple(place for place, axis in enumerate("tczyx") if axis not in axes)
    kept = [axis for axis in "tczyx" if axis in axes]
    return data.squeeze(left_out).transpose([kept.index(axis) for axis in axes])


def xml(layout: Drawn) -> str:
    """The layout's OME-XML."""
    images = "".join(_image(number, picture) for number, picture in enumerate(layout.pictures))
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{_wells(layout.wells)}{images}</OME>'


def _wells(wells: Wells | None) -> str:
    if wells is None:
        return ""
    text, number = "", 0
    runs: dict[int, list[int]] = {run: [] for run in range(wells.acquisitions)}
    for r, c, count in wells.fields:
        numbers = range(number, number + count)
        samples = "".join(
            f'<WellSample ID="WellSample:{n}" Index="{n}"><ImageRef ID="Image:{n}"/></WellSample>' for n in numbers
        )
        for field, n in enumerate(numbers):
            if runs:
                runs[field % wells.acquisitions].append(n)
        number += count
        text += f'<Well ID="Well:{r}:{c}" Row="{r}" Column="{c}">{samples}</Well>'
    for run, numbers_of in runs.items():
        references = "".join(f'<WellSampleRef ID="WellSample:{n}"/>' for n in numbers_of)
        text += f'<PlateAcquisition ID="PlateAcquisition:{run}" Name="run {run}">{references}</PlateAcquisition>'
    name = quoteattr(wells.name)
    return f'<Plate ID="Plate:0" Name={name} Rows="{wells.rows}" Columns="{wells.columns}">{text}</Plate>'


def _image(number: int, picture: Picture) -> str:
    t, c, z, y, x = picture.shape
    size = picture.physical_size
    physical = "" if size is None else f'PhysicalSizeX="{size!r}" PhysicalSizeXUnit="{picture.unit}"'
    channels = "".join(
        f'<Channel ID="Channel:{number}:{n}" SamplesPerPixel="1" Name={quoteattr(name)} {_wave(wave)}/>'
        for n, (name, wave) in enumerate(picture.channels)
    )
    return (
        f'<Image ID="Image:{number}" Name={quoteattr(picture.name)}><Pixels ID="Pixels:{number}" {physical} '
        f'DimensionOrder="XYZCT" Type="{picture.pixel_type}" SizeX="{x}" SizeY="{y}" SizeZ="{z}" SizeC="{c}" '
        f'SizeT="{t}">{channels}<MetadataOnly/></Pixels></Image>'
    )


def _wave(wave: float | None) -> str:
    return "" if wave is None else f'EmissionWavelength="{wave!r}" EmissionWavelengthUnit="nm"'
