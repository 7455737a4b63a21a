"""What the series mapping needs of an OME-XML: images with sizes and types, plates with wells.

A plain parse (0.4 s for 3,456 images) because ome-types takes 5.5 s, which only an import has to pay.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

from omero_roz.errors import LayoutError
from omero_roz.layout.model import OmeImage, OmePlate, OmeSummary, OmeWell, PhysicalSize, Quantity, Sizes
from omero_roz.shown import said

_FIX = "restore the file or convert again"


class _Doctype(Exception):
    pass


class _Builder(ET.TreeBuilder):
    """Refuses a document type before any entity of it is read: OME-XML has none, entity bombs need one."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _Doctype


def summarise(content: bytes, where: str) -> OmeSummary:
    """Images and plates of an OME-XML in its order; raises LayoutError for broken, unsafe or other XML."""
    try:
        root = ET.fromstring(content, ET.XMLParser(target=_Builder()))
    except _Doctype:
        raise LayoutError("the XML has a document type, which can hide an entity bomb", where, _FIX) from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise LayoutError(f"broken XML ({said(error)})", where, _FIX) from None
    namespace, _, name = root.tag.rpartition("}")
    if name != "OME":
        raise LayoutError(f"not an OME-XML: its root element is {name!r}", where, _FIX)
    prefix = namespace + "}" if namespace else ""
    images = tuple(_image(prefix, image) for image in root.findall(f"{prefix}Image"))
    [(often, count)] = Counter(image.id for image in images if image.id).most_common(1) or [("", 1)]
    if count > 1:
        raise LayoutError(f"{count} of its Images have the ID {often[:60]!r}", where, _FIX)
    return OmeSummary(images, tuple(_plate(prefix, plate) for plate in root.findall(f"{prefix}Plate")))


def _image(prefix: str, image: ET.Element) -> OmeImage:
    pixels = image.find(f"{prefix}Pixels")
    attributes = {} if pixels is None else pixels.attrib
    size = PhysicalSize(*(_length(attributes, f"PhysicalSize{axis}") for axis in "XYZ"))
    return OmeImage(image.get("ID", ""), image.get("Name", ""), _sizes(attributes), attributes.get("Type"), size)


def _length(attributes: dict[str, str], name: str) -> Quantity | None:
    try:
        return Quantity(float(attributes[name]), attributes.get(f"{name}Unit", "µm"))  # the schema's default
    except (KeyError, ValueError):
        return None


def _sizes(attributes: dict[str, str]) -> Sizes | None:
    try:
        return Sizes(*(int(attributes[f"Size{axis}"]) for axis in "XYZCT"))
    except (KeyError, ValueError):
        return None


def _plate(prefix: str, plate: ET.Element) -> OmePlate:
    wells = (_well(prefix, well) for well in plate.findall(f"{prefix}Well"))
    return OmePlate(plate.get("Name", ""), tuple(well for well in wells if well is not None))


def _well(prefix: str, well: ET.Element) -> OmeWell | None:
    try:
        row, column = int(well.get("Row", "")), int(well.get("Column", ""))
    except ValueError:
        return None
    references = well.findall(f"{prefix}WellSample/{prefix}ImageRef")
    return OmeWell(row, column, tuple(reference.get("ID", "") for reference in references))
