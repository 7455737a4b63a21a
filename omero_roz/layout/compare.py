"""What contradicts the OME-XML: count, sizes, pixel types, physical sizes and places on plates, all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from omero_roz.layout.documents import Documents
from omero_roz.layout.lengths import metres
from omero_roz.layout.model import MetadataSource, OmeImage, Plate, Series, SeriesMapping
from omero_roz.layout.parts import parts_of

_FIX = "give --mapping FILE, or convert again"


def compare(documents: Documents, source: MetadataSource, series: Mapping[str, Series]) -> None:
    """Notes every difference between the images of an OME-XML and the series they are mapped to."""
    if source.summary is None:
        return
    paths, images = source.mapping.paths, source.summary.images
    if len(paths) != len(images):
        documents.problem(
            source.path,
            f"it has {len(images)} Images, but the mapping ({source.mapping.rule}) names {len(paths)} series",
            _FIX,
        )
        return
    if len(images) > 1 and all(path in series for path in paths):
        _compare_order(documents, source, [series[path].name for path in paths])
    for position, (path, image) in enumerate(zip(paths, images, strict=True)):
        if path in series:
            _compare_image(documents, series[path], image, f"Image {position} ({image.name!r}) of {source.path}")


def _compare_order(documents: Documents, source: MetadataSource, found: list[str]) -> None:
    """Warns where names speak against the order, or nothing states it: images of the same sizes could be mixed up.

    Only a warning, for names are no proof: bioformats2raw writes wrong ones with `--series`.
    """
    assert source.summary is not None
    stated = [image.name for image in source.summary.images]
    distinct = len(set(stated)) == len(stated)
    if distinct and stated != found and sorted(stated) == sorted(found):
        first = next(n for n, (ours, theirs) in enumerate(zip(found, stated, strict=True)) if ours != theirs)
        what = (
            f"the mapping ({source.mapping.rule}) gives Image {first} ({stated[first]!r}) the series "
            f"{source.mapping.paths[first]}, which the Zarr calls {found[first]!r}: the same names in another order"
        )
        documents.warning(source.path, what, "look at the images; if the Zarr's names are right, give --mapping FILE")
    elif (
        source.mapping.rule == "plate"
        and not any(plate.wells for plate in source.summary.plates)
        and not (distinct and stated == found)
    ):
        what = "it has no plate, so its Images are taken for the Zarr's fields, row by row: nothing states it"
        documents.warning(source.path, what, "look at the images; if they are mixed up, give --mapping FILE")


def _compare_image(documents: Documents, series: Series, image: OmeImage, shown: str) -> None:
    if image.sizes is None:
        documents.problem(series.path, f"{shown} has no sizes", "restore the XML or convert again")
    elif image.sizes != series.sizes:
        stated, found = str(image.sizes), str(series.sizes)
        what = f"its size is {found}, but {stated} in {shown}"
        documents.contradiction(series.path, what, _FIX, image.name, "sizes", stated, found)
    if series.pixel_type and image.pixel_type != series.pixel_type:
        stated, found = str(image.pixel_type), series.pixel_type
        what = f"its pixel type is {found}, but {stated} in {shown}"
        documents.contradiction(series.path, what, _FIX, image.name, "pixel type", stated, found)
    _compare_lengths(documents, series, image, shown)


def _compare_lengths(documents: Documents, series: Series, image: OmeImage, shown: str) -> None:
    """Warns of physical sizes that differ by more than what rounding does; the XML's are the ones to use."""
    for axis in ("x", "y", "z"):
        ngff, ome = getattr(series.physical_size, axis), getattr(image.physical_size, axis)
        ours, theirs = metres(ngff), metres(ome)
        if ours is not None and theirs is not None and not math.isclose(ours, theirs, rel_tol=1e-3):
            documents.warning(
                series.path,
                f"the size of a pixel in {axis} is {ngff.value:g} {ngff.unit}, "
                f"but {ome.value:g} {ome.unit} in {shown}; the XML's is used",
            )


def compare_sources(documents: Documents, sources: Sequence[MetadataSource], mapping: SeriesMapping) -> None:
    """Warns of images that several OME-XMLs describe: only the first of them counts."""
    whole = {part.source.path for part in parts_of(sources, mapping.paths) if part.source and part.is_whole}
    for source in sources:
        if source.summary and source.path not in whole:
            what = "images that it describes are also described by an earlier metadata source, whose metadata are used"
            documents.warning(source.path, what, "let each image be named by one OME-XML")


def compare_plates(
    documents: Documents, sources: Sequence[MetadataSource], plates: Sequence[Plate], mapping: SeriesMapping
) -> None:
    """Notes images that are in another well than the OME-XML says, and fields that a source has left out."""
    wells = {field.path: (well.row, well.column) for plate in plates for well in plate.wells for field in well.fields}
    for source in sources:
        _compare_wells(documents, source, wells)
    if not any(source.summary for source in sources):
        return
    named = set(mapping.paths)
    for plate in plates:
        left = [path for path in plate.field_paths if path not in named]
        if left:
            more = f" and {len(left) - 1} more" if left[1:] else ""
            documents.problem(left[0], f"this field{more} of the plate is no Image of the OME-XML", _FIX)


def _compare_wells(documents: Documents, source: MetadataSource, wells: Mapping[str, tuple[int, int]]) -> None:
    if source.summary is None:
        return
    described = zip(source.mapping.paths, source.summary.images, strict=False)
    images = {image.id: (path, image.name) for path, image in described}
    for well in (well for plate in source.summary.plates for well in plate.wells):
        for path, name in (images[image] for image in well.images if image in images):
            place = wells.get(path)
            if place is not None and place != (well.row, well.column):
                stated, found = (f"row {row}, column {column}" for row, column in ((well.row, well.column), place))
                what = f"it is in {found}, but its Image in {stated} in {source.path}"
                documents.contradiction(path, what, _FIX, name, "well", stated, found)
