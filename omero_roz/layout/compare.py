"""What contradicts the OME-XML: count, sizes, pixel types and physical sizes, all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

from omero_roz.layout.documents import Documents
from omero_roz.layout.lengths import metres
from omero_roz.layout.model import MetadataSource, OmeImage, Series

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
    for position, (path, image) in enumerate(zip(paths, images, strict=True)):
        if path in series:
            _compare_image(documents, series[path], image, f"Image {position} ({image.name!r}) of {source.path}")


def _compare_image(documents: Documents, series: Series, image: OmeImage, shown: str) -> None:
    if image.sizes is None:
        documents.problem(series.path, f"{shown} has no sizes", "restore the XML or convert again")
    elif image.sizes != series.sizes:
        documents.problem(series.path, f"its size is {series.sizes}, but {image.sizes} in {shown}", _FIX)
    if series.pixel_type and image.pixel_type != series.pixel_type:
        documents.problem(
            series.path, f"its pixel type is {series.pixel_type}, but {image.pixel_type} in {shown}", _FIX
        )
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
