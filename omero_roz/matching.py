"""Which series is which OMERO image, with everything that contradicts it at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import Fileset, OmeroImage
from omero_roz.layout.model import Series, ZarrLayout


@dataclass(frozen=True, slots=True)
class Pair:
    """An OMERO image and the series that holds its pixels."""

    image: OmeroImage
    series: Series


@dataclass(frozen=True, slots=True)
class Difference:
    """What an image is in OMERO and what its series is in the Zarr, as shown in the table of a refusal."""

    image_id: int | None
    name: str
    path: str
    what: str
    omero: str
    zarr: str


class Mismatch(Refused):
    """The Zarr is not the fileset's: `differences` has every one."""

    differences: tuple[Difference, ...] = ()


def match_fileset(fileset: Fileset, layout: ZarrLayout) -> tuple[Pair, ...]:
    """Match the images of a fileset with the series of a layout, in the order of image.series.

    Raises Mismatch where the number of images, sizes, pixel type or number of channels differ, LayoutError where the
    layout itself is wrong.
    """
    series = layout.mapped_series()
    differences = [*_count(fileset, series)]
    for image, one in zip(fileset.images, series, strict=False):
        differences += _differences(image, one)
    if differences:
        raise _mismatch(fileset, layout, differences)
    return tuple(Pair(image, one) for image, one in zip(fileset.images, series, strict=True))


def _count(fileset: Fileset, series: tuple[Series, ...]) -> Iterator[Difference]:
    for image in fileset.images[len(series) :]:
        yield Difference(image.id, image.name, "", "series", _shape(image), "no such series")
    for one in series[len(fileset.images) :]:
        yield Difference(None, "", one.path, "image", "no such image", str(one.sizes))


def _differences(image: OmeroImage, series: Series) -> Iterator[Difference]:
    def differ(what: str, omero: object, zarr: object) -> Iterator[Difference]:
        if omero != zarr:
            yield Difference(image.id, image.name, series.path, what, str(omero), str(zarr))

    yield from differ("sizes", image.sizes, series.sizes)
    yield from differ("pixel type", image.pixel_type, series.pixel_type)
    yield from differ("channels", image.channels, series.sizes.c)


def _shape(image: OmeroImage) -> str:
    return f"{image.sizes} {image.pixel_type}"


def _mismatch(fileset: Fileset, layout: ZarrLayout, differences: list[Difference]) -> Mismatch:
    error = Mismatch.of(
        Problem(f"Fileset:{fileset.id}", f"{d.what} of {_named(d)}: {d.omero} in OMERO, {d.zarr} in {layout.uri}")
        for d in differences
    )
    error.differences = tuple(differences)
    return error


def _named(difference: Difference) -> str:
    named = f"Image:{difference.image_id}" if difference.image_id is not None else "no image"
    return f"{named} (series {difference.path})" if difference.path else named
