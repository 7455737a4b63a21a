"""The graph of an OME-XML against what a real server stored for it."""

import json
import os
from pathlib import Path

import pytest
import tifffile

from ome_graph import graph, read_ome
from tests.support.graph_as_record import KnownEnums, Record

SHARED = Path(os.environ.get("OMERO_ROZ_SHARED", Path(__file__).parents[4] / "shared"))
GOLDEN = SHARED / "omero/golden"
IMPORTS = sorted(path.stem for path in (GOLDEN / "import").glob("*.json"))
TIFFS = sorted(path.stem for path in (GOLDEN / "import_ometiff").glob("*.json"))
# What does not stem from the XML: the fileset's, the pixel data's, the rendering's.
NOT_OF_THE_XML = {"format", "path", "repo", "sha1", "renderingdefs", "thumbnails", "statsinfo"}

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden records here (OMERO_ROZ_SHARED)")


def without(value, in_pixels=False):
    if isinstance(value, list):
        return [without(item, in_pixels) for item in value]
    if not isinstance(value, dict):
        return value
    skip = NOT_OF_THE_XML | ({"name"} if in_pixels and "dimensionorder" in value else set())
    return {key: without(item, key == "pixels") for key, item in value.items() if key not in skip}


def check(xml, golden):
    ome = read_ome(xml)
    enums = KnownEnums()
    made = Record(graph(ome, [image["name"] for image in golden["images"]], enums), enums).whole()
    expected = {key: golden[key] for key in ("images", "instruments", "plates") if key in golden}
    assert without(json.loads(json.dumps(made))) == without(expected)


@pytest.mark.parametrize("name", IMPORTS)
def test_layout_is_stored_as_a_server_stores_it(name):
    xml = (SHARED / "layouts" / f"{name}.zarr/OME/METADATA.ome.xml").read_bytes()
    check(xml, json.loads((GOLDEN / "import" / f"{name}.json").read_text()))


@pytest.mark.parametrize("name", TIFFS)
def test_ome_tiff_is_stored_as_a_server_stores_it(name):
    xml = tifffile.TiffFile(SHARED / "layouts/originals" / name).ome_metadata
    check(xml, json.loads((GOLDEN / "import_ometiff" / f"{name}.json").read_text()))
