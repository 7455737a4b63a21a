"""The binding external-info: what the pixel buffer's rules allow, and how its address is made."""

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
