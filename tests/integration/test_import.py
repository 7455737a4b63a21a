"""A curator imports a Zarr of bioformats2raw with its OME-XML."""

import json
from pathlib import Path

import pytest
from omero.gateway import BlitzGateway

from demo.omero_client import shown
from tests.support.counted import counted
from tests.support.planes import expected
from tests.support.servers import Omero

V2 = [
    "o03_plate23", "o05_m3", "n4_plate23", "v4_single", "v4_m3", "v4_m12_s", "v4_m3_noroot", "v4_m3_noome",
    "v4_t_names",
    "v4_r_lif", "v4_r_C12H2", "v4_float", "v4_rgb", "v4_roi", "v4_plate23", "v4_plateacq3",
]  # fmt: skip
V3 = ["v5_single", "v5_m3", "v5_m3_shard", "v5_plate23"]


def imported(omero_cli: Omero, zarr: Path, *options: str) -> dict:
    """What `import --json` says of one Zarr."""
    result = omero_cli("roz", "import", str(zarr), "--json", "--again", *options)
    assert result.code == 0, result.err
    [done] = json.loads(result.out)
    assert done["state"] == "imported"
    return done


def images_of(omero_cli: Omero, zarr: Path, *options: str) -> list[int]:
    return imported(omero_cli, zarr, *options)["images"]


@pytest.mark.parametrize("layout", V2)
def test_every_plane_of_a_real_layout_is_read_through_omero(omero_cli: Omero, shared: Path, layout: str) -> None:
    images = images_of(omero_cli, shared / "layouts" / f"{layout}.zarr")
    assert shown(omero_cli.client, images) == expected(shared, layout)


@pytest.mark.parametrize("layout", V3)
def test_zarr_v3_is_read_where_the_server_has_a_reader_for_it(omero_cli_v3: Omero, shared: Path, layout: str) -> None:
    images = images_of(omero_cli_v3, shared / "layouts" / f"{layout}.zarr")
    assert shown(omero_cli_v3.client, images) == expected(shared, layout)


@pytest.mark.parametrize("layout", V3)
def test_zarr_v3_without_a_reader_is_noticed_and_taken_back(omero_cli: Omero, shared: Path, layout: str) -> None:
    refuses_v3(omero_cli, shared / "layouts" / f"{layout}.zarr")


def test_own_zarr_v3_without_a_reader_is_noticed_and_taken_back(omero_cli: Omero, acquisition: Path) -> None:
    refuses_v3(omero_cli, acquisition / "v3.zarr")


def refuses_v3(omero_cli: Omero, zarr: Path) -> None:
    kinds = (
        "Image",
        "Fileset",
        "Pixels",
        "Channel",
        "LogicalChannel",
        "Instrument",
        "Objective",
        "ExternalInfo",
        "FilesetAnnotationLink",
        "Annotation",
        "Detector",
        "StatsInfo",
        "FilesetEntry",
    )
    omero_cli("roz", "import", str(zarr))  # makes the directory of all its imports, once
    kinds += ("OriginalFile",)
    before = counted(omero_cli, *kinds)
    result = omero_cli("roz", "import", str(zarr))
    assert result.code == 1
    assert "opens Zarr v2 only" in result.err
    assert counted(omero_cli, *kinds) == before


@pytest.mark.parametrize("zarr", ["v2.zarr", "v3.zarr"])
def test_own_acquisition_with_all_its_metadata(request: pytest.FixtureRequest, acquisition: Path, zarr: str) -> None:
    omero_cli = request.getfixturevalue("omero_cli_v3" if zarr == "v3.zarr" else "omero_cli")
    ids = images_of(omero_cli, acquisition / zarr)
    gateway = BlitzGateway(client_obj=omero_cli.client)
    images = [gateway.getObject("Image", i) for i in ids]
    assert [i.getName() for i in images] == ["Zelle α [01]", "overview", "stack", "ratio GFP/Cy5"]
    first = images[0]
    settings = first.getObjectiveSettings()
    assert settings.getObjective().getModel() == "Plan Apo 63x"
    assert settings.getObjective().getNominalMagnification() == 63
    assert settings.getRefractiveIndex() == 1.518
    assert first.getPixelSizeX() == 0.103
    channels = list(first.getChannels(noRE=True))
    assert [channel.getName() for channel in channels] == ["DAPI", "GFP", "Cy5"]
    assert [channel.getExcitationWave() for channel in channels] == [358, 488, 649]
    assert [channel.getEmissionWave() for channel in channels] == [461, 509, 670]
    detector = channels[0].getLogicalChannel().getDetectorSettings()
    assert (detector.getGain(), detector.getDetector().getModel()) == (1.5, "Eye 4.2")
    planes = list(first.getPrimaryPixels().copyPlaneInfo(theC=2, theZ=1))
    assert [p.getExposureTime() for p in planes] == [0.15, 0.15]
    [[microscope]] = omero_cli.client.sf.getQueryService().projection(
        f"select m.model from Image i join i.instrument.microscope m where i.id = {ids[0]}", None
    )
    assert microscope.val == "Demo One"


def test_images_go_into_the_dataset(omero_cli: Omero, acquisition: Path) -> None:
    made = omero_cli("obj", "new", "Dataset", "name=roz")
    dataset = made.out.strip()
    images = images_of(omero_cli, acquisition / "v2.zarr", "--target", dataset)
    gateway = BlitzGateway(client_obj=omero_cli.client)
    found = gateway.getObject("Dataset", int(dataset.partition(":")[2]))
    assert sorted(image.getId() for image in found.listChildren()) == images


def test_a_dry_run_prints_the_plan_and_changes_nothing(omero_cli: Omero, acquisition: Path) -> None:
    before = counted(omero_cli, "Image", "Fileset", "OriginalFile")
    result = omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--dry-run", "--json", "--again")
    assert result.code == 0, result.err
    [plan] = json.loads(result.out)
    assert [image["name"] for image in plan["images"]][1] == "overview"
    assert plan["images"][2]["binding"]["lsid"] == str(acquisition / "v2.zarr" / "2")
    assert counted(omero_cli, "Image", "Fileset", "OriginalFile") == before


def test_a_target_that_is_not_there_is_refused(omero_cli: Omero, acquisition: Path) -> None:
    result = omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--target", "Dataset:999999999")
    assert result.code == 1
    assert "Dataset:999999999" in result.err


def test_a_path_that_the_server_does_not_see_is_noticed_and_taken_back(omero_cli: Omero, acquisition: Path) -> None:
    before = counted(omero_cli, "Image", "Fileset")
    result = omero_cli(
        "roz", "import", str(acquisition / "v2.zarr"), "--server-path", f"{acquisition}=/nowhere/at/all", "--again"
    )
    assert result.code == 1
    assert "--server-path" in result.err
    assert counted(omero_cli, "Image", "Fileset") == before


def test_the_fileset_says_what_was_done(omero_cli: Omero, acquisition: Path) -> None:
    fileset = imported(omero_cli, acquisition / "v2.zarr")["fileset"]
    [record] = json.loads(omero_cli("roz", "status", f"Fileset:{fileset}", "--json").out)
    assert (record["kind"], record["state"], record["uri"]) == ("import", "proven", str(acquisition / "v2.zarr"))
    assert [image["binding"]["lsid"] for image in record["images"]] == [
        str(acquisition / "v2.zarr" / n) for n in "0123"
    ]
    text = omero_cli("roz", "status", f"Fileset:{fileset}").out
    assert "proven" in text and str(acquisition / "v2.zarr") in text


def test_usage_errors_exit_with_2(omero_cli: Omero, acquisition: Path) -> None:
    assert omero_cli("roz", "import").code == 2
    assert omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--target", "Image:1").code == 2
    assert omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--server-path", "here").code == 2
