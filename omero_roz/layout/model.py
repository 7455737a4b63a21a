"""What a Zarr holds, as frozen values; paths are relative to the layout's root, "" is the root itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omero_roz.errors import LayoutError, Problem

ZarrFormat = Literal[2, 3]
Rule = Literal["mapping file", "metadataSources", "OME series", "plate", "groups", "root"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Extent of an image in pixels, planes, channels and time points; an axis that is not there counts 1."""

    x: int
    y: int
    z: int = 1
    c: int = 1
    t: int = 1

    def __str__(self) -> str:
        return f"{self.x} x {self.y} x {self.z}z x {self.c}c x {self.t}t"


@dataclass(frozen=True, slots=True)
class Level:
    """One array of a pyramid: path relative to the layout's root, shape and chunks in the order of the axes.

    `dtype` is numpy's name with its byte order ("|u1", ">u2"); `shards` is the shape of a shard of Zarr v3.
    """

    path: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    separator: str = "/"
    compressor: str | None = None
    shards: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its NGFF unit, such as 0.5 and "micrometer"."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class PhysicalSize:
    """Size of a pixel (x, y, z) and of a time step; None without a unit: converters then write 1."""

    x: Quantity | None = None
    y: Quantity | None = None
    z: Quantity | None = None
    t: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Rendering window of a channel: what is shown (start, end) of what there may be (minimum, maximum)."""

    start: float
    end: float
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the `omero` block; `color` is RRGGBB, None is unstated; absent `active` means on."""

    label: str | None = None
    color: str | None = None
    window: Window | None = None
    active: bool = True
    inverted: bool = False
    family: str | None = None
    coefficient: float | None = None
    lut: str | None = None


@dataclass(frozen=True, slots=True)
class Rendering:
    """The `rdefs` of the `omero` block."""

    model: str | None = None
    default_z: int | None = None
    default_t: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One multiscale image; `name` is NGFF's and often wrong, the name to use is that of the OME-XML.

    `pixel_type` is OMERO's value ("uint16", "float", "double" ...), None for a type that OMERO lacks.
    `levels[0]` is the full resolution; `sizes` are its sizes.
    """

    path: str
    name: str
    axes: tuple[str, ...]
    sizes: Sizes
    pixel_type: str | None
    levels: tuple[Level, ...]
    zarr_format: ZarrFormat
    ngff_version: str | None = None
    physical_size: PhysicalSize = PhysicalSize()
    channels: tuple[Channel, ...] = ()
    rendering: Rendering | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One image of a well: the path of its series and, if stated, the id of its acquisition."""

    path: str
    acquisition: str | None = None


@dataclass(frozen=True, slots=True)
class Well:
    """A well with its 0-based row and column and its fields in their order."""

    path: str
    row: int
    column: int
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """A run of a plate; 0.3.0 writes ids as strings, so ids are strings here; times are milliseconds."""

    id: str
    name: str | None = None
    description: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    maximum_field_count: int | None = None


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate; `rows` and `columns` are names, far more than the wells that exist where it is sparse.

    `wells` are sorted by row and column; `field_count` is what is stated, summed over acquisitions.
    """

    path: str
    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    wells: tuple[Well, ...]
    acquisitions: tuple[Acquisition, ...] = ()
    field_count: int | None = None
    version: str | None = None

    @property
    def field_paths(self) -> tuple[str, ...]:
        """Paths of all fields by row, column and position in the well."""
        return tuple(field.path for well in self.wells for field in well.fields)


@dataclass(frozen=True, slots=True)
class SeriesMapping:
    """Path of the series of each image of a metadata source, by position; `rule` says what decided it."""

    paths: tuple[str, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class OmeImage:
    """What the mapping needs of an OME-XML Image; `pixel_type` is the XML's word, which is OMERO's.

    `physical_size` has x, y and z with the XML's unit symbols ("µm").
    """

    id: str
    name: str
    sizes: Sizes | None
    pixel_type: str | None
    physical_size: PhysicalSize = PhysicalSize()


@dataclass(frozen=True, slots=True)
class OmeWell:
    """A Well of the OME-XML: 0-based row and column, and its images (ids) by position in the well."""

    row: int
    column: int
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OmePlate:
    """A Plate of the OME-XML."""

    name: str
    wells: tuple[OmeWell, ...]


@dataclass(frozen=True, slots=True)
class OmeSummary:
    """Images and plates of an OME-XML, in its order."""

    images: tuple[OmeImage, ...]
    plates: tuple[OmePlate, ...]


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """A file of metadata for some of the series: its kind (`@type`), path, content and mapping.

    `content` is OME-XML where the kind is known (made by its plug-in), None when the file could not be read;
    `summary` is None when it is not OME-XML that can be parsed.
    """

    kind: str
    path: str
    content: bytes | None
    mapping: SeriesMapping
    summary: OmeSummary | None = None


@dataclass(frozen=True, slots=True)
class ZarrLayout:
    """What a Zarr holds: `series` has those of `mapping` first, in its order, then the others.

    `mapping` has the series of all Images: those of the first OME-XML, then what further ones name, then what has
    NGFF metadata only (see `parts`); its paths that could be read are among the series. `problems` has all that is
    wrong, each with its path.
    """

    uri: str
    zarr_format: ZarrFormat
    ngff_version: str | None
    series: tuple[Series, ...]
    plates: tuple[Plate, ...]
    sources: tuple[MetadataSource, ...]
    mapping: SeriesMapping
    problems: tuple[Problem, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """The names that OME-XML gives to series, by their paths."""
        described = [source for source in reversed(self.sources) if source.summary]
        return {
            path: image.name
            for source in described
            for path, image in zip(source.mapping.paths, source.summary.images if source.summary else (), strict=False)
        }

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid any use of the layout beyond looking at it."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is odd and stops nothing."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def mapped_series(self) -> tuple[Series, ...]:
        """The series in the order of the images of `mapping`; raises LayoutError with all errors."""
        if self.errors:
            raise LayoutError.of(self.errors)
        by_path = {series.path: series for series in self.series}
        return tuple(by_path[path] for path in self.mapping.paths)
