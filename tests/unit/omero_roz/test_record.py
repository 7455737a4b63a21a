"""The record: what is written is what is read, and what cannot be read is said so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo
from omero_roz.record import ImageRecord, Record, from_json

ids = st.integers(min_value=0, max_value=2**63 - 1)
infos = st.none() | st.builds(ExternalInfo, st.text(), ids, st.none() | st.text(), st.none() | st.text())
images = st.builds(ImageRecord, ids, st.text(), ids, ids, infos, infos)
texts = st.text()
records = st.builds(
    Record, texts, texts, texts, texts, texts, texts, texts, st.none() | ids, st.lists(images).map(tuple)
)


@given(records)
def test_what_is_written_is_read_back(record: Record) -> None:
    assert from_json(record.to_json(), "Fileset:1") == record


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": 1, "images": [1]}', "[]", "null", '{"format": 1}', '{"format": "x", "images": []}']
)
def test_a_record_edited_by_hand_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="Fileset:1"):
        from_json(text, "Fileset:1")


def test_a_record_of_a_later_version_says_which() -> None:
    later = {"format": 99, "version": "9.9", "images": []}
    with pytest.raises(Refused, match=r"omero-roz 9\.9"):
        from_json(json.dumps(later), "Fileset:1")
