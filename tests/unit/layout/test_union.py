"""One OME-XML of several metadata sources: IDs of two documents never mean one thing."""

from typing import Any

import pytest

from ome_graph import read_ome
from omero_roz.errors import LayoutError
from omero_roz.layout.reading import read_layout
from omero_roz.layout.union import ome_xml_of
from tests.unit.layout.trees import OME_NS, Tree, image, ome_image, ome_plate, plate, root, xml


def layout_of(files: dict[str, Any], **mappings: list[str]) -> Any:
    items = [
        {"@type": "ome-xml", "file": {"path": f"{name}.xml"}, "seriesMapping": paths}
        for name, paths in mappings.items()
    ]
    return read_layout(Tree(root(metadataSources=items) | files))


def document(*elements: str, namespace: str = OME_NS) -> bytes:
    return f'<OME xmlns="{namespace}">{"".join(elements)}</OME>'.encode()


def described(name: str, model: str) -> bytes:
    """An image taken with an objective, with an annotation by somebody whose XML has IDs of its own."""
    instrument = f'<Instrument ID="Instrument:0"><Objective ID="Objective:0" Model="{model}"/></Instrument>'
    notes = (
        '<StructuredAnnotations><XMLAnnotation ID="Annotation:0"><Value><Mine xmlns="x" ID="mine"/></Value>'
        "</XMLAnnotation></StructuredAnnotations>"
    )
    references = '<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:0"/><Pixels'
    one = (
        ome_image(0, name)
        .replace("<Pixels", references)
        .replace("</Image>", '<AnnotationRef ID="Annotation:0"/></Image>')
    )
    return document(instrument, notes, one)


FILES = image("0") | image("1") | {"one.xml": described("a", "first"), "two.xml": described("b", "second")}


def test_two_documents_with_the_same_ids() -> None:
    ome = read_ome(ome_xml_of(layout_of(FILES, one=["1"], two=["0"])))
    assert [made.name for made in ome.images] == ["a", "b"]
    objectives = {one.id: one.model for instrument in ome.instruments for one in instrument.objectives}
    assert [objectives[made.objective_settings.id] for made in ome.images] == ["first", "second"]
    notes = [note.id for note in ome.structured_annotations]
    assert notes == [made.annotation_refs[0].id for made in ome.images] and len(set(notes)) == 2
    assert [note.value.any_elements[0].attributes for note in ome.structured_annotations] == [{"ID": "mine"}] * 2


def test_one_document_stays_as_it_is() -> None:
    assert ome_xml_of(layout_of(FILES | image("2"), one=["0"])) != FILES["one.xml"]
    only = {path: content for path, content in FILES.items() if not path.startswith("1/")}
    assert ome_xml_of(layout_of(only, one=["0"])) == FILES["one.xml"]


def test_an_image_of_two_documents_is_the_firsts() -> None:
    layout = layout_of(FILES | {"two.xml": document(ome_image(0, "b"), ome_image(1, "c"))}, one=["0"], two=["0", "1"])
    assert [made.name for made in read_ome(ome_xml_of(layout)).images] == ["a", "c"]
    [problem] = layout.problems
    assert (problem.where, problem.severity) == ("two.xml", "warning") and "earlier metadata source" in problem.what


def test_an_older_schema_beside_todays() -> None:
    old = document(ome_image(0, "old"), namespace="http://www.openmicroscopy.org/Schemas/OME/2015-01")
    old = old.replace(b'"/></Image>', b'"><MetadataOnly/></Pixels></Image>')
    ome = read_ome(ome_xml_of(layout_of(FILES | {"one.xml": old}, one=["0"], two=["1"])))
    assert [made.name for made in ome.images] == ["old", "b"]


def test_what_no_document_names_has_its_ngff_metadata() -> None:
    ome = read_ome(ome_xml_of(layout_of(FILES | image("2", (1, 2, 1, 4, 6), name="named"), one=["0"], two=["1"])))
    assert [(made.name, made.pixels.size_c) for made in ome.images] == [("a", 1), ("b", 1), ("named", 2)]


def test_a_plate_that_only_ngff_knows() -> None:
    files = plate("", {"A/1": ["0"], "B/2": ["0"]}) | xml(ome_image(3, "a"), ome_image(7, "b"))
    ome = read_ome(ome_xml_of(read_layout(Tree(files))))
    [made] = ome.plates
    names = {image.id: image.name for image in ome.images}
    found = {(w.row, w.column): [names[s.image_ref.id] for s in w.well_samples] for w in made.wells}
    assert found == {(0, 0): ["a"], (1, 1): ["b"]}
    stated = files | xml(ome_plate((0, 0, [3]), (1, 1, [7])), ome_image(3, "a"), ome_image(7, "b"))
    assert ome_xml_of(read_layout(Tree(stated))) == stated["OME/METADATA.ome.xml"]


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(LayoutError, match="group not found"):
        ome_xml_of(layout_of(FILES, one=["5"], two=["1"]))
