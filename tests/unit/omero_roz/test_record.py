"""The record: what is written is what is read, and what cannot be read is said so."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo, PixelsFile
from omero_roz.record import KINDS, STATES, ImageRecord, Record, from_json

ids = st.integers(min_value=0, max_value=2**63 - 1)
series = st.integers(min_value=0, max_value=2**31 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=255)
maybe = st.none() | texts
infos = st.none() | st.builds(ExternalInfo, texts, ids, maybe, maybe, st.none() | ids)
files = st.none() | st.builds(PixelsFile, maybe, maybe, maybe)
images = st.builds(ImageRecord, ids, texts, series, series, infos, infos, files, files)
records = st.builds(
    Record, st.sampled_from(KINDS), st.sampled_from(STATES), texts, texts, texts, texts, texts, st.none() | ids,
    st.lists(images, unique_by=lambda image: image.id).map(tuple), run=maybe,
)  # fmt: skip


@given(records)
def test_what_is_written_is_read_back(record: Record) -> None:
    read = from_json(record.to_json(), "Fileset:1")
    assert read == record
    assert [image.binding_before and image.binding_before.row for image in read.images] == [
        image.binding_before and image.binding_before.row for image in record.images
    ]


def test_a_record_of_the_first_format_is_read() -> None:
    """As 34bfdff wrote it: no rows of ExternalInfo."""
    info = {"entity_type": "com.glencoesoftware.ngff:multiscales", "entity_id": 3, "lsid": "/z/0", "uuid": None}
    image = {"id": 3, "path": "0", "series_before": 1, "series": 0, "binding_before": info, "binding": None,
             "pixels_before": {"path": "a", "name": "b", "repo": "c"}, "pixels": None}  # fmt: skip
    first = {
        "kind": "replace", "state": "proven", "uri": "/z", "binding": "external-info", "user": "u", "when": "w",
        "version": "0.1.0", "source": 5, "images": [image], "shared": [],
        "check": {"before": {"check": "sample", "planes": 3}}, "run": None, "format": 1,
    }  # fmt: skip
    read = from_json(json.dumps(first), "Fileset:1")
    assert read.images[0].binding_before == ExternalInfo(**info) and read.images[0].binding_before.row is None
    assert read.images[0].pixels_before == PixelsFile("a", "b", "c")


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
