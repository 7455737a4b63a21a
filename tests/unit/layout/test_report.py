"""The JSON of inspect: every field is documented, and what is documented is there."""

import json
import re
from pathlib import Path
from typing import Any

from omero_roz.layout.reading import read_layout
from omero_roz.layout.report import missing_wells, to_json
from tests.unit.layout.trees import SPACE_AXES, Tree, array, image, ome_image, plate, xml

DOCUMENT = Path(__file__).parents[3] / "docs" / "inspect-json.md"

CHANNEL = {"label": "DAPI", "color": "0000ff", "window": {"start": 1, "end": 9, "min": 0, "max": 255}, "lut": "ice.lut"}


def full_layout() -> Tree:
    """A plate with everything that the form has a place for."""
    files = plate("", {"A/1": ["0"]}, acquisitions=[{"id": 3}], field_count=1, rows=[{"name": "A"}])
    files |= image("A/1/0", (4, 6), axes=SPACE_AXES) | xml(ome_image(pixel_type="int8"))
    files["A/1/0/.zattrs"]["omero"] = {"channels": [CHANNEL], "rdefs": {"model": "color", "defaultZ": 2}}
    return Tree(files | {"A/1/0/0/.zarray": array((4, 6), compressor={"id": "zstd"})})


def fields(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(fields, value))
    return set(value).union(*map(fields, value.values())) if isinstance(value, dict) else set()


def test_every_field_is_documented_and_nothing_else() -> None:
    document = json.loads(json.dumps(to_json(read_layout(full_layout()))))
    words = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text()))
    other = {"null", "plate", "groups", "root", "omero", "error", "warning", "sizes", "well", "z", "c", "t"}
    assert words - other == fields(document) - other


def test_the_values() -> None:
    document = json.loads(json.dumps(to_json(read_layout(full_layout()))))
    series = document["series"][0]
    assert series["sizes"] == {"x": 6, "y": 4, "z": 1, "c": 1, "t": 1}
    assert series["physical_size"] == {"y": {"value": 1.0, "unit": "micrometer"}}
    assert series["channels"][0] == {
        "label": "DAPI", "color": "0000FF", "window": {"start": 1.0, "end": 9.0, "minimum": 0.0, "maximum": 255.0},
        "active": True, "inverted": False, "family": None, "coefficient": None, "lut": "ice.lut",
    }  # fmt: skip
    assert series["rendering"] == {"model": "color", "default_z": 2, "default_t": None}
    assert document["mapping"] == {"rule": "plate", "paths": ["A/1/0"]}
    assert document["sources"][0]["images"][0]["name"] == "one"
    assert [problem["severity"] for problem in document["problems"]] == ["warning", "error"]


def test_missing_wells() -> None:
    layout = read_layout(Tree(plate("", {"A/2": ["0"]}, rows=[{"name": "A"}], columns=[{"name": n} for n in "123"])))
    assert missing_wells(layout.plates[0]) == ((0, 0), (0, 2))
