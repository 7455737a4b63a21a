"""The binding external-info: what the pixel buffer's rules allow, and how its address is made."""

from dataclasses import replace

import pytest

from omero_roz.binding.external_info import bind
from omero_roz.errors import Refused
from omero_roz.layout.model import Level, Series, Sizes


def series(path: str, *levels: str) -> Series:
    arrays = tuple(Level(level, (1, 1, 1, 8, 8), (1, 1, 1, 8, 8), "|u1") for level in levels)
    return Series(path, "", tuple("tczyx"), Sizes(8, 8), "uint8", arrays, 2)


@pytest.mark.parametrize(
    ("root", "path", "lsid"),
    [
        ("/data/x.zarr", "0", "/data/x.zarr/0"),
        ("/data/x.zarr", "", "/data/x.zarr"),
        ("/data/x.zarr", "A/1/0", "/data/x.zarr/A/1/0"),
        ("/data/what?.zarr", "0", "/data/what?.zarr/0"),
        ("/data/ü#?a=b %20.zarr", "0", "/data/ü#?a=b %20.zarr/0"),
        ("s3://host/bucket/ü.zarr", "0", "s3://host/bucket/ü.zarr/0"),
        ("s3://host/bucket/x.zarr?anonymous=true", "0", "s3://host/bucket/x.zarr/0?anonymous=true"),
    ],
)
def test_the_lsid_is_the_address_of_the_multiscales_group(root: str, path: str, lsid: str) -> None:
    [info] = bind(root, [series(path, f"{path}/0".lstrip("/"))])
    assert (info.entity_type, info.entity_id, info.lsid) == ("com.glencoesoftware.ngff:multiscales", 3, lsid)


def test_a_path_too_long_for_omero_and_odd_array_names_are_told_together() -> None:
    with pytest.raises(Refused) as refused:
        bind("/" + "d" * 252, [series("10", "10/0"), series("1", "1/scale0")])
    assert [p.where for p in refused.value.problems] == ["10", "1"]
    assert "256 characters" in refused.value.problems[0].what
    assert "scale0" in refused.value.problems[1].what


def test_255_characters_fit() -> None:
    [info] = bind("/" + "d" * 252, [series("1", "1/0")])
    assert len(info.lsid or "") == 255


@pytest.mark.parametrize("key", ["a b", "50%", "who?", "x#1", "[1]"])
def test_a_key_that_a_uri_cannot_have_is_refused(key: str) -> None:
    with pytest.raises(Refused, match="takes an address apart as a URI"):
        bind(f"s3://host/bucket/{key}.zarr?anonymous=true", [series("0", "0/0")])


def test_x_before_y_is_refused_for_it_would_be_transposed() -> None:
    with pytest.raises(Refused, match=r"its axes are t, c, z, x, y, .* transposed"):
        bind("/data/x.zarr", [replace(series("0", "0/0"), axes=tuple("tczxy"))])
    bind("/data/x.zarr", [replace(series("0", "0/0"), axes=tuple("yxtcz"))])
