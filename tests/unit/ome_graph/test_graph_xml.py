import os
import warnings
from pathlib import Path

import pytest
from lxml import etree
from ome_types import from_xml, to_xml

from ome_graph import InvalidOmeXml, metadata_only, read_ome
from tests.support.whole_model import WHOLE

SHARED = Path(os.environ.get("OMERO_ROZ_SHARED", Path(__file__).parents[4] / "shared"))
HEAD = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
PIXELS = (
    '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="2" SizeY="1" SizeZ="1"'
    ' SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{}</Pixels></Image>'
)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{10 * f"&{chr(97 + i)};"}">' for i in range(9))
    + f']>{HEAD}<Image ID="Image:0" Name="&j;"/></OME>'
)


def same_as_by_ome_types(xml):
    """Every value, and what was stated (only that is written)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = from_xml(metadata_only(xml))
    read = read_ome(xml)
    return read.model_dump() == expected.model_dump() and to_xml(read) == to_xml(expected)


class TestReadOme:
    def test_whole_model_as_ome_types_reads_it(self):
        assert same_as_by_ome_types(WHOLE)

    def test_files_as_ome_types_reads_them(self):
        files = [*SHARED.glob("layouts/*.zarr/OME/*.xml"), *SHARED.glob("layouts/originals/*.xml")]
        if not files:
            pytest.skip("no layouts here (OMERO_ROZ_SHARED)")
        for file in files:
            assert same_as_by_ome_types(file.read_bytes()), file

    @pytest.mark.parametrize(
        "data",
        [
            "",
            "<MetadataOnly/>",
            '<TiffData IFD="0"/><TiffData/>',
            '<BinData BigEndian="true" Length="9">!padded==</BinData>',
        ],
    )
    def test_pixel_data_does_not_matter(self, data):
        (image,) = read_ome(f"{HEAD}{PIXELS.format(data)}</OME>").images
        assert image.pixels.metadata_only is not None
        assert image.pixels.tiff_data_blocks == image.pixels.bin_data_blocks == []

    @pytest.mark.parametrize("schema", ["2013-06", "2015-01"])
    def test_older_schemas(self, schema):
        old = f"http://www.openmicroscopy.org/Schemas/OME/{schema}"
        binary = old.replace("/OME/", "/BinaryFile/")
        data = f'<b:BinData xmlns:b="{binary}" BigEndian="true" Length="4">AAA=</b:BinData>'
        (image,) = read_ome(f'<OME xmlns="{old}">{PIXELS.format(data)}</OME>').images
        assert image.pixels.size_x == 2
        assert image.pixels.metadata_only is not None

    def test_text_with_any_declaration(self):
        xml = f'<?xml version="1.0" encoding="UTF-16"?>{HEAD}{PIXELS.format("")}</OME>'
        assert len(read_ome("\ufeff" + xml).images) == 1
        assert len(read_ome(xml.encode("utf-16")).images) == 1

    def test_text_longer_than_parsers_allow_by_default(self):
        data = f'<BinData BigEndian="true" Length="12000000">{"A" * 12_000_000}</BinData>'
        assert len(read_ome(f"{HEAD}{PIXELS.format(data)}</OME>").images) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("xml", "message"),
        [
            (BOMB, "DOCTYPE"),
            ('<!DOCTYPE OME SYSTEM "file:///etc/passwd"><OME/>', "DOCTYPE"),
            (b"", "not well-formed"),
            (b"\x00\xff", "not well-formed"),
            (f"{HEAD}<Image></OME>", "not well-formed"),
            ("<html/>", "the root element is html, not OME"),
            (f'{HEAD}<BinaryOnly MetadataFile="a.companion.ome" UUID="urn:uuid:1"/></OME>', "read a.companion.ome"),
            (f"{HEAD}{PIXELS.format('').replace('uint8', 'uint9')}</OME>", "images/0/pixels/type is 'uint9'"),
            (f"{HEAD}{PIXELS.format('').replace('SizeX=', 'SizeQ=')}</OME>", "images/0/pixels/size_x: Field required"),
            ('<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/1999-01"/>', "OME-XML: "),
        ],
    )
    def test_in_one_line(self, xml, message):
        for read in (read_ome, metadata_only):
            try:
                read(xml)
            except InvalidOmeXml as error:
                assert message in str(error)
                assert "\n" not in str(error)
            else:
                assert read is metadata_only, "only the reader looks into the values"


def test_nested_deep_is_refused():
    deep = "<a>" * 1500 + "</a>" * 1500
    xml = f"<XMLAnnotation ID='Annotation:0'><Value>{deep}</Value></XMLAnnotation>"
    with pytest.raises(InvalidOmeXml, match="nested too deep"):
        read_ome(f"{HEAD}<StructuredAnnotations>{xml}</StructuredAnnotations></OME>")


class TestMetadataOnly:
    def test_nothing_else_changes(self):
        before, after = etree.fromstring(WHOLE.encode()), etree.fromstring(metadata_only(WHOLE))
        ns = {"o": before.nsmap[None]}
        (data,) = before.findall("o:Image/o:Pixels/o:TiffData", ns)
        data.tag = data.tag.replace("TiffData", "MetadataOnly")
        assert etree.tostring(after, method="c14n2", strip_text=True) == etree.tostring(
            before, method="c14n2", strip_text=True
        )

    def test_only_pixels_of_images_are_touched(self):
        inside = f"<XMLAnnotation ID='Annotation:0'><Value>{PIXELS.format('<TiffData/>')}</Value></XMLAnnotation>"
        xml = f"{HEAD}<StructuredAnnotations>{inside}</StructuredAnnotations></OME>"
        assert b"<TiffData/>" in metadata_only(xml)

    def test_stands_between_channels_and_planes(self):
        planes = '<TiffData/><Plane TheZ="0" TheC="0" TheT="0"/>'
        (pixels,) = etree.fromstring(metadata_only(f"{HEAD}{PIXELS.format(planes)}</OME>")).iter("{*}Pixels")
        assert [etree.QName(child).localname for child in pixels] == ["Channel", "MetadataOnly", "Plane"]

    def test_again_is_the_same(self):
        once = metadata_only(WHOLE)
        assert metadata_only(once) == once
