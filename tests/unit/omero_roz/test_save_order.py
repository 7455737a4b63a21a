"""What is saved together goes so that OMERO has met no row before it comes."""

from typing import Any

import omero.clients  # noqa: F401 (fills omero.model)
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omero.model import (
    DatasetI,
    DatasetImageLinkI,
    FolderI,
    ImageI,
    InstrumentI,
    LaserI,
    LightSettingsI,
    ObjectiveI,
    ObjectiveSettingsI,
    PixelsI,
    RectangleI,
    RoiI,
    WellSampleI,
)

from omero_roz.ports.omero.save_order import by_itself, referred_first, to_save


def of(made: Any, **values: Any) -> Any:
    for name, value in values.items():
        setattr(made, f"_{name}", value)
    return made


@pytest.mark.parametrize(
    "objects",
    [
        lambda: (of(DatasetImageLinkI(), parent=DatasetI(5, False), child=ImageI()), DatasetI(5, True)),
        lambda: (of(ImageI(7, True), instrument=InstrumentI(5, False)), InstrumentI(5, True)),
        lambda: (of(LightSettingsI(), lightSource=LaserI(5, False)), LaserI(5, True)),
        lambda: (
            of(ImageI(), objectiveSettings=of(ObjectiveSettingsI(), objective=ObjectiveI(5, False))),
            ObjectiveI(5, True),
        ),
    ],
    ids=["link", "row", "subclass", "deep"],
)
def test_a_row_goes_before_what_leads_to_it(objects: Any) -> None:
    first, second = objects()
    assert to_save([first, second]) == to_save([second, first]) == [second, first]


def test_rows_that_are_saved_with_others_are_not_named() -> None:
    one, other, third = FolderI(1, True), FolderI(2, True), FolderI(3, True)
    one._parentFolder, other._parentFolder = other, one
    third._parentFolder = one
    assert to_save([one, other]) in ([one], [other])
    assert to_save([one, other, third]) == to_save([third, other, one]) == [third]
    assert len(referred_first([one, other, third])) == 3


def test_another_copy_of_a_row_is_named() -> None:
    inside, parent = FolderI(1, True), FolderI(2, True)
    inside._parentFolder = FolderI(2, True)
    assert to_save([inside, parent]) == [parent, inside]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=30))
def test_any_folders_inside_others(drawn: list[tuple[bool, int]]) -> None:
    made = []
    for number, (is_row, parent) in enumerate(drawn):
        inside = {"parentFolder": FolderI(parent + 1, False)} if parent < number else {}
        made.append(of(FolderI(number + 1, True) if is_row else FolderI(), **inside))
    made.reverse()
    ordered = to_save(made)
    assert sorted(map(id, ordered)) == sorted(map(id, made))
    seen: set[int] = set()
    for folder in ordered:
        assert folder.id is None or folder.id.val not in seen
        if folder._parentFolder is not None:
            seen.add(folder._parentFolder.id.val)


def test_a_field_of_a_well_is_saved_with_its_image_and_before_what_leads_to_it() -> None:
    image, pixels = ImageI(1, True), of(PixelsI(2, True), image=ImageI(1, False))
    field = of(WellSampleI(3, True), image=ImageI(1, False))
    assert to_save([pixels, image, field]) == to_save([field, image, pixels]) == [field, pixels]
    assert field.image is image


def test_a_row_by_itself_leads_to_nothing_loaded() -> None:
    image = ImageI(1, True)
    image.addWellSample(WellSampleI(2, True))
    assert not by_itself(image).isWellSamplesLoaded()
    shape = by_itself(of(RectangleI(3, True), roi=RoiI(4, True)))
    assert (shape.roi.id.val, shape.roi.isLoaded()) == (4, False)
