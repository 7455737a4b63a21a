"""Anybody looks at what a Zarr holds, without OMERO."""

import io
import json
import shutil
from pathlib import Path

import pytest

from tests.support.servers import Omero

LAYOUTS = [
    "v4_single",
    "v4_m3",
    "v4_m12_s",
    "v4_t_names",
    "v4_r_lif",
    "v4_float",
    "v4_rgb",
    "v5_single",
    "v5_m3",
    "v5_m3_shard",
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_real_layout(omero_cli: Omero, shared: Path, layout: str) -> None:
    zarr = str(shared / "layouts" / f"{layout}.zarr")
    told = json.loads(omero_cli("roz", "inspect", zarr, "--json").out)
    shown = omero_cli("roz", "inspect", zarr)
    assert shown.code == 0, shown.err
    assert told["zarr_format"] == {"v4": 2, "v5": 3}[layout[:2]]
    assert told["mapping"]["rule"] == "OME series"
    assert told["problems"] == []
    for series in told["series"]:
        assert series["pixel_type"] in shown.out
        assert str(series["sizes"]["x"]) in shown.out


def test_the_acquisition(omero_cli: Omero, acquisition: Path) -> None:
    result = omero_cli("roz", "inspect", str(acquisition / "v2.zarr"))
    assert result.code == 0, result.err
    for said in ("NGFF 0.4, Zarr v2, 4 series", "OME series", "OME/METADATA.ome.xml", "Zelle α [01]", "ratio GFP/Cy5"):
        assert said in result.out
    told = json.loads(omero_cli("roz", "inspect", str(acquisition / "v3.zarr"), "--json").out)
    assert (told["zarr_format"], told["ngff_version"]) == (3, "0.5")
    assert [s["pixel_type"] for s in told["series"]] == ["uint16", "uint16", "uint8", "float"]


def test_what_is_wrong_is_told_with_exit_code_1(omero_cli: Omero, acquisition: Path, tmp_path: Path) -> None:
    assert omero_cli("roz", "inspect", str(tmp_path / "nowhere")).code == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    result = omero_cli("roz", "inspect", str(empty))
    assert result.code == 1
    assert str(empty) in result.err and "Traceback" not in result.err


@pytest.mark.parametrize(
    ("uri", "code"), [("/nowhere.zarr", 1), ("ftp://x/y", 2), ("https://me:geheim@127.0.0.1/x", 2), ("s3://b/k?x=1", 2)]
)
def test_what_cannot_be_read_is_json_too(omero_cli: Omero, uri: str, code: int) -> None:
    result = omero_cli("roz", "inspect", uri, "--json")
    assert result.code == code
    told = json.loads(result.out)
    assert told["problems"][0]["what"] in result.err
    assert told["uri"] == (uri if code == 1 else None) and "geheim" not in result.out


def test_a_password_in_an_address_is_refused_and_not_repeated(omero_cli: Omero) -> None:
    result = omero_cli("roz", "inspect", "https://me:geheim@127.0.0.1/x.zarr")
    assert result.code == 2
    assert "geheim" not in result.err + result.out


def test_a_directory_lists_the_layouts_below_it(omero_cli: Omero, acquisition: Path, tmp_path: Path) -> None:
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "deep" / "er" / "a.zarr")
    shutil.copytree(acquisition / "v3.zarr", tmp_path / "b.zarr")
    (tmp_path / "b.zarr" / "0" / "zarr.json").unlink()
    (tmp_path / "notes.txt").write_text("no layout")
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / ".zattrs").write_text("{")
    result = omero_cli("roz", "inspect", str(tmp_path / "deep"))
    assert result.code == 0
    assert result.out == f"{tmp_path}/deep/er/a.zarr: NGFF 0.4, Zarr v2, 4 series, 0 plates, 0 errors, 0 warnings\n"
    result = omero_cli("roz", "inspect", str(tmp_path))
    broken = next(line for line in result.out.splitlines() if "b.zarr" in line)
    assert broken.startswith(f"{tmp_path / 'b.zarr'}: NGFF 0.5, Zarr v3, 3 series, 0 plates, ")
    assert ", 0 errors" not in broken
    assert f"{tmp_path / 'c.zarr'}: .zattrs: broken JSON" in result.out
    assert result.code == 1 and "layouts cannot be used" in result.err
    told = json.loads(omero_cli("roz", "inspect", str(tmp_path), "--json").out)
    assert [one["uri"] for one in told] == [f"{tmp_path}/{name}" for name in ("b.zarr", "c.zarr", "deep/er/a.zarr")]


def test_a_mapping_file_decides_and_what_is_none_is_refused(
    omero_cli: Omero, acquisition: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('["0", "1", "2", "3"]')
    told = json.loads(omero_cli("roz", "inspect", str(acquisition / "v2.zarr"), "--mapping", str(file), "--json").out)
    assert told["mapping"]["rule"] == "mapping file"
    file.write_text('["../0"]')
    result = omero_cli("roz", "inspect", str(acquisition / "v2.zarr"), "--mapping", str(file))
    assert result.code == 2 and "'..'" in result.err
    result = omero_cli("roz", "inspect", str(acquisition / "v2.zarr"), "--mapping", str(tmp_path / "none"))
    assert result.code == 2 and "cannot be read" in result.err


def test_annotate_shows_first_writes_then_and_says_when_there_is_nothing_to_do(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = str(shutil.copytree(acquisition / "v2.zarr", tmp_path / "copy.zarr"))
    before = (tmp_path / "copy.zarr" / ".zattrs").read_bytes()
    result = omero_cli("roz", "annotate", copy, "--dry-run")
    block = json.loads(result.out)["metadataSources"]
    assert result.code == 0 and block[0]["seriesMapping"] == ["0", "1", "2", "3"]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert omero_cli("roz", "annotate", copy).code == 2  # nobody to ask
    assert (tmp_path / "copy.zarr" / ".zattrs").read_bytes() == before
    assert omero_cli("roz", "annotate", copy, "--yes").code == 0
    assert json.loads(before) | {"metadataSources": block} == json.loads(
        (tmp_path / "copy.zarr" / ".zattrs").read_bytes()
    )
    assert "series mapping by metadataSources" in omero_cli("roz", "inspect", copy).out
    assert "says so already" in omero_cli("roz", "annotate", copy).err


def test_annotate_warns_before_a_doubtful_order_is_written(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "map.txt"
    mapping.write_text("2\n1\n0\n")
    result = omero_cli("roz", "annotate", str(shared / "layouts/v4_m3.zarr"), "--mapping", str(mapping), "--dry-run")
    assert result.code == 0 and "warning: OME/METADATA.ome.xml: the mapping (mapping file) gives Image 0" in result.err


def test_annotate_tells_scripts_what_would_be_and_what_was_written(
    omero_cli: Omero, acquisition: Path, tmp_path: Path
) -> None:
    copy = str(shutil.copytree(acquisition / "v2.zarr", tmp_path / "copy.zarr"))
    assert omero_cli("roz", "annotate", copy, "--json").code == 2  # nobody is asked
    options = ("--dry-run", "--yes", "--yes")
    told = [json.loads(omero_cli("roz", "annotate", copy, "--json", option).out) for option in options]
    assert [(one["uri"], one["state"], one["files"]) for one in told] == [
        (copy, "planned", [".zattrs"]), (copy, "written", [".zattrs"]), (copy, "unchanged", []),
    ]  # fmt: skip
    written = json.loads((tmp_path / "copy.zarr" / ".zattrs").read_bytes())["metadataSources"]
    assert [one["metadataSources"] for one in told] == [written] * 3
    failed = omero_cli("roz", "annotate", str(tmp_path / "none"), "--json", "--yes")
    assert failed.code == 1 and json.loads(failed.out)["state"] == "failed"
    assert json.loads(failed.out)["problems"][0]["what"] == "no such directory"


def test_names_that_look_like_markup_are_shown_as_they_are(omero_cli: Omero, acquisition: Path, tmp_path: Path) -> None:
    odd = tmp_path / "m[red]x[bold].zarr"
    shutil.copytree(acquisition / "v2.zarr", odd)
    xml = odd / "OME" / "METADATA.ome.xml"
    xml.write_text(xml.read_text(encoding="utf-8").replace('Name="overview"', 'Name="[/x] [link]"'), encoding="utf-8")
    result = omero_cli("roz", "inspect", str(odd))
    assert result.code == 0, result.err
    assert "m[red]x[bold].zarr" in result.out and "[/x] [link]" in result.out


HOSTILE = "\x1b]0;owned\x07\x9b2J\u202egpj\r\nerror: fine"


def hostile(value: object) -> object:
    """Attributes with a stranger's escape sequences in each text that is no key or path of the form."""
    if isinstance(value, dict):
        return {key: one if key in ("path", "axes", "type") else hostile(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile(one) for one in value]
    return value + HOSTILE if isinstance(value, str) else value


@pytest.mark.parametrize("place", ["attributes", "dtype", "compressor", "OME-XML", "directory"])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_names_in_a_zarr_are_text_on_a_terminal(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, place: str, more: list[str]
) -> None:
    name = HOSTILE.replace("\n", "") if place == "directory" else "x"
    zarr = shutil.copytree(acquisition / "v2.zarr", tmp_path / f"{name}.zarr")
    if place == "OME-XML":
        xml = zarr / "OME" / "METADATA.ome.xml"
        xml.write_text(xml.read_text("utf-8").replace('Name="', 'Name="\x9b2J\u202e'), "utf-8")
    for file in zarr.rglob(".zattrs" if place == "attributes" else ".zarray"):
        read = json.loads(file.read_text())
        if place == "attributes":
            read = hostile(read)
        elif place == "dtype":
            read["dtype"] += HOSTILE
        elif place == "compressor":
            read["compressor"] = {"id": HOSTILE}
        file.write_text(json.dumps(read))
    result = omero_cli("roz", "inspect", str(zarr), *more)
    assert "Traceback" not in result.err
    assert result.out or result.err
    for line in (result.out + result.err).split("\n"):
        assert line.isprintable(), line
    assert "error: fine" not in (result.out + result.err).splitlines()
    if more:
        json.loads(result.out)
