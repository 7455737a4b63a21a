"""What of a graph is saved in one transaction."""

import pytest
from omero.model import ImageI, WellI, WellSampleI

from ome_graph import Graph
from omero_roz.errors import UsageError
from omero_roz.ports.omero.new_images import Unit, in_batches, units
from omero_roz.ports.omero.targets import TargetName, parse_target


def made(images: int, *wells: tuple[int, ...]) -> Graph:
    all_images = tuple(ImageI() for _ in range(images))
    all_wells = []
    for places in wells:
        well = WellI()
        for place in places:
            sample = WellSampleI()
            sample.image = all_images[place]
            well.addWellSample(sample)
        all_wells.append(well)
    return Graph((), all_images, tuple(all_wells))


def test_wells_by_themselves_and_plain_images_last() -> None:
    assert units(made(4, (1, 0), (3,))) == [Unit((0,), (1, 0)), Unit((1,), (3,)), Unit((), (2,))]


def test_wells_that_share_an_image_stay_together() -> None:
    assert units(made(5, (0,), (1,), (2, 0), (3, 1, 2))) == [Unit((1, 0, 2, 3), (1, 0, 2, 3)), Unit((), (4,))]


def test_a_well_without_images_goes_with_its_neighbour() -> None:
    assert units(made(2, (), (0,), (), (1,))) == [Unit((0, 1, 2), (0,)), Unit((3,), (1,))]


def test_batches_hold_whole_units() -> None:
    all_units = units(made(11, (0, 1, 2), (3, 4, 5), (6, 7, 8, 9, 10)))
    assert [[len(unit.images) for unit in batch] for batch in in_batches(all_units, 4)] == [[3], [3], [5]]
    assert [[len(unit.images) for unit in batch] for batch in in_batches(all_units, 11)] == [[3, 3, 5]]


def test_the_first_of_several_batches_is_small() -> None:
    sizes = [sum(len(unit.images) for unit in batch) for batch in in_batches([Unit((), (n,)) for n in range(40)], 16)]
    assert sizes == [2, 16, 16, 6]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dataset:5", TargetName("Dataset", 5)),
        ("Screen:id:5", TargetName("Screen", 5)),
        ("Dataset:name:a:b c", TargetName("Dataset", None, "a:b c", "+")),
        ("Project:@name:x", TargetName("Project", None, "x", "@")),
    ],
)
def test_targets_as_omero_import_names_them(text: str, expected: TargetName) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["5", "Dataset:", "Dataset:x", "Image:1", "Dataset:*name:x", "Dataset:name:"])
def test_what_is_no_target(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)
