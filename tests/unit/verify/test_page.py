"""The page of a comparison, in a browser."""

from pathlib import Path

from omero_roz.cli import page
from omero_roz.metadata import Node
from omero_roz.verify.completeness import compare
from tests.support.browser import shown
from tests.support.whole_model import WHOLE
from tests.unit.verify.test_compare import compared

PHONE = 360


def test_a_phone_shows_all_of_it_without_scrolling_aside(tmp_path: Path) -> None:
    result = compared(WHOLE, WHOLE.replace('PhysicalSizeX="650"', 'PhysicalSizeX="651"'))
    seen = shown(page.completeness(result), tmp_path, PHONE)
    assert seen["width"] <= seen["window"] <= PHONE
    assert f"1 of {result.whole.of_a} fields are lost" in seen["text"]
    assert "650 nm" in seen["text"] and "651 nm" in seen["text"]
    for score in result.scores():
        assert score.group in seen["text"]
    assert "Image/Pixels/Channel/logicalChannel/emissionWave" in seen["text"]
    assert seen["links"] == 0  # it needs no other file


def test_a_complete_one_says_so(tmp_path: Path) -> None:
    seen = shown(page.completeness(compared(WHOLE, WHOLE)), tmp_path, PHONE)
    assert "Nothing is lost" in seen["text"] and "100 %" in seen["text"]


def test_names_from_files_are_text_and_long_ones_are_broken(tmp_path: Path) -> None:
    name = "<script>document.body.innerText = 'taken over'</script>" + "n" * 500
    tree = Node("Image", {"name": name})
    seen = shown(page.completeness(compare(tree, Node("Image"), (name, "b"))), tmp_path, PHONE)
    assert "taken over'</script>" in seen["text"]
    assert seen["width"] <= seen["window"]
