"""Any text is a record or is refused in one line, and what is read is written the same."""

import json

from hypothesis import given, settings

from omero_roz.errors import Refused
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
