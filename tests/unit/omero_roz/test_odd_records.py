"""Any text is a record or is refused in one line, and what is read is written the same."""

import json
from dataclasses import astuple

from hypothesis import given, settings

from omero_roz.errors import Refused
from omero_roz.ports.omero.fill_record import read_fill
from omero_roz.record import from_json
from tests.support.odd_records import texts, whole


@settings(max_examples=2000, deadline=None)
@given(texts(whole()))
def test_any_text(text: str) -> None:
    try:
        read = from_json(text, "Fileset:9")
    except Refused as error:
        assert "Fileset:9" in str(error) and "\n" not in str(error) and len(str(error)) < 500
        return
    read.to_json().encode()
    assert from_json(read.to_json(), "Fileset:9") == read


def test_a_whole_one() -> None:
    read = from_json(json.dumps(whole()), "Fileset:9")
    assert json.loads(read.to_json()) == whole()


FILL = {
    "format": 1, "object": "Image:1", "from": "x.ome.xml", "user": "u", "when": "w", "version": "0.1", "fields": 4,
    "made": {"Objective": 1},
    "put": [
        ["Image", 1, "name", "a", "b"],
        ["Pixels", 2, "physicalSizeX", None, {"quantity": "Length", "value": 1.5, "unit": "MICROMETER"}],
        ["Image", 1, "instrument", None, {"kind": "Instrument", "id": "new"}],
        ["MapAnnotation", 3, "mapValue", {"pairs": [["a", "b"]]}, None],
    ],
}  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(texts(FILL))
def test_any_text_of_a_fill(text: str) -> None:
    try:
        read_fill("Image:1", 5, 6, text)
    except Refused as error:
        assert "Image:1" in str(error) and "\n" not in str(error) and len(str(error)) < 500


def test_a_whole_fill() -> None:
    read = read_fill("Image:1", 5, 6, json.dumps(FILL))
    assert [list(astuple(one)) for one in read.puts] == FILL["put"]
