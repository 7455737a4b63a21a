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
)

from omero_roz.ports.omero.save_order import referred_first


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
    assert referred_first([first, second]) == referred_first([second, first]) == [second, first]


def test_rows_that_lead_to_each_other_are_kept() -> None:
    one, other = FolderI(1, True), FolderI(2, True)
    one._parentFolder, other._parentFolder = other, one
    assert {id(made) for made in referred_first([one, other])} == {id(one), id(other)}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=30))
def test_any_folders_inside_others(drawn: list[tuple[bool, int]]) -> None:
    made = []
    for number, (is_row, parent) in enumerate(drawn):
        inside = {"parentFolder": FolderI(parent + 1, False)} if parent < number else {}
        made.append(of(FolderI(number + 1, True) if is_row else FolderI(), **inside))
    made.reverse()
    ordered = referred_first(made)
    assert sorted(map(id, ordered)) == sorted(map(id, made))
    seen: set[int] = set()
    for folder in ordered:
        assert folder.id is None or folder.id.val not in seen
        if folder._parentFolder is not None:
            seen.add(folder._parentFolder.id.val)
