"""Settings of an import, and one that fails half-way, as a real server leaves it."""

import pytest

import omero
from demo.omero_client import Account
from tests.importing import run_import
from tests.servers import Server

XML = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{images}</OME>'
IMAGE = (
    '<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint8" SizeX="2" SizeY="1" SizeZ="1"'
    ' SizeC="1" SizeT="1" {sizes}><Channel ID="Channel:{n}:0"/>{planes}</Pixels></Image>'
)


def xml(planes: str, sizes: str = "") -> bytes:
    return XML.format(images="".join(IMAGE.format(n=n, planes=planes, sizes=sizes) for n in range(2))).encode()


def test_padded_base64_fails_half_way(server: Server, curator: Account) -> None:
    planes = '<BinData BigEndian="false" Length="4">AQI=</BinData>'
    with server.client(curator.name, curator.password) as client:
        response = run_import(client, [("x/b.ome.xml", xml(planes))])
        assert isinstance(response, omero.cmd.ERR)
        query = client.sf.getQueryService()
        fileset = query.projection("select max(f.id) from Fileset f", None)[0][0].val
        rows = query.projection(
            f"select i.series, p.sha1 from Image i join i.pixels p where i.fileset.id = {fileset}", None
        )
        assert [(series.val, sha1.val) for series, sha1 in rows] == [(0, "Pending...")] * 2
        store = client.sf.createRawPixelsStore()
        pixels = query.projection(f"select max(p.id) from Pixels p where p.image.fileset.id = {fileset}", None)
        with pytest.raises(omero.ServerError):
            store.setPixelsId(pixels[0][0].val, False)
            store.getPlane(0, 0, 0)
        store.close()
        client.submit(omero.cmd.Delete2(targetObjects={"Fileset": [fileset]}))


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
