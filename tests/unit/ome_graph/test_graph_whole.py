import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from ome_types.model import OME, Image, Pixels

from ome_graph import ENUMERATIONS, EnumTable, InvalidOmeXml, graph, read_ome
from tests.support.graph_as_record import KnownEnums, Record
from tests.support.graph_saveable import check_saveable
from tests.support.whole_model import WHOLE


def record(xml):
    ome, enums = read_ome(xml), KnownEnums()
    made = graph(ome, [f"image {i}" for i in range(len(ome.images))], enums)
    return Record(made, enums).whole(), made


@pytest.fixture(scope="module")
def whole():
    return record(WHOLE)[0]


def changed(*changes):
    xml = WHOLE
    for old, new in changes:
        assert old in xml
        xml = xml.replace(old, new)
    return xml


def shared(made, kind):
    return [thing for wave in made.shared for thing in wave if type(thing).__name__ == kind + "I"]


class TestImage:
    def test_plain_values(self, whole):
        (image,) = whole["images"]
        assert image["name"] == "image 0"
        assert image["description"] == "line 1\nline 2"
        assert image["acquisitiondate"] == "2020-01-02T01:04:05.678000"  # UTC
        assert image["stagelabel"] == {"name": "stage", "positionx": [1.0, "mm"]}
        assert image["imagingenvironment"] == {
            "temperature": [37.0, "°C"],
            "co2percent": 0.5,
            "map": [["gas", "N2"]],
        }

    def test_pixels(self, whole):
        (pixels,) = whole["images"][0]["pixels"]
        assert pixels["dimensionorder"] == "XYZCT"
        assert pixels["significantbits"] == 16
        assert pixels["physicalsizex"] == [650.0, "nm"]
        assert pixels["timeincrement"] == [2.0, "min"]
        assert [pixels[f"size{d}"] for d in "xyzct"] == [4, 3, 2, 3, 1]

    def test_plane_that_says_nothing_is_not_stored(self, whole):
        (plane,) = whole["images"][0]["pixels"][0]["planeinfo"]
        assert plane == {
            "thez": 1,
            "thec": 0,
            "thet": 0,
            "exposuretime": [20.0, "ms"],
            "positionz": [-1.0, "mm"],
            "annotations": [{"type": "/basic/bool/", "boolvalue": True}],
        }

    def test_settings_for_a_part_that_is_not_there_are_dropped(self, whole):
        logical = whole["images"][0]["pixels"][0]["channels"][1]["logicalchannel"]
        assert logical == {"photometricinterpretation": "Monochrome", "samplesperpixel": 1}

    def test_experiment_with_its_manipulation(self):
        made = record(WHOLE)[1]
        (experiment,) = shared(made, "Experiment")
        (manipulation,) = experiment.copyMicrobeamManipulation()
        (light,) = manipulation.copyLightSourceSettings()
        assert light.attenuation.val == 0.25
        assert light.lightSource is shared(made, "Arc")[0]

    def test_folders(self, whole):
        made = record(WHOLE)[1]
        outer, inner = shared(made, "Folder")
        assert (outer.name.val, inner.name.val) == ("outer", "inner")
        assert inner.parentFolder is outer
        assert [folder["name"] for folder in whole["images"][0]["folders"]] == ["inner"]
        assert [folder["name"] for folder in whole["images"][0]["rois"][0]["folders"]] == ["inner"]


class TestInstrument:
    def test_every_part(self, whole):
        (instrument,) = whole["instruments"]
        assert {part["subtype"] for part in instrument["lightsources"]} == {
            "laser", "arc", "filament", "lightemittingdiode", "genericexcitationsource",
        }  # fmt: skip
        assert instrument["microscope"] == {"model": "M", "type": "Unknown"}
        assert instrument["detectors"] == [{"type": "EMCCD", "offsetvalue": 2.5, "voltage": [1.0, "kV"]}]
        assert len(instrument["filters"]) == 2

    def test_laser_with_pump(self, whole):
        settings = whole["images"][0]["pixels"][0]["channels"][0]["logicalchannel"]["lightsourcesettings"]
        assert settings["lightsource"]["pump"] == {"subtype": "arc", "type": "Unknown", "power": [3.0, "W"]}
        assert settings["lightsource"]["repetitionrate"] == [2.0, "MHz"]

    def test_filter_set(self, whole):
        logical = whole["images"][0]["pixels"][0]["channels"][0]["logicalchannel"]
        assert logical["filterset"]["excitationfilters"] == [{"filterwheel": "w"}]
        assert logical["filterset"]["dichroic"] == {"model": "d"}
        assert logical["lightpath"]["emissionfilters"][0]["transmittancerange"]["cutout"] == [540.0, "nm"]

    def test_what_no_image_leads_to_is_not_stored(self):
        made = record(WHOLE)[1]
        assert len(shared(made, "Instrument")) == 1
        assert len(shared(made, "CommentAnnotation")) == 1
        assert [plate.name.val for plate in shared(made, "Plate")] == ["Plate"]


class TestAnnotations:
    def test_on_annotations(self, whole):
        (of_list,) = [a for a in whole["images"][0]["annotations"] if a["type"] == "/list/"]
        assert [a["textvalue"] for a in of_list["annotations"]] == ["said", "tag"]

    def test_xml_is_kept(self, whole):
        (xml,) = [a["textvalue"] for a in whole["images"][0]["annotations"] if a["type"] == "/basic/text/xml/"]
        root = etree.fromstring(xml)
        assert (root.tag, root.get("c"), root.text, root[0].tag, root[0].tail) == ("{urn:x}b", "1", "t", "d", "u")

    def test_of_every_kind(self):
        made = record(WHOLE)[1]
        kinds = {type(thing).__name__ for wave in made.shared for thing in wave if "Annotation" in type(thing).__name__}
        assert len(kinds) == 11

    def test_keys_may_repeat(self, whole):
        (well,) = [well for well in whole["plates"][0]["wells"] if "annotations" in well]
        assert well["annotations"] == [{"type": "/map/", "mapvalue": [["k", "v"], ["k", "w"]]}]


class TestPlate:
    def test_grows_to_its_wells_and_gets_a_name(self, whole):
        (plate,) = whole["plates"]
        assert (plate["rows"], plate["columns"], plate["name"], plate["defaultsample"]) == (3, 4, "Plate", 1)

    def test_wells(self, whole):
        empty, well = whole["plates"][0]["wells"]
        assert empty == {"row": 0, "column": 0, "wellsamples": []}
        assert [well[part] for part in ("red", "green", "blue", "alpha")] == [255, 0, 0, 255]
        assert well["wellsamples"] == [{"index": 0, "posx": [1.5, "mm"], "plateacquisition": 0, "series": 0}]
        assert well["reagents"][0]["name"] == "siRNA"

    def test_screen(self, whole):
        (screen,) = whole["plates"][0]["screens"]
        assert (screen["name"], screen["type"], screen["protocolidentifier"]) == ("screen", "RNAi", "p7")
        assert [reagent["reagentidentifier"] for reagent in screen["reagents"]] == ["r1"]


class TestShapes:
    def test_of_every_kind(self, whole):
        (roi,) = whole["images"][0]["rois"]
        shapes = {shape["type"]: shape for shape in roi["shapes"]}
        assert len(shapes) == 8
        assert shapes["text"]["fontsize"] == [12.0, "pt"]
        assert shapes["mask"]["bytes"]["length"] == 1
        assert shapes["ellipse"]["strokewidth"] == [2.0, "µm"]
        assert (shapes["ellipse"]["fillcolor"], shapes["ellipse"]["strokecolor"]) == (-1, 255)
        assert shapes["rect"]["transform"]["a12"] == 6.0
        assert shapes["line"]["strokedasharray"] == "5 3"
        assert [shapes["point"][the] for the in ("thez", "thet", "thec")] == [1, 0, 2]


class TestCanBeSaved:
    def test_whole_model(self):
        check_saveable(record(WHOLE)[1])

    def test_waves_are_few(self):
        assert len(record(WHOLE)[1].shared) <= 5

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sets(st.integers(0, 400), max_size=40), st.sets(st.integers(0, 600), max_size=40))
    def test_whatever_is_missing(self, elements, attributes):
        """Without some elements and attributes the XML is refused, or what is left can be saved."""
        root = etree.fromstring(WHOLE.encode())
        nodes = list(root.iter())
        stated = [(node, name) for node in nodes for name in node.attrib]
        for number in attributes & set(range(len(stated))):
            node, name = stated[number]
            del node.attrib[name]
        for number in elements & set(range(1, len(nodes))):
            parent = nodes[number].getparent()
            if parent is not None:
                parent.remove(nodes[number])
        try:
            made = record(etree.tostring(root))[1]
        except InvalidOmeXml as error:
            assert "\n" not in str(error)
        else:
            check_saveable(made)

    def test_made_by_hand_without_ids_or_channels(self):
        pixels = Pixels(dimension_order="XYZCT", type="bit", size_x=1, size_y=1, size_z=1, size_c=2, size_t=1)
        ome = OME()
        ome.images.append(Image(pixels=pixels))
        made = graph(ome, ["a"], KnownEnums())
        assert made.images[0].getPrimaryPixels().sizeOfChannels() == 2
        assert made.images[0].getPrimaryPixels().significantBits.val == 1
        check_saveable(made)


class TestRefused:
    def test_wrong_count_of_names(self):
        with pytest.raises(ValueError, match="1 images in the OME metadata, but 2 names"):
            graph(read_ome(WHOLE), ["a", "b"], KnownEnums())

    def test_annotations_in_a_circle(self):
        xml = changed(
            ('<CommentAnnotation ID="Annotation:comment"><Description>why</Description>',
             '<CommentAnnotation ID="Annotation:comment"><AnnotationRef ID="Annotation:list"/>')
        )  # fmt: skip
        with pytest.raises(InvalidOmeXml, match="circle: Annotation:list refers to Annotation:comment"):
            record(xml)

    def test_a_chain_without_end(self):
        links = "".join(
            f'<ListAnnotation ID="Annotation:{i}"><AnnotationRef ID="Annotation:{i + 1}"/></ListAnnotation>'
            for i in range(1000)
        )
        xml = changed(("<StructuredAnnotations>", f"<StructuredAnnotations>{links}"), (":unused", ":1000"))
        with pytest.raises(InvalidOmeXml, match="too deep"):
            record(xml.replace('<AnnotationRef ID="Annotation:xml"/>', '<AnnotationRef ID="Annotation:0"/>'))

    def test_folders_in_a_circle(self):
        xml = changed(('<ImageRef ID="Image:0"/><ROIRef', '<FolderRef ID="Folder:0"/><ImageRef ID="Image:0"/><ROIRef'))
        with pytest.raises(InvalidOmeXml, match="circle"):
            record(xml)


class TestAlike:
    def images(self, plate):
        image = (
            '<Image ID="Image:{0}"><InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0"/>'
            '<Pixels ID="Pixels:{0}" DimensionOrder="XYZCT" Type="uint8" SizeX="1" SizeY="1" SizeZ="1" SizeC="1"'
            ' SizeT="1"><Channel ID="Channel:{0}" Name="{1}"/></Pixels></Image>'
        )
        xml = WHOLE[: WHOLE.index('<Image ID="Image:0"')] + image.format(0, "a") + image.format(1, "a")
        xml += image.format(2, "b") + "</OME>"
        return record(xml if plate else re.sub(r"(?s)<Screen.*?</Screen>|<Plate .*?</Plate>|<Plate .*?/>", "", xml))

    def test_channels_and_objectives_are_one_row_on_a_plate(self):
        whole, made = self.images(plate=True)
        first = [image["pixels"][0]["channels"][0]["logicalchannel_first_used_by"] for image in whole["images"]]
        assert first == [[0, 0], [0, 0], [2, 0]]
        assert len(shared(made, "ObjectiveSettings")) == 1
        check_saveable(made)

    def test_not_so_elsewhere(self):
        whole, made = self.images(plate=False)
        first = [image["pixels"][0]["channels"][0]["logicalchannel_first_used_by"] for image in whole["images"]]
        assert first == [[0, 0], [1, 0], [2, 0]]
        assert shared(made, "LogicalChannel") == []
        check_saveable(made)


class TestEnumTable:
    table = EnumTable({("DetectorType", "EM-CCD"): 4, ("Immersion", "Other"): 7, ("ArcType", "Unknown"): 9})

    def test_case_and_punctuation_do_not_count(self):
        found = self.table("DetectorType", "EMCCD")
        assert (type(found).__name__, found.id.val, found.isLoaded()) == ("DetectorTypeI", 4, False)

    def test_unknown_value(self):
        assert self.table("Immersion", "Oil").id.val == 7
        assert self.table("ArcType", "Xe").id.val == 9
        assert self.table("Binning", "7x7") is None

    def test_every_enumeration_is_named(self):
        enums = KnownEnums()  # asserts that the name is one of ENUMERATIONS
        ome = read_ome(WHOLE)
        graph(ome, ["a"], enums)
        assert len(set(ENUMERATIONS)) == len(ENUMERATIONS)
