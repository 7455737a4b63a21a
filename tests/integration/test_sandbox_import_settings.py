"""Settings of an import, planes inside of an OME-XML, and how imports fail."""

import base64
import hashlib
import zlib
from typing import Any

import numpy as np
import pytest
from omero.rtypes import unwrap

import omero
from demo.omero_client import Account
from tests.support.importing import run_import
from tests.support.servers import Server

XML = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{images}</OME>'
IMAGE = (
    '<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint8" SizeX="2" SizeY="1" SizeZ="1"'
    ' SizeC="1" SizeT="1" {sizes}><Channel ID="Channel:{n}:0"/>{planes}</Pixels></Image>'
)


def xml(planes: str, sizes: str = "") -> bytes:
    return XML.format(images="".join(IMAGE.format(n=n, planes=planes, sizes=sizes) for n in range(2))).encode()


@pytest.mark.parametrize(
    ("stated", "expected"),
    [("", (0.5, 0.25, 2.0)), ('PhysicalSizeX="3" PhysicalSizeXUnit="nm"', (3.0, 0.25, 2.0))],
)
def test_sizes_that_the_user_specifies(
    server: Server, curator: Account, stated: str, expected: tuple[float, ...]
) -> None:
    with server.client(curator.name, curator.password) as client:
        content = xml("<MetadataOnly/>", stated)
        response = run_import(client, [("x/s.ome.xml", content)], userSpecifiedPixels=[0.5, 0.25, 2.0])
        found = client.sf.getQueryService().get("Pixels", response.pixels[0].id.val)
        assert tuple(getattr(found, f"physicalSize{axis}").getValue() for axis in "XYZ") == expected


INLINE = (
    '<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="{order}" Type="uint16" SizeX="3" SizeY="2" SizeZ="1"'
    ' SizeC="2" SizeT="2"><Channel ID="Channel:{n}:0"/><Channel ID="Channel:{n}:1"/>{planes}</Pixels></Image>'
)


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize(("compression", "pack"), [("none", bytes), ("zlib", zlib.compress)])
def test_planes_inside_of_an_ome_xml(server: Server, curator: Account, big: bool, compression: str, pack: Any) -> None:
    planes = np.arange(24, dtype=">u2" if big else "<u2").reshape(2, 2, 2, 3)  # t, c, y, x

    def image(number: int, order: str) -> str:
        each = planes if order == "XYZCT" else planes.transpose(1, 0, 2, 3)
        texts = [base64.b64encode(pack(plane.tobytes())).decode() for plane in each.reshape(4, 2, 3)]
        elements = "".join(
            f'<BinData BigEndian="{str(big).lower()}" Compression="{compression}" Length="{len(t)}">{t}</BinData>'
            for t in texts
        )
        return INLINE.format(n=number, order=order, planes=elements)

    content = XML.format(images=image(0, "XYZCT") + image(1, "XYZTC")).encode()
    with server.client(curator.name, curator.password) as client:
        response = run_import(client, [("x/inline.ome.xml", content)])
        query = (
            "select p.sha1, s.globalMin, s.globalMax from Pixels p join p.channels c join c.statsInfo s"
            " where p.id in (:ids) order by p.id, index(c)"
        )
        ids = omero.sys.ParametersI().addIds([p.id.val for p in response.pixels])
        found = unwrap(client.sf.getQueryService().projection(query, ids))
    sha1 = hashlib.sha1(planes.tobytes()).hexdigest()
    assert found == [[sha1, 0.0, 17.0], [sha1, 6.0, 23.0]] * 2


@pytest.mark.parametrize(
    ("old", "new", "name", "images"),
    [
        (b"</OME>", b"", "error-on-init", 0),
        (b'"uint8"', b'"complex"', "error-on-init", 0),
        (b'SizeY="1"', b'SizeY="9"', "import-request-failure", 2),  # its plane is too short
        (b"<BinData", b'<BinData Compression="zlib"', "import-file-exception", 2),
    ],
)
def test_how_imports_fail(server: Server, curator: Account, old: bytes, new: bytes, name: str, images: int) -> None:
    content = xml('<BinData BigEndian="false" Length="4">AQID</BinData>').replace(old, new)
    with server.client(curator.name, curator.password) as client:
        response = run_import(client, [("x/broken.ome.xml", content)])
        assert isinstance(response, omero.cmd.ERR)
        assert response.name == name
        query = "select size(f.images) from Fileset f where f.id = (select max(g.id) from Fileset g)"
        assert client.sf.getQueryService().projection(query, None)[0][0].val == images
