"""Matching a fileset with a layout: pairs by image.series, or every difference at once."""

from dataclasses import replace

import pytest

from omero_roz.errors import LayoutError, Problem, UsageError
from omero_roz.fileset import Fileset, OmeroImage, Owner, WellPlace
from omero_roz.layout.model import (
    Field,
    Level,
    MetadataSource,
    OmeImage,
    OmeSummary,
    Plate,
    Series,
    SeriesMapping,
    Sizes,
    Well,
    ZarrLayout,
)
from omero_roz.matching import Mismatch, Proposal, match_fileset

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


def test_a_mapping_file_names_the_series_of_each_image() -> None:
    zarr = layout(series("0"), series("1"))
    pairs = match_fileset(fileset(image(0), image(1)), zarr, SeriesMapping(("1", "0"), "mapping file"))
    assert [pair.series.path for pair in pairs] == ["1", "0"]
    with pytest.raises(UsageError, match="7, which"):
        match_fileset(fileset(image(0)), zarr, SeriesMapping(("7",), "mapping file"))


def test_another_order_in_which_all_agree_is_proposed() -> None:
    large = Sizes(16, 8)
    zarr = layout(series("0", large), series("1"), series("2", pixel_type="int8"))
    with pytest.raises(Mismatch) as refused:
        match_fileset(fileset(image(0), image(1, large), image(2, pixel_type="int8")), zarr)
    assert refused.value.proposal == Proposal(("1", "0", "2"), certain=True)
    assert refused.value.proposal
    mapping = SeriesMapping(refused.value.proposal.paths, "mapping file")
    match_fileset(fileset(image(0), image(1, large), image(2, pixel_type="int8")), zarr, mapping)


def test_no_order_is_proposed_where_none_agrees() -> None:
    with pytest.raises(Mismatch) as refused:
        match_fileset(fileset(image(0), image(1)), layout(series("0"), series("1", Sizes(9, 9))))
    assert refused.value.proposal is None


def test_what_is_alike_is_proposed_by_its_name_else_told_as_a_guess() -> None:
    large, images = Sizes(16, 8), (image(0), image(1), image(2, Sizes(16, 8)))
    zarr = layout(series("0", large), series("1"), series("2"))
    with pytest.raises(Mismatch) as refused:
        match_fileset(fileset(*images), zarr)
    assert refused.value.proposal == Proposal(("1", "2", "0"), certain=False)
    named = OmeSummary(tuple(OmeImage("", name, None, None) for name in ("", "image 1", "image 0")), ())
    source = MetadataSource("ome-xml", "OME/METADATA.ome.xml", b"", zarr.mapping, named)
    with pytest.raises(Mismatch) as refused:
        match_fileset(fileset(*images), replace(zarr, sources=(source,)))
    assert refused.value.proposal == Proposal(("2", "1", "0"), certain=True)


def on_plate(number: int, row: int, column: int, field: int = 0, plate: int = 5) -> OmeroImage:
    return replace(image(number), place=WellPlace(plate, row, column, field))


def plate(path: str, wells: dict[tuple[int, int], int]) -> Plate:
    made = tuple(
        Well(f"{path}{row}/{column}", row, column, tuple(Field(f"{path}{row}/{column}/{n}") for n in range(count)))
        for (row, column), count in sorted(wells.items())
    )
    return Plate(path, "", (), (), made)


def plate_layout(*plates: Plate) -> ZarrLayout:
    paths = [path for one in plates for path in one.field_paths]
    return replace(layout(*(series(path) for path in paths)), plates=plates)


def test_a_plate_goes_by_well_and_field_whatever_the_order() -> None:
    images = (on_plate(0, 1, 3), on_plate(1, 0, 0, 1), on_plate(2, 0, 0, 0), on_plate(3, 27, 1))
    zarr = plate_layout(plate("", {(0, 0): 2, (1, 3): 1, (27, 1): 1}))
    pairs = match_fileset(fileset(*images), zarr)
    assert [(pair.image.id, pair.series.path) for pair in pairs] == [
        (100, "1/3/0"), (101, "0/0/1"), (102, "0/0/0"), (103, "27/1/0"),
    ]  # fmt: skip


def test_two_plates_and_an_image_on_none() -> None:
    images = (on_plate(0, 0, 0, plate=9), on_plate(1, 0, 0, plate=8), image(2))
    zarr = plate_layout(plate("p/", {(0, 0): 1}), plate("q/", {(0, 0): 1}))
    paths = (*zarr.mapping.paths, "2")
    zarr = replace(zarr, series=(*zarr.series, series("2")), mapping=SeriesMapping(paths, "plate"))
    assert [pair.series.path for pair in match_fileset(fileset(*images), zarr)] == ["p/0/0/0", "q/0/0/0", "2"]


def test_wells_and_fields_that_are_not_on_both_sides() -> None:
    zarr = plate_layout(plate("", {(0, 0): 2, (1, 0): 1}))
    with pytest.raises(Mismatch) as refused:
        match_fileset(fileset(on_plate(0, 0, 0), on_plate(1, 2, 2)), zarr)
    told = {(d.image_id, d.path, d.what) for d in refused.value.differences}
    assert told == {(None, "0/0/1", "image"), (None, "1/0/0", "image"), (101, "", "series")}
    assert refused.value.proposal is None
    assert "no such field (row 2, column 2, field 0, from 0)" in str([d.zarr for d in refused.value.differences])
