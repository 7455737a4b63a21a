"""One OME-XML for all images of a layout, of however many sources their metadata come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree
from ome_types import from_xml, to_xml

from omero_roz.errors import LayoutError
from omero_roz.layout.model import Plate, ZarrLayout
from omero_roz.layout.ome_from_ngff import ome_from_ngff, plates_from_ngff
from omero_roz.layout.parts import Part, parts_of
from omero_roz.shown import said

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
ORDER = (
    "Rights", "Project", "Dataset", "Folder", "Experiment", "Plate", "Screen", "Experimenter", "ExperimenterGroup",
    "Instrument", "StructuredAnnotations", "Image", "ROI",
)  # fmt: skip
REFERRING = ("ID", "Annotator")


def ome_xml_of(layout: ZarrLayout) -> bytes:
    """An OME-XML whose Images are the layout's mapped series, in their order.

    The layout's own where one has them all, with the plates that only NGFF knows. Of several, each Image comes with
    all of its own document, whose IDs get a number at their end: what two documents call alike is never taken for the
    same. What no OME-XML names is made from NGFF metadata. Raises LayoutError with all that is wrong.
    """
    if layout.errors:
        raise LayoutError.of(layout.errors)
    parts = parts_of(layout.sources, layout.mapping.paths)
    if len(parts) == 1 and parts[0].is_whole and not _plates_without(layout, parts[0]):
        source = parts[0].source
        assert source is not None and source.content is not None
        return source.content
    if len(parts) == 1 and parts[0].source is None:
        return to_xml(ome_from_ngff(layout)).encode()
    return _joined([_numbered(_document(layout, part), number) for number, part in enumerate(parts, 1)])


def _document(layout: ZarrLayout, part: Part) -> Any:
    """The OME element of a part, with no other images than its."""
    if part.source is None:
        return etree.fromstring(to_xml(ome_from_ngff(layout, part.paths)).encode())
    assert part.source.content is not None
    root = etree.fromstring(part.source.content, etree.XMLParser(resolve_entities=False, no_network=True))
    if etree.QName(root).namespace != NAMESPACE:
        try:
            root = etree.fromstring(to_xml(from_xml(etree.tostring(root))).encode())
        except Exception as error:  # what ome-types and its transformations raise is not listed anywhere
            what = f"its OME-XML of an older schema cannot be read ({said(error)})"
            raise LayoutError(what, part.source.path, "mend it or convert again") from None
    kept = set(part.places)
    for place, image in enumerate(root.findall(f"{{{NAMESPACE}}}Image")):
        if place not in kept:
            root.remove(image)
    if plates := _plates_without(layout, part):
        assert part.source.summary is not None
        images = part.source.summary.images
        ids = {path: images[place].id for path, place in zip(part.paths, part.places, strict=True)}
        root.extend(etree.fromstring(to_xml(plates_from_ngff(plates, ids)).encode()))
    return root


def _plates_without(layout: ZarrLayout, part: Part) -> list[Plate]:
    """The plates whose images are described by a source that has none of their wells."""
    if part.source is None or part.source.summary is None:
        return []
    images = part.source.summary.images
    in_wells = {image for plate in part.source.summary.plates for well in plate.wells for image in well.images}
    own = {path for path, place in zip(part.paths, part.places, strict=True) if images[place].id not in in_wells}
    return [plate for plate in layout.plates if plate.field_paths and own.issuperset(plate.field_paths)]


def _numbered(root: Any, number: int) -> Any:
    for element in _elements(root):
        for name in REFERRING:
            if name in element.attrib:
                element.set(name, f"{element.get(name)}:{number}")
    return root


def _elements(root: Any) -> Iterator[Any]:
    """All elements but those in the value of an XMLAnnotation, which are anybody's."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if not isinstance(element.tag, str):
            continue
        yield element
        if etree.QName(element).localname != "XMLAnnotation":
            waiting.extend(element)
        else:
            waiting.extend(child for child in element if not str(child.tag).endswith("}Value"))


def _joined(roots: Iterable[Any]) -> bytes:
    first, *others = roots
    for root in others:
        for child in list(root):
            name = etree.QName(child).localname if isinstance(child.tag, str) else ""
            there = first.find(f"{{{NAMESPACE}}}{name}") if name else None
            if name == "StructuredAnnotations" and there is not None:
                there.extend(list(child))
            elif name in ORDER and not (name == "Rights" and there is not None):
                first.append(child)
    known = [child for child in first if isinstance(child.tag, str) and etree.QName(child).localname in ORDER]
    first[:] = sorted(known, key=lambda child: ORDER.index(etree.QName(child).localname))
    return etree.tostring(first, xml_declaration=True, encoding="UTF-8")
