"""The server's own import of an OME-XML: what it fails over, and what its log says."""

import hashlib

import omero.clients
import pytest
from omero.sys import ParametersI

import omero
from tests.contract.facts import fact
from tests.support.importing import run_import

XML = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{more}<Image ID="Image:0">
    <Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="2" SizeY="1" SizeZ="1" SizeC="1" SizeT="1">
    <Channel ID="Channel:0:0"/>{plane}</Pixels></Image></OME>"""
PLANE = '<BinData BigEndian="false" Length="4"{more}>{text}</BinData>'
PLATE = """<Plate ID="Plate:0" Name="p"><Well ID="Well:0" Row="0" Column="0"><WellSample ID="WellSample:0" Index="0">
    <ImageRef ID="Image:0"/></WellSample>{more}</Well></Plate>"""


def imported(client: omero.clients.BaseClient, plane: str, more: str = "") -> object:
    return run_import(client, [("contract/a.ome.xml", XML.format(plane=plane, more=more).encode())])


@fact("real_server.md lie 18")
@pytest.mark.parametrize("more", ["", '<WellSample ID="WellSample:1" Index="1"/>'], ids=["all", "one without"])
def test_field_without_an_image(user: omero.clients.BaseClient, more: str) -> None:
    """A WellSample without an image fails the import."""
    response = imported(user, "<MetadataOnly/>", PLATE.format(more=more))
    assert isinstance(response, omero.cmd.ERR) == bool(more)


@fact("real_server.md lie 20")
def test_broken_compression(user: omero.clients.BaseClient) -> None:
    """A BinData that says zlib and is none: ERR import-file-exception."""
    response = imported(user, PLANE.format(more=' Compression="zlib"', text="AQID"))
    assert response.name == "import-file-exception"


@fact("real_server.md lie 20")
def test_padded_base64(user: omero.clients.BaseClient) -> None:
    """A BinData with padded base64 is imported as any other."""
    response = imported(user, PLANE.format(more="", text="AQI="))
    assert isinstance(response, omero.grid.ImportResponse), response
    hql, parameters = "select p.sha1 from Pixels p where p.id = :id", ParametersI().addId(response.pixels[0].id.val)
    [[found]] = user.sf.getQueryService().projection(hql, parameters)
    assert found.val == hashlib.sha1(b"\1\2").hexdigest()


@fact("real_server.md lie 22")
def test_log_of_an_import(user: omero.clients.BaseClient) -> None:
    """The log of an import that went well does not say 'finished'."""
    response = imported(user, "<MetadataOnly/>")
    parameters = ParametersI().addId(response.pixels[0].image.id.val)
    hql = """select o.id from Image i join i.fileset f join f.jobLinks j join j.child k join k.originalFileLinks l
        join l.child o where i.id = :id and o.mimetype = 'application/omero-log-file'"""
    [[log]] = user.sf.getQueryService().projection(hql, parameters)
    store = user.sf.createRawFileStore()
    try:
        store.setFileId(log.val)
        text = store.read(0, store.size()).decode()
    finally:
        store.close()
    assert text and "finished" not in text.lower()
