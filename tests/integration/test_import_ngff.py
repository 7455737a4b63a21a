"""A curator imports Zarrs that have no OME-XML: what NGFF says of them is in OMERO, and every plane is right."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from demo.omero_client import shown
from omero_roz.layout.planes import plane_sha1
from tests.support.planes import expected
from tests.support.servers import Omero


def imported(omero_cli: Omero, uri: Path, *options: str) -> list[int]:
    result = omero_cli("roz", "import", "--again", str(uri), "--json", *options)
    assert result.code == 0, result.err
    return json.loads(result.out)[0]["images"]


def test_a_real_layout_without_ome_xml(omero_cli: Omero, shared: Path) -> None:
    images = imported(omero_cli, shared / "layouts" / "v4_m3_noome.zarr")
    assert shown(omero_cli.client, images) == expected(shared, "v4_m3_noome")


def test_a_real_plate_without_ome_xml(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    bare = tmp_path / "plate.zarr"
    shutil.copytree(shared / "layouts" / "v4_plate23.zarr", bare, ignore=shutil.ignore_patterns("OME"))
    images = imported(omero_cli, bare)
    assert shown(omero_cli.client, images) == expected(shared, "v4_plate23")
    query = omero_cli.client.sf.getQueryService()
    wells = "select w.row, w.column, w.plate.name from Well w join w.wellSamples s where s.image.id in (%s)"
    found = {tuple(v.val for v in row) for row in query.projection(wells % ",".join(map(str, images)), None)}
    there = json.loads((bare / ".zattrs").read_text())["plate"]
    assert found == {(w["rowIndex"], w["columnIndex"], there["name"]) for w in there["wells"]}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """One NGFF 0.4 image that bioformats2raw did not write: three axes, units, channels with colours."""
    path = tmp_path / "plain.zarr"
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space", "unit": "nanometer"} for a in "yx")]
    scale = [{"type": "scale", "scale": [1, 250, 125]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    multiscale = {"version": "0.4", "name": "cells", "axes": axes, "datasets": datasets}
    omero = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00FF00"}]}
    attributes: Any = {"multiscales": [multiscale], "omero": omero}
    group = zarr.open_group(path, mode="w", zarr_format=2, attributes=attributes)
    group.create_array("0", data=np.arange(2 * 5 * 7, dtype="<u2").reshape(2, 5, 7), chunks=(1, 5, 7),
                       chunk_key_encoding={"name": "v2", "separator": "/"})  # fmt: skip
    return path


def test_a_plain_image_with_what_ngff_says_of_it(omero_cli: Omero, plain: Path) -> None:
    [image] = imported(omero_cli, plain)
    pixels = np.arange(2 * 5 * 7, dtype="<u2").reshape(2, 5, 7)
    assert shown(omero_cli.client, [image]) == {(0, 0, c, 0): plane_sha1(pixels[c]) for c in (0, 1)}
    query = omero_cli.client.sf.getQueryService()
    found = query.findByQuery(
        "select i from Image i join fetch i.pixels p join fetch p.channels c join fetch c.logicalChannel "
        f"where i.id = {image}", None,
    )  # fmt: skip
    assert found.name.val == "cells"
    described = found.getPrimaryPixels()
    x = described.physicalSizeX
    assert (x.getValue(), x.getUnit().name) == (125, "NANOMETER")
    channels = [described.getChannel(c) for c in (0, 1)]
    assert [channel.logicalChannel.name.val for channel in channels] == ["DAPI", "GFP"]
    assert [(c.red.val, c.green.val, c.blue.val) for c in channels] == [(0, 0, 255), (0, 255, 0)]
