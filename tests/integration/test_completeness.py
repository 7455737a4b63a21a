"""A curator proves that all of an original's metadata is in OMERO, in a Zarr, in an OME-XML."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from omero.gateway import BlitzGateway

from demo.omero_client import import_file
from tests.integration.test_import import imported
from tests.support.servers import Omero, Server
from tools import completeness_table

ORIGINALS = {
    "multi_names": "v4_t_names", "plate23": "v4_plate23", "r_lif": "v4_r_lif", "roi": "v4_roi",
}  # fmt: skip
FILES_HAVE_NONE = ("Statistics", "Rendering settings")


def completeness(omero_cli: Omero, a: object, b: object) -> tuple[int, dict]:
    result = omero_cli("roz", "completeness", str(a), str(b), "--json")
    assert result.out, result.err
    return result.code, json.loads(result.out)


def lost(found: dict) -> list[dict]:
    return [field for field in found["fields"] if field["state"] in ("different", "only in A")]


@pytest.mark.parametrize("name", ORIGINALS)
def test_an_import_has_all_that_the_import_of_the_ome_tiff_stored(omero_cli: Omero, shared: Path, name: str) -> None:
    tiff = shared / "layouts" / "originals" / f"{name}.ome.tif"
    fileset, _ = import_file(omero_cli.client, tiff)
    done = imported(omero_cli, shared / "layouts" / f"{ORIGINALS[name]}.zarr", "--stats", "read")
    code, found = completeness(omero_cli, f"Fileset:{fileset}", f"Fileset:{done['fileset']}")
    # Bio-Formats' fake masks are random: the two files were made by two runs, as their golden records show.
    of_chance = [field["path"] for field in found["fields"] if field["path"].endswith("/Mask[0]/bytes")]
    assert [field["path"] for field in lost(found)] == of_chance
    assert code == (1 if of_chance else 0)
    assert (found["score"]["percent"] == 100.0) == (not of_chance)


def test_a_hash_that_is_still_to_come_is_not_lost(omero_cli: Omero, shared: Path) -> None:
    fileset, _ = import_file(omero_cli.client, shared / "layouts" / "originals" / "multi_names.ome.tif")
    done = imported(omero_cli, shared / "layouts" / "v4_t_names.zarr")
    named = (f"Fileset:{fileset}", f"Fileset:{done['fileset']}")
    code, found = completeness(omero_cli, *named)
    assert (code, lost(found), found["score"]["percent"]) == (0, [], 100)
    later = [field["path"] for field in found["fields"] if field["state"] == "not yet in B"]
    assert {path.rpartition("/")[2] for path in later} == {"sha1"}
    assert len(later) == found["score"]["not_yet"] == len(done["images"])
    assert "not yet in B" in omero_cli("roz", "completeness", *named).out


def test_an_image_its_xml_and_its_zarr_in_any_pair(omero_cli: Omero, acquisition: Path) -> None:
    image = imported(omero_cli, acquisition / "v2.zarr")["images"][2]
    xml = acquisition / "v2.zarr" / "OME" / "METADATA.ome.xml"
    tiff = acquisition / "acquisition.ome.tif"
    for other in (xml, tiff, acquisition / "v2.zarr"):
        code, found = completeness(omero_cli, other, f"Image:{image}")
        assert lost(found) == []
        assert code == 0
        assert {group["group"] for group in found["groups"] if group["only_b"]} <= set(FILES_HAVE_NONE)
        assert [f["a"] for f in found["fields"] if f["path"] == "Image[0]/name"] == ["stack"]
    assert completeness(omero_cli, tiff, acquisition / "v2.zarr")[0] == 0


def test_what_is_missing_is_told_and_exits_with_1(omero_cli: Omero, acquisition: Path, tmp_path: Path) -> None:
    fileset = imported(omero_cli, acquisition / "v2.zarr")["fileset"]
    xml = (acquisition / "v2.zarr" / "OME" / "METADATA.ome.xml").read_text("utf-8")
    richer = tmp_path / "richer.ome.xml"
    assert 'Name="overview"' in xml
    richer.write_text(xml.replace('Name="overview"', 'Name="another"'), "utf-8")
    page = tmp_path / "page.html"
    result = omero_cli("roz", "completeness", str(richer), f"Fileset:{fileset}", "--html", str(page))
    assert result.code == 1
    assert "Image[1]/name" in result.out and "another" in result.out and "overview" in result.out
    assert "1 of " in result.err
    assert "another" in page.read_text("utf-8")


@pytest.mark.parametrize("name", ["v4_m3_noome", "v4_r_C12H2"])
def test_a_zarr_without_ome_xml_says_what_ngff_says(
    omero_cli: Omero, shared: Path, tmp_path: Path, name: str
) -> None:
    zarr = tmp_path / f"{name}.zarr"
    shutil.copytree(shared / "layouts" / f"{name}.zarr", zarr)
    shutil.rmtree(zarr / "OME", ignore_errors=True)
    fileset = imported(omero_cli, zarr)["fileset"]
    code, found = completeness(omero_cli, zarr, f"Fileset:{fileset}")
    assert (code, lost(found)) == (0, [])
    assert found["score"]["equal"] > 10


def test_files_are_compared_without_a_session(acquisition: Path, capsys: pytest.CaptureFixture) -> None:
    from omero.cli import CLI

    cli = CLI()
    cli.loadplugins()
    sides = [str(acquisition / "acquisition.ome.tif"), str(acquisition / "v3.zarr")]
    cli.invoke(["roz", "completeness", *sides], strict=True)
    assert "100 %" in capsys.readouterr().out


def test_a_plate_is_compared_with_its_ome_tiff(omero_cli: Omero, shared: Path) -> None:
    done = imported(omero_cli, shared / "layouts" / "v4_plate23.zarr")
    [plate] = done["plates"]
    code, found = completeness(omero_cli, shared / "layouts" / "originals" / "plate23.ome.tif", f"Plate:{plate}")
    assert lost(found) == []
    assert code == 0
    paths = {field["path"] for field in found["fields"]}
    assert {"Plate[0]/name", "Plate[0]/Well[A1]/WellSample[0]/image"} <= paths
    groups = {group["group"]: group["percent"] for group in found["groups"]}
    assert groups["Plate and wells"] == 100.0


@pytest.mark.parametrize("side, code", [("Dataset:1", 2), ("Image:999999999", 1), ("/not/there", 1)])
def test_what_cannot_be_compared_is_told(omero_cli: Omero, acquisition: Path, side: str, code: int) -> None:
    result = omero_cli("roz", "completeness", side, str(acquisition / "v2.zarr"))
    assert result.code == code
    assert side in result.err


def test_an_image_that_is_read_through_a_shadow_is_compared_with_its_own_series(
    omero_cli: Omero, server: Server, acquisition: Path
) -> None:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    means = ("--binding", "zarr-reader", "--db", server.dsn, "--managed-repository", server.repository)
    images = imported(omero_cli, acquisition / "v2.zarr", *means)["images"]
    for image in images:
        code, found = completeness(omero_cli, acquisition / "acquisition.ome.tif", f"Image:{image}")
        assert (code, lost(found)) == (0, [])


def test_an_image_that_was_made_and_not_imported(omero_cli: Omero) -> None:
    pixels = np.arange(12, dtype="uint8").reshape(3, 4)
    image = BlitzGateway(client_obj=omero_cli.client).createImageFromNumpySeq(iter([pixels]), "made").getId()
    code, found = completeness(omero_cli, f"Image:{image}", f"Image:{image}")
    assert (code, found["score"]["percent"]) == (0, 100)


@pytest.mark.slow
def test_the_table_of_all_real_inputs_is_current(shared: Path) -> None:
    written = Path(__file__).parents[2] / "docs" / "completeness-table.md"
    assert written.read_text("utf-8") == completeness_table.document(shared)
