"""Which series is which OMERO image, with everything that contradicts it at once.

Decided by the user's mapping file where one is given; else, on plates, by plate, well and field; else by the order of
image.series. What it says is then looked at: sizes, pixel type, channels, and that nothing is left over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omero_roz.errors import Problem, Refused, UsageError
from omero_roz.fileset import Fileset, OmeroImage
from omero_roz.layout.model import Plate, Series, SeriesMapping, ZarrLayout


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


@dataclass(frozen=True, slots=True)
class Proposal:
    """Another order in which all agrees: the path of each image's series, as a mapping file has it.

    `certain` is False where several images are alike and only their order was kept, or series are left over.
    """

    paths: tuple[str, ...]
    certain: bool


class Mismatch(Refused):
    """The Zarr is not the fileset's: `differences` has every one, `proposal` an order in which there were none."""

    differences: tuple[Difference, ...] = ()
    proposal: Proposal | None = None


Candidate = tuple[OmeroImage | None, Series | None]


def match_fileset(fileset: Fileset, layout: ZarrLayout, mapping: SeriesMapping | None = None) -> tuple[Pair, ...]:
    """Match the images of a fileset with the series of a layout; the pairs are in the order of the images.

    `mapping` names the series of each image. Raises Mismatch where anything differs, LayoutError where the layout
    itself is wrong, UsageError where the mapping names what is not there.
    """
    by_place = mapping is None and bool(layout.plates) and any(image.place for image in fileset.images)
    if by_place:
        candidates = _by_place(fileset, layout)
    else:
        candidates = _by_order(fileset.images, _series_in_order(layout, mapping))
    differences = [d for image, series in candidates for d in _differences(image, series)]
    if differences:
        raise _mismatch(fileset, layout, differences, None if by_place else propose(fileset, layout))
    found = {image.id: series for image, series in candidates if image is not None and series is not None}
    return tuple(Pair(image, found[image.id]) for image in fileset.images)


def _series_in_order(layout: ZarrLayout, mapping: SeriesMapping | None) -> tuple[Series, ...]:
    mapped = layout.mapped_series()  # raises with all that is wrong
    if mapping is None:
        return mapped
    by_path = {series.path: series for series in layout.series}
    unknown = [path for path in mapping.paths if path not in by_path]
    if unknown:
        what = f"it names {', '.join(unknown[:5])}, which {layout.uri} does not have"
        raise UsageError(what, "--mapping", "omero roz inspect shows the paths")
    return tuple(by_path[path] for path in mapping.paths)


def _by_order(images: Sequence[OmeroImage], series: Sequence[Series]) -> list[Candidate]:
    longest = max(len(images), len(series))
    return [(images[n] if n < len(images) else None, series[n] if n < len(series) else None) for n in range(longest)]


def _by_place(fileset: Fileset, layout: ZarrLayout) -> list[Candidate]:
    """Images on plates with the fields of the same well, by their place in it; the others by their order."""
    mapped = layout.mapped_series()
    by_path = {series.path: series for series in layout.series}
    fields = {place: by_path[path] for n, plate in enumerate(layout.plates) for place, path in _fields(n, plate)}
    plates = list(dict.fromkeys(image.place.plate for image in fileset.images if image.place))
    placed = {
        (plates.index(i.place.plate), i.place.row, i.place.column, i.place.field): i for i in fileset.images if i.place
    }
    in_wells = {path for plate in layout.plates for path in plate.field_paths}
    others = [image for image in fileset.images if not image.place]
    plain = [series for series in mapped if series.path not in in_wells]
    everywhere = sorted(placed.keys() | fields.keys())
    return [(placed.get(place), fields.get(place)) for place in everywhere] + _by_order(others, plain)


def _fields(number: int, plate: Plate) -> Iterator[tuple[tuple[int, int, int, int], str]]:
    for well in plate.wells:
        for position, field in enumerate(well.fields):
            yield (number, well.row, well.column, position), field.path


def _differences(image: OmeroImage | None, series: Series | None) -> Iterator[Difference]:
    if image is None or series is None:
        if series is not None:
            yield Difference(None, "", series.path, "image", "no such image", _shape_of(series))
        elif image is not None:
            yield Difference(image.id, image.name, "", "series", _shape(image), f"no such {_place(image)}")
        return
    for what, omero, zarr in zip(("sizes", "pixel type", "channels"), _look(image), _looks(series), strict=True):
        if omero != zarr:
            yield Difference(image.id, image.name, series.path, what, str(omero), str(zarr))


def _look(image: OmeroImage) -> tuple:
    return image.sizes, image.pixel_type, image.channels


def _looks(series: Series) -> tuple:
    return series.sizes, series.pixel_type, series.sizes.c


def _shape(image: OmeroImage) -> str:
    return f"{image.sizes} {image.pixel_type}"


def _shape_of(series: Series) -> str:
    return f"{series.sizes} {series.pixel_type}"


def _place(image: OmeroImage) -> str:
    if image.place is None:
        return "series"
    return f"field (row {image.place.row}, column {image.place.column}, field {image.place.field}, from 0)"


def _mismatch(
    fileset: Fileset, layout: ZarrLayout, differences: Sequence[Difference], proposal: Proposal | None
) -> Mismatch:
    error = Mismatch.of(
        Problem(f"Fileset:{fileset.id}", f"{d.what} of {_named(d)}: {d.omero} in OMERO, {d.zarr} in {layout.uri}")
        for d in differences
    )
    error.differences = tuple(differences)
    error.proposal = proposal
    return error


def propose(fileset: Fileset, layout: ZarrLayout) -> Proposal | None:
    """The series of each image where sizes, types and channels agree, None where one finds none; some may be left over.

    Among those that are alike a series goes to the image of its name in the OME-XML, else they keep their order.
    """
    series = layout.mapped_series()
    names, alike = layout.names, dict[tuple, list[Series]]()
    for one in series:
        alike.setdefault(_looks(one), []).append(one)
    known, found, certain = set(names.values()), dict[int, Series](), len(series) == len(fileset.images)
    for image in sorted(fileset.images, key=lambda image: image.name not in known):
        left = alike.get(_look(image))
        if not left:
            return None
        namesakes = [one for one in left if names.get(one.path) == image.name]
        certain = certain and (len(left) == 1 or len(namesakes) == 1)
        found[image.id] = (namesakes or left)[0]
        left.remove(found[image.id])
    return Proposal(tuple(found[image.id].path for image in fileset.images), certain)


def _named(difference: Difference) -> str:
    named = f"Image:{difference.image_id}" if difference.image_id is not None else "no image"
    return f"{named} (series {difference.path})" if difference.path else named
