"""Two trees of metadata compared field by field."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from omero_roz.metadata import Node, Term, same
from omero_roz.ports.omero import ome_objects
from omero_roz.ports.omero.model_tree import tree
from omero_roz.verify.completeness import Completeness, compare
from tests.support.whole_model import WHOLE


def tree_of(xml: str) -> Node:
    return tree(ome_objects.objects(xml, "test"), ome_objects.term)


def compared(a: str, b: str) -> Completeness:
    return compare(tree_of(a), tree_of(b), ("a", "b"))


def states(result: Completeness) -> dict[str, str]:
    return {field.path: field.state for field in result.fields if field.state != "equal"}


def test_the_whole_model_equals_itself() -> None:
    result = compared(WHOLE, WHOLE)
    assert result.complete
    assert result.whole.equal > 200
    assert {score.percent for score in result.scores()} == {100.0}


@pytest.mark.parametrize(
    "stated, other",
    [
        ('PhysicalSizeX="650" PhysicalSizeXUnit="nm"', 'PhysicalSizeX="0.65" PhysicalSizeXUnit="µm"'),
        ('TimeIncrement="2" TimeIncrementUnit="min"', 'TimeIncrement="120" TimeIncrementUnit="s"'),
    ],
)
def test_units_are_compared_as_quantities(stated: str, other: str) -> None:
    assert stated in WHOLE
    assert compared(WHOLE, WHOLE.replace(stated, other)).complete


@pytest.mark.parametrize(
    "stated, other, path, group",
    [
        ('PhysicalSizeX="650"', 'PhysicalSizeX="651"', "Image[0]/Pixels/physicalSizeX", "Physical sizes"),
        (
            'ExposureTime="20"',
            'ExposureTime="21"',
            "Image[0]/Pixels/PlaneInfo[z=1 c=0 t=0]/exposureTime",
            "Exposure times",
        ),
        (
            'EmissionWavelength="525"',
            'EmissionWavelength="526"',
            "Image[0]/Pixels/Channel[0]/logicalChannel/emissionWave",
            "Wavelengths",
        ),
    ],
)
def test_a_difference_is_told_with_its_group(stated: str, other: str, path: str, group: str) -> None:
    assert stated in WHOLE
    result = compared(WHOLE, WHOLE.replace(stated, other))
    field = next(field for field in result.fields if field.path == path)
    assert (field.state, field.group) == ("different", group)
    assert not result.complete
    assert next(score for score in result.scores() if score.group == group).percent < 100


def test_what_is_lost_is_told_apart_from_what_is_more() -> None:
    less = WHOLE.replace('PhysicalSizeX="650"', "").replace('PhysicalSizeXUnit="nm"', "")
    assert states(compared(WHOLE, less)) == {"Image[0]/Pixels/physicalSizeX": "only in A"}
    more = compared(less, WHOLE)
    assert states(more) == {"Image[0]/Pixels/physicalSizeX": "only in B"}
    assert more.complete


def annotations(*texts: str) -> Node:
    return Node("OME", bags={"annotationLinks": [Node("TagAnnotation", {"textValue": text}) for text in texts]})


@given(st.lists(st.text(max_size=3), max_size=6), st.randoms())
def test_the_order_of_annotations_does_not_count(texts: list[str], chance) -> None:
    shuffled = chance.sample(texts, len(texts))
    assert compare(annotations(*texts), annotations(*shuffled), ("a", "b")).complete


@given(st.lists(st.text(max_size=2), max_size=5), st.lists(st.text(max_size=2), max_size=5))
def test_all_of_a_is_found_or_told(a: list[str], b: list[str]) -> None:
    result = compare(annotations(*a), annotations(*b), ("a", "b"))
    left = list(b)
    lost = [text for text in a if text not in left or left.remove(text)]
    assert (result.whole.of_a, result.whole.equal) == (len(a), len(a) - len(lost))
    assert result.whole.only_b == len(left)


def test_a_part_that_was_changed_is_compared_with_itself() -> None:
    one = [Node("Objective", {"model": "A", "lensNA": 1.4}), Node("Objective", {"model": "B", "lensNA": 0.5})]
    other = [Node("Objective", {"model": "B", "lensNA": 0.6}), Node("Objective", {"model": "A", "lensNA": 1.4})]
    result = compare(
        Node("Instrument", bags={"objective": one}), Node("Instrument", bags={"objective": other}), ("a", "b")
    )
    assert [(f.a, f.b) for f in result.fields if f.state == "different"] == [(0.5, 0.6)]


def test_enumerations_are_compared_by_value() -> None:
    assert same(Term("EMCCD"), Term("EM-CCD"))
    assert not same(Term("CCD"), Term("EM-CCD"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.1, 1, True, "text", ("a", "b"), Term("Oil")])
def test_any_value_can_be_written_as_json(value) -> None:
    result = compare(Node("Image", {"x": value}), Node("Image", {"x": value}), ("a", "b"))
    assert result.complete
    json.dumps(result.to_json(), allow_nan=False)


def test_never_100_percent_where_something_is_lost() -> None:
    a = Node("Image", {str(number): number for number in range(100_000)})
    b = Node("Image", {str(number): number for number in range(1, 100_000)})
    assert compare(a, b, ("a", "b")).whole.percent == 99.9


def test_the_json_is_as_its_schema_says() -> None:
    schema = json.loads((Path(__file__).parents[3] / "docs" / "completeness.schema.json").read_text("utf-8"))
    result = compared(
        WHOLE, WHOLE.replace('PhysicalSizeX="650"', 'PhysicalSizeX="651"').replace("ExposureTime=", "DeltaT=")
    )
    Draft202012Validator(schema).validate(json.loads(json.dumps(result.to_json())))


def test_what_b_only_knows_later_is_not_lost() -> None:
    statistics = Node("Channel", {}, {"statsInfo": Node("StatsInfo", {"globalMin": 1.0, "globalMax": 9.0})})
    a = Node("OME", {}, {"Pixels": Node("Pixels", {"sha1": "ab", "sizeX": 3}, {"Channel[0]": statistics})})
    later = Node("Channel", waiting=frozenset({"statsInfo"}))
    b = Node("OME", {}, {"Pixels": Node("Pixels", {"sizeX": 3}, {"Channel[0]": later}, waiting=frozenset({"sha1"}))})
    result = compare(a, b, ("a", "b"))
    assert {field.path for field in result.fields if field.state == "not yet in B"} == {
        "Pixels/sha1", "Pixels/Channel[0]/statsInfo/globalMin", "Pixels/Channel[0]/statsInfo/globalMax",
    }  # fmt: skip
    assert (result.complete, result.whole.percent, result.whole.not_yet, result.lost) == (True, 100, 3, [])
    assert not compare(a, Node("OME", {}, {"Pixels": Node("Pixels", {"sizeX": 3})}), ("a", "b")).complete
