"""What the sandbox stores for an import equals, field by field, what a real OMERO.server 5.6.12 stored."""

import json
import os
from pathlib import Path

import psycopg2
import pytest

from tests.support.dump import dump_fileset
from tests.support.importing import import_file

SHARED = Path(os.environ.get("OMERO_ROZ_SHARED", Path(__file__).parents[3] / "shared"))
GOLDEN = SHARED / "omero" / "golden"
LAYOUTS = sorted(path.stem for path in (GOLDEN / "import").glob("*.json"))
TIFFS = sorted(path.stem for path in (GOLDEN / "import_ometiff").glob("*.json"))

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the golden records of ../shared"),
    pytest.mark.sandbox("the records are a real OMERO's"),
]


def stored(server, path, client_path):
    """The record of an import, with what its response held."""
    with server.client() as client:
        response = import_file(client, path, client_path)
        pixels = [p.image.series.val for p in response.pixels]
        objects = [[type(o).__name__[:-1], *([o.series.val] if hasattr(o, "series") else [])] for o in response.objects]
        fileset = response.pixels[0].image.fileset.id.val
    connection = psycopg2.connect(server.dsn)
    try:
        record = dump_fileset(connection, fileset)
    finally:
        connection.close()
    return {**json.loads(json.dumps(record)), "response": {"objects": objects, "pixels_series": pixels}}


def comparable(record):
    """The record without what only its server knows: versioninfo is a map, and its values are the server's own."""
    for job in record["fileset"]["jobs"]:
        job["versioninfo"] = sorted(name for name, _ in job.get("versioninfo", []))
    return record


def without_settings(value):
    """A record without rendering settings: the golden server had not the pixel buffer's plugin, with which none are."""
    if isinstance(value, dict):
        return {k: without_settings(v) for k, v in value.items() if k != "renderingdefs"}
    return [without_settings(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", LAYOUTS)
def test_ome_xml(server, name):
    path = SHARED / "layouts" / f"{name}.zarr" / "OME" / "METADATA.ome.xml"
    made = stored(server, path, f"{name}.zarr/OME/METADATA.ome.xml")
    expected = json.loads((GOLDEN / "import" / f"{name}.json").read_text())
    assert '"renderingdefs": [{' not in json.dumps(made)
    assert without_settings(comparable(made)) == without_settings(comparable(expected))


@pytest.mark.parametrize("name", TIFFS)
def test_ome_tiff(server, name):
    expected = json.loads((GOLDEN / "import_ometiff" / f"{name}.json").read_text())
    client_path = expected["fileset"]["entries"][0]["clientpath"]
    made = stored(server, SHARED / "layouts" / "originals" / name, client_path)
    assert comparable(made) == comparable(expected)
