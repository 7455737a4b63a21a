"""A layout of several conversions put together: every image comes with the metadata of the source that names it."""

import json
import shutil
from pathlib import Path

import pytest
import zarr

from demo.omero_client import Hashes, shown
from tests.integration.test_import import imported
from tests.integration.test_import_shadows import Importing, importing
from tests.support.counted import counted
from tests.support.planes import expected
from tests.support.servers import Omero

__all__ = ["importing"]
PARTS = {"a": "v4_roi", "p": "v4_plate23", "b": "v4_m3"}
SERIES = {
    "a": ["a/0", "a/1"],
    "p": [f"p/{well}/{field}" for well in ("A/1", "A/2", "A/3", "B/1", "B/2", "B/3") for field in ("0", "1")],
    "b": ["b/0", "b/1", "b/2"],
}


@pytest.fixture(scope="module")
def together(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images with ROIs, a plate, more images, each with its OME-XML, and an image that no source names."""
    root = tmp_path_factory.mktemp("together") / "together.zarr"
    for name, layout in PARTS.items():
        shutil.copytree(shared / "layouts" / f"{layout}.zarr", root / name)
    shutil.copytree(shared / "layouts" / "v4_single.zarr" / "0", root / "left")
    series = {name: json.loads((root / name / "OME" / ".zattrs").read_text())["series"] for name in PARTS}
    group = zarr.open_group(root, mode="a", zarr_format=2)
    group.attrs["metadataSources"] = [
        {
            "@type": "ome-xml",
            "file": {"path": f"/{name}/OME/METADATA.ome.xml"},
            "seriesMapping": [f"{name}/{path}" for path in series[name]],
        }
        for name in PARTS
    ]
    return root


def all_planes(shared: Path) -> Hashes:
    """What every image must show, in the order of the sources, the one that none names last."""
    found: Hashes = {}
    for layout in (*PARTS.values(), "v4_single"):
        start = max((key[0] for key in found), default=-1) + 1
        found |= {(index + start, *rest): sha1 for (index, *rest), sha1 in expected(shared, layout).items()}
    return found


KINDS = ("Roi", "Instrument", "Objective", "Plate", "Well", "PlateAcquisition", "Annotation", "Experiment")


def test_all_of_several_sources(omero_cli: Omero, shared: Path, together: Path) -> None:
    start = counted(omero_cli, *KINDS)
    for layout in PARTS.values():
        imported(omero_cli, shared / "layouts" / f"{layout}.zarr")
    apart = {kind: number - start[kind] for kind, number in counted(omero_cli, *KINDS).items()}
    start = counted(omero_cli, *KINDS)
    targets = ("--target", "Dataset:name:together", "--target", "Screen:name:together")
    done = imported(omero_cli, together, *targets)
    made = {kind: number - start[kind] for kind, number in counted(omero_cli, *KINDS).items()}
    assert made | {"Annotation": 0} == apart | {"Annotation": 0}
    assert made["Annotation"] == apart["Annotation"] - 2 * (len(PARTS) - 1)  # a record has two, and here is one
    assert shown(omero_cli.client, done["images"]) == all_planes(shared)
    plate = [image for image in done["images"] if image not in done["plain"]]
    assert (len(done["plates"]), len(done["plain"])) == (1, len(done["images"]) - len(plate))
    query = omero_cli.client.sf.getQueryService()

    def ids(hql: str) -> list[int]:
        return [row[0].val for row in query.projection(f"{hql} order by 1", None)]

    assert ids("select l.child.id from DatasetImageLink l where l.parent.name = 'together'") == sorted(done["plain"])
    assert ids("select l.child.id from ScreenPlateLink l where l.parent.name = 'together'") == done["plates"]
    assert ids(f"select s.image.id from WellSample s where s.well.plate.id = {done['plates'][0]}") == sorted(plate)


def test_the_same_through_shadows(importing: Importing, shared: Path, together: Path) -> None:
    done = importing.done(together, "--again", "--target", "Dataset:name:x", "--target", "Screen:name:x")
    assert shown(importing.omero.client, done["images"]) == all_planes(shared)


def test_nothing_is_lost_to_another_documents_ids(omero_cli: Omero, together: Path) -> None:
    done = imported(omero_cli, together)
    found = omero_cli("roz", "completeness", str(together), f"Fileset:{done['fileset']}")
    assert found.code == 0, found.out


def test_inspect_tells_which_source_describes_what(omero_cli: Omero, together: Path) -> None:
    shown_text = omero_cli("roz", "inspect", str(together))
    assert shown_text.code == 0, shown_text.err
    assert "metadata: ome-xml in a/OME/METADATA.ome.xml, by metadataSources: a/0, a/1" in shown_text.out
    assert "NGFF metadata only: left" in shown_text.out
    paths = json.loads(omero_cli("roz", "inspect", str(together), "--json").out)["mapping"]["paths"]
    assert paths == [*SERIES["a"], *SERIES["p"], *SERIES["b"], "left"]
