"""What is filled and what is left: nothing that is there is changed, nothing of another thing is taken."""

from types import SimpleNamespace
from typing import Any

import pytest

from omero_roz.errors import Refused
from omero_roz.metadata import Node, Quantity, Term, Value
from omero_roz.verify.completeness import compare
from omero_roz.verify.filling import Filling, plan

NAMES = ("Image:1", "rich.ome.xml")
SIZES = {"sizeX": 4, "sizeY": 3, "sizeZ": 1, "sizeC": 1, "sizeT": 1}


def node(kind: str, values: dict[str, Value] | None = None, parts: Any = None, bags: Any = None) -> Node:
    return Node(kind, values or {}, parts or {}, bags or {}, SimpleNamespace())


def image(values: Any = None, pixels: Any = None, parts: Any = None, bags: Any = None) -> Node:
    inside = node("Pixels", SIZES | (pixels or {}))
    return node("Image", values, {"Pixels": inside} | (parts or {}), bags)


def ome(*images: Node, **others: Node) -> Node:
    return node("OME", {}, {f"Image[{n}]": one for n, one in enumerate(images)} | others)


def filled(a: Node, b: Node) -> tuple[set[str], Filling]:
    made = plan(a, b, NAMES)
    return {field.path for field in made.fields}, made


def nm(value: float) -> Quantity:
    return Quantity(value, "nm", value * 1e-9, "METER")


def test_only_what_is_missing() -> None:
    a = ome(image({"description": "mine"}, {"physicalSizeX": nm(100)}))
    b = ome(image({"description": "theirs"}, {"physicalSizeX": nm(200), "physicalSizeY": nm(200)}))
    paths, made = filled(a, b)
    assert paths == {"Image[0]/Pixels/physicalSizeY"}
    assert made.left == []
    assert filled(b, b)[0] == set()


def test_all_that_is_filled_is_all_that_only_b_has() -> None:
    b = ome(image({"description": "x"}, {}, {"stageLabel": node("StageLabel", {"name": "s"})}))
    paths, _ = filled(ome(image()), b)
    assert paths == {field.path for field in compare(b, ome(image()), NAMES).fields if field.state == "only in A"}


@pytest.mark.parametrize("size", SIZES)
def test_other_sizes_are_another_image(size: str) -> None:
    with pytest.raises(Refused, match=size):
        plan(ome(image()), ome(image({}, {size: 9})), NAMES)


def test_another_number_of_images_is_refused() -> None:
    with pytest.raises(Refused, match="1 images"):
        plan(ome(image()), ome(image(), image()), NAMES)


def objective(**values: Value) -> Node:
    return image(parts={"objectiveSettings": node("ObjectiveSettings", {}, {"objective": node("Objective", values)})})


def test_nothing_is_taken_of_another_objective() -> None:
    paths, made = filled(ome(objective(model="10x")), ome(objective(model="63x", lensNA=1.4)))
    assert paths == set()
    assert "model is 10x, not 63x" in made.left[0].what


def test_unknown_tells_no_objective_from_another() -> None:
    mine = objective(model="63x", correction=Term("Unknown"))
    paths, made = filled(ome(mine), ome(objective(model="63x", correction=Term("PlanApo"), lensNA=1.4)))
    assert paths == {"Image[0]/objectiveSettings/objective/lensNA"}
    assert made.left == []


def logical(**values: Value) -> Node:
    channel = node("Channel", {}, {"logicalChannel": node("LogicalChannel", values)})
    return node("Image", {}, {"Pixels": node("Pixels", SIZES, {"Channel[0]": channel})})


def test_a_renamed_channel_is_filled_and_one_of_another_wavelength_is_not() -> None:
    theirs = logical(name="Ch0", excitationWave=nm(488), emissionWave=nm(509))
    paths, _ = filled(ome(logical(name="GFP, nuclei", excitationWave=nm(488))), ome(theirs))
    assert paths == {"Image[0]/Pixels/Channel[0]/logicalChannel/emissionWave"}
    paths, made = filled(ome(logical(name="GFP", excitationWave=nm(561))), ome(theirs))
    assert paths == set() and len(made.left) == 1


def test_annotations_and_rois_are_added_beside_others() -> None:
    def tagged(*texts: str) -> Node:
        tags = [node("TagAnnotation", {"textValue": text}) for text in texts]
        rois = [node("Roi", {}, {"Rectangle[0]": node("Rectangle", {"x": float(len(text))})}) for text in texts]
        return image(bags={"annotationLinks": tags, "rois": rois})

    paths, made = filled(ome(tagged("a", "ccc")), ome(tagged("ccc", "dddd")))
    assert [change.how for change in made.changes] == ["item", "item"]
    assert {path.rpartition("/")[2] for path in paths} == {"textValue", "x"}


def test_alike_detectors_are_not_taken_for_one_another() -> None:
    def with_detectors(*detectors: dict) -> Node:
        bags = {"detector": [node("Detector", values) for values in detectors]}
        return ome(image({"instrument": "Instrument[0]"}), **{"Instrument[0]": node("Instrument", {}, {}, bags)})

    a = with_detectors({"type": Term("CCD")})
    _, made = filled(a, with_detectors({"type": Term("CCD"), "model": "X"}, {"type": Term("CCD"), "model": "Y"}))
    assert [change.how for change in made.changes] == ["item", "item"]
    _, made = filled(a, with_detectors({"type": Term("CCD"), "model": "X"}))
    assert [change.how for change in made.changes] == ["value"]


def test_a_shared_row_is_split_where_channels_are_told_apart() -> None:
    row = node("LogicalChannel", {"photometricInterpretation": Term("Monochrome")})
    shared = [node("Channel", {}, {"logicalChannel": row}) for _ in range(2)]
    told = [node("Channel", {}, {"logicalChannel": node("LogicalChannel", {"name": name})}) for name in ("a", "b")]

    def of(channels: list[Node]) -> Node:
        parts = {f"Channel[{n}]": one for n, one in enumerate(channels)}
        return ome(node("Image", {}, {"Pixels": node("Pixels", SIZES, parts)}))

    _, made = filled(of(shared), of(told))
    assert [(change.how, change.target) for change in made.changes] == [("value", row.of), ("split", shared[1].of)]
