"""What an import refuses tells the curator the right cause, once and whole."""

import json
import shutil
from pathlib import Path

import pytest
from omero.cli import CLI, NonZeroReturnCode

from demo.omero_client import shown
from tests.support.counted import counted
from tests.support.planes import expected
from tests.support.servers import Omero

KINDS = ("Image", "Fileset", "Pixels", "ExternalInfo", "Annotation")


@pytest.fixture
def contradictory(acquisition: Path, tmp_path: Path) -> Path:
    """The demo's Zarr; its XML says other sizes of two images, and another type of one of them."""
    zarr = shutil.copytree(acquisition / "v2.zarr", tmp_path / "other.zarr")
    xml = zarr / "OME" / "METADATA.ome.xml"
    text = xml.read_text("utf-8")
    for old, new in (('SizeX="96"', 'SizeX="95"'), ('SizeX="64"', 'SizeX="65"'), ('Type="uint8"', 'Type="int8"')):
        assert old in text
        text = text.replace(old, new, 1)
    xml.write_text(text, "utf-8")
    return zarr


def test_all_that_differs_from_the_xml_is_in_one_table(omero_cli: Omero, contradictory: Path) -> None:
    before = counted(omero_cli, *KINDS)
    result = omero_cli("roz", "import", str(contradictory))
    assert result.code == 1 and counted(omero_cli, *KINDS) == before
    lines = result.err.splitlines()
    assert lines[0].split() == ["name", "series", "what", "OME-XML", "Zarr"]
    assert [line.rstrip().split("  ")[-1].strip() for line in lines[1:4]] == [
        "96 x 128 x 1z x 1c x 1t", "64 x 64 x 5z x 1c x 1t", "uint8"
    ]  # fmt: skip
    assert lines[4] == (
        "OME-XML and Zarr differ, see the table: sizes of 2, pixel type of 1; give --mapping FILE, or convert again"
    )
    assert len(lines) == 5


def test_so_it_is_for_one_of_several(omero_cli: Omero, contradictory: Path) -> None:
    result = omero_cli("roz", "import", str(contradictory), "/no/such.zarr")
    assert result.code == 1
    assert f"{contradictory}: OME-XML and Zarr differ, see the table: sizes of 2, pixel type of 1" in result.err
    assert result.err.count("series  what") == 1


def test_and_in_json(omero_cli: Omero, contradictory: Path) -> None:
    [failed] = json.loads(omero_cli("roz", "import", str(contradictory), "--json").out)
    told = [(one["where"], one["image"], one["aspect"], one["stated"], one["found"]) for one in failed["problems"]]
    assert told == [
        ("1", "overview", "sizes", "95 x 128 x 1z x 1c x 1t", "96 x 128 x 1z x 1c x 1t"),
        ("2", "stack", "sizes", "65 x 64 x 5z x 1c x 1t", "64 x 64 x 5z x 1c x 1t"),
        ("2", "stack", "pixel type", "int8", "uint8"),
    ]


def test_what_is_wrong_in_each_well_is_told_once(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "/".join(["a" * 100] * 3)
    zarr = shutil.copytree(shared / "layouts" / "v4_plate23.zarr", folder / "x.zarr")
    before = counted(omero_cli, *KINDS)
    result = omero_cli("roz", "import", str(zarr), "--json")
    assert result.code == 1 and counted(omero_cli, *KINDS) == before
    [line] = result.err.splitlines()
    assert line.startswith("A/1/0, A/1/1, A/2/0 and 9 more: its address for the server has ") and "255" in line
    [failed] = json.loads(result.out)
    assert len(failed["problems"]) == 12


def test_a_login_that_fails_is_json_too(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path))
    cli = CLI()
    cli.loadplugins()
    login = ["-s", "localhost", "-p", "1", "-u", "somebody", "-w", "a-password"]
    with pytest.raises(NonZeroReturnCode):
        cli.invoke(["roz", "import", str(shared / "layouts" / "v4_single.zarr"), "--json", *login], strict=True)
    printed = capsys.readouterr()
    [failed] = json.loads(printed.out)
    assert cli.rv == 1 and failed["state"] == "failed"
    assert "localhost:1 isn't running" in failed["problems"][0]["what"] and "localhost:1" in printed.err
    assert "a-password" not in printed.out + printed.err


def test_a_corrupt_chunk_is_named_and_not_the_server_blamed(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    zarr = shutil.copytree(shared / "layouts" / "v4_single.zarr", tmp_path / "corrupt.zarr")
    chunk = next(path for path in sorted((zarr / "0" / "0").rglob("*")) if path.is_file() and path.name[0] != ".")
    chunk.write_bytes(b"this is no chunk")
    before = counted(omero_cli, *KINDS)
    result = omero_cli("roz", "import", str(zarr))
    assert result.code == 1 and counted(omero_cli, *KINDS) == before
    assert f"{chunk}: the pixels cannot be read" in result.err
    assert "reader" not in result.err


@pytest.mark.parametrize("name", ["ü#?%20.zarr", "a b.zarr", "x?anonymous=true.zarr"])
def test_a_path_with_odd_characters_is_a_path_like_any_other(
    omero_cli: Omero, shared: Path, tmp_path: Path, name: str
) -> None:
    zarr = shutil.copytree(shared / "layouts" / "v4_single.zarr", tmp_path / name)
    result = omero_cli("roz", "import", str(zarr), "--json")
    assert result.code == 0, result.err
    [done] = json.loads(result.out)
    assert shown(omero_cli.client, done["images"]) == expected(shared, "v4_single")


def test_physical_sizes_that_contradict_the_xml_are_told_by_the_import_too(
    omero_cli: Omero, acquisition: Path, tmp_path: Path
) -> None:
    zarr = shutil.copytree(acquisition / "v2.zarr", tmp_path / "scaled.zarr")
    file = zarr / "0" / ".zattrs"
    attributes = json.loads(file.read_text())
    [multiscale] = attributes["multiscales"]
    for axis in multiscale["axes"]:
        if axis["name"] == "x":
            axis["unit"] = "meter"
    file.write_text(json.dumps(attributes))
    result = omero_cli("roz", "import", str(zarr), "--dry-run")
    assert result.code == 0, result.err
    assert "warning: 0: the size of a pixel in x is" in result.err and "the XML's is used" in result.err
