"""Matching a fileset with a layout: pairs by image.series, or every difference at once."""

from dataclasses import replace

import pytest

from omero_roz.errors import LayoutError, Problem
from omero_roz.fileset import Fileset, OmeroImage, Owner
from omero_roz.layout.model import Level, Series, SeriesMapping, Sizes, ZarrLayout
from omero_roz.matching import Mismatch, match_fileset

SMALL = Sizes(8, 8)


def image(number: int, sizes: Sizes = SMALL, pixel_type: str = "uint8", channels: int = 1) -> OmeroImage:
    return OmeroImage(100 + number, f"image {number}", number, 200 + number, sizes, pixel_type, channels, None)


def series(path: str, sizes: Sizes = SMALL, pixel_type: str = "uint8") -> Series:
    level = Level(f"{path}/0", (sizes.t, sizes.c, sizes.z, sizes.y, sizes.x), (1, 1, 1, 8, 8), "|u1")
    return Series(path, "", tuple("tczyx"), sizes, pixel_type, (level,), 2)


def fileset(*images: OmeroImage) -> Fileset:
    return Fileset(7, "curator_2/2026/", Owner(2, "curator", 3), images)


def layout(*series: Series) -> ZarrLayout:
    mapping = SeriesMapping(tuple(one.path for one in series), "OME series")
    return ZarrLayout("/data/x.zarr", 2, "0.4", series, (), (), mapping)


def test_pairs_follow_the_mapping_not_the_order_of_the_groups() -> None:
    zarr = replace(layout(series("0"), series("1")), mapping=SeriesMapping(("1", "0"), "OME series"))
    pairs = match_fileset(fileset(image(0), image(1)), zarr)
    assert [(pair.image.id, pair.series.path) for pair in pairs] == [(100, "1"), (101, "0")]


def test_every_difference_is_told_at_once() -> None:
    with pytest.raises(Mismatch) as refused:
        match_fileset(
            fileset(image(0, Sizes(8, 9)), image(1, pixel_type="int8", channels=2), image(2)),
            layout(series("0"), series("1")),
        )
    told = {(d.image_id, d.what, d.omero, d.zarr) for d in refused.value.differences}
    assert told == {
        (102, "series", "8 x 8 x 1z x 1c x 1t uint8", "no such series"),
        (100, "sizes", "8 x 9 x 1z x 1c x 1t", "8 x 8 x 1z x 1c x 1t"),
        (101, "pixel type", "int8", "uint8"),
        (101, "channels", "2", "1"),
    }


def test_a_series_too_many_is_a_difference() -> None:
    with pytest.raises(Mismatch, match="no such image"):
        match_fileset(fileset(image(0)), layout(series("0"), series("1")))


def test_a_layout_with_errors_is_not_matched() -> None:
    broken = replace(layout(series("0")), problems=(Problem("0", "broken"),))
    with pytest.raises(LayoutError, match="broken"):
        match_fileset(fileset(image(0)), broken)
