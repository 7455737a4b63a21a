"""A directory is omero-roz's own if it is exactly of a form that it makes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.places import KNOWN, SHADOWS, Place

TIME = "2026-11-27_22-30-09.920613"
UNPRINTABLE = ["Cs", "Cc", "Zs", "Zl", "Zp", "Cf", "Co", "Cn"]
tops = st.text(st.characters(exclude_categories=UNPRINTABLE, exclude_characters="/"), min_size=1)
FORMS = st.sampled_from([(KNOWN, ""), (KNOWN, "Fileset-7"), (SHADOWS, "Fileset-7"), (SHADOWS, "Import-1")])


@given(tops.filter(lambda top: top not in (".", "..")), FORMS, st.datetimes())
def test_what_is_made_is_recognised(top: str, form: tuple[str, str], now: datetime) -> None:
    if now.year < 1000:
        return
    made = Place.new(top, *form, now.replace(tzinfo=UTC))
    assert Place.parse(str(made)) == made
    assert str(made).startswith(made.parent)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "a", "a/", f"a/{SHADOWS}/", f"a/{SHADOWS}/Fileset-1/", f"a/{SHADOWS}/{TIME}/", f"a/{KNOWN}/",
        f"a/{SHADOWS}/Fileset-1/..", f"a/{SHADOWS}/Fileset-1/../../", f"../{SHADOWS}/Fileset-1/{TIME}/",
        f"./{SHADOWS}/Fileset-1/{TIME}/", f"/a/{SHADOWS}/Fileset-1/{TIME}/", f"a/b/{SHADOWS}/Fileset-1/{TIME}/",
        f"a/{SHADOWS}/Fileset-1/{TIME}/..", f"a/{SHADOWS}/Fileset-1/{TIME}//", f"a/{SHADOWS}/Fileset-0/{TIME}/",
        f"a/{SHADOWS}/Fileset-01/{TIME}/", f"a/{SHADOWS}/Fileset--1/{TIME}/", f"a/{SHADOWS}/Other-1/{TIME}/",
        f"a/{KNOWN}/Import-1/{TIME}/", f"a/{SHADOWS}/Fileset-1/{TIME}/0.zarr/", f"a/{SHADOWS}/Fileset-1/{TIME}\n/",
        f"a/{SHADOWS}/Fileset-1/{TIME}/\n", f"a\x00/{SHADOWS}/Fileset-1/{TIME}/", f"a\n/{SHADOWS}/Fileset-1/{TIME}/",
        f"a/{SHADOWS}/Fileset-\u0661/{TIME}/", f"a/{SHADOWS}/Fileset-{'9' * 30}/{TIME}/",
        f"a/{SHADOWS}/Fileset-1/2026-11-27_22-30-09.9206130/", "2026-11/27/12-00-00.000/",
    ],
)  # fmt: skip
def test_nothing_else_is(path: str) -> None:
    assert Place.parse(path) is None
