"""What is written down of a message that an OMERO raised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.ports.omero.trace import scrubbed


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Cannot find session 0f3b2c5e-aaaa-4bbb-8ccc-0123456789AB\n  at Foo.java",
            "Cannot find session <uuid> at Foo.java",
        ),
        ("cannot open s3://KEY:SECRET@host/bucket/a.zarr", "cannot open s3://…@host/bucket/a.zarr"),
        ("at https://host/a.zarr?X-Amz-Signature=abc&b=c it", "at https://host/a.zarr?X-Amz-Signature=…&b=c it"),
        ("why? because", "why? because"),
    ],
)
def test_what_opens_a_door_is_left_out(said: str, told: str) -> None:
    assert scrubbed(said) == told


@given(st.text(), st.uuids(), st.text())
def test_no_uuid_whatever_is_around_it(before: str, secret: object, after: str) -> None:
    assert str(secret) not in scrubbed(f"{before}{secret}{after}")
