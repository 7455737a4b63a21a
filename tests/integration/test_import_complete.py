"""What `omero roz import` stores against what a real OMERO.server 5.6.12 stored when it imported the same OME-XML.

Only what docs/completeness.md lists differs.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg2
import pytest

from tests.support.dump import dump_fileset
from tests.support.servers import Omero, Server

SHARED = Path(os.environ.get("OMERO_ROZ_SHARED", Path(__file__).parents[3] / "shared"))
GOLDEN = SHARED / "omero" / "golden" / "import"
LAYOUTS = sorted(path.stem for path in GOLDEN.glob("*.json"))
READER = {"v4_m3_fmt"}  # the pixel buffer cannot open its arrays

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs the golden records of ../shared")


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in READER])
def test_all_that_a_server_would_have_stored(request: pytest.FixtureRequest, layout: str) -> None:
    reader = "_v3" if layout.startswith("v5") else ""
    server: Server = request.getfixturevalue(f"server{reader}")
    omero_cli: Omero = request.getfixturevalue(f"omero_cli{reader}")
    if server.dsn is None:
        pytest.skip("needs the database of the OMERO under test (--db)")
    result = omero_cli("roz", "import", str(SHARED / "layouts" / f"{layout}.zarr"), "--json", "--again")
    assert result.code == 0, result.err
    [done] = json.loads(result.out)
    connection = psycopg2.connect(server.dsn)
    try:
        stored = json.loads(json.dumps(dump_fileset(connection, done["fileset"])))
    finally:
        connection.close()
    expected = json.loads((GOLDEN / f"{layout}.json").read_text())
    expected.pop("response")
    assert [image["name"] for image in stored["images"]] == names(layout)
    for record in (stored, expected):
        allow(record)
    assert dict(leaves(stored)) == dict(leaves(expected))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{place}")
    else:
        yield path, value


def allow(record: dict) -> None:
    """Take out what differs on purpose: the list in docs/completeness.md, in its order."""
    del record["fileset"]
    for image in record["images"]:
        image.pop("format", None)
        image.pop("externalinfo", None)
        del image["name"]
        for pixels in image["pixels"]:
            for name in ("sha1", "path", "name", "repo"):
                pixels.pop(name, None)
            for channel in pixels["channels"]:
                del channel["statsinfo"]
            for settings in pixels["renderingdefs"]:
                for binding in settings["channelbindings"]:
                    for name in ("inputstart", "inputend", "rgba"):
                        del binding[name]


def names(layout: str) -> list[str]:
    """The names in the OME-XML; an image without one is called after the Zarr."""
    images = ElementTree.parse(SHARED / "layouts" / f"{layout}.zarr" / "OME" / "METADATA.ome.xml").iterfind("{*}Image")
    return [image.get("Name") or f"{layout}.zarr [{number}]" for number, image in enumerate(images)]
