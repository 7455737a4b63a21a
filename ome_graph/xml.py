"""OME-XML: read as ome-types' model, and cleaned of pixel data."""

from __future__ import annotations

import base64
import re
import types
import typing
import warnings
from functools import cache
from typing import Any
from xml.parsers import expat

from lxml import etree
from ome_types import OME, from_xml
from pydantic import BaseModel, ValidationError
from xsdata.exceptions import ParserError
from xsdata_pydantic_basemodel.compat import AnyElement

from .bulk import many_objects
from .errors import InvalidOmeXml

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
ANY_OME = re.compile(r"\{https?://www\.openmicroscopy\.org/(XML)?schemas/OME/[^}]+\}OME$", re.IGNORECASE)
PIXEL_DATA = ("BinData", "TiffData", "MetadataOnly")


def read_ome(xml: bytes | str) -> OME:
    """Read OME-XML of any published schema; the pixel data in it, or none, does not matter.

    Read by the fields of ome-types' classes: several times as fast as ome-types' own reader, which only older
    schemas go through (for its transformations). References are IDs: `.ref` is not looked up. Raises InvalidOmeXml.
    """
    root = _parse(xml)
    _only_metadata(root)
    try:
        with many_objects(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of references to what is not there: such are the XMLs of subsets
            if etree.QName(root).namespace == NAMESPACE:
                ome = OME()
                for field, value in _fields_of(root, OME).items():
                    setattr(ome, field, value)  # validates as OME(...) does, which would then look up all references
                return ome
            return from_xml(etree.tostring(root))
    except ValidationError as error:
        raise InvalidOmeXml(f"OME-XML: {_first(error)}") from error
    except RecursionError as error:
        raise InvalidOmeXml("OME-XML: elements are nested too deep to be metadata") from error
    except (ValueError, ParserError, etree.XSLTError) as error:
        raise InvalidOmeXml(f"OME-XML: {' '.join(str(error).split())[:300]}") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    more = f" (and {error.error_count() - 1} more errors)" if error.error_count() > 1 else ""
    stated = "" if first["type"] == "missing" else f" is {first['input']!r:.60}"
    return f"{'/'.join(map(str, first['loc']))}{stated}: {first['msg']:.200}{more}"


def metadata_only(xml: bytes | str) -> bytes:
    """Give a copy in which every Pixels has MetadataOnly instead of BinData or TiffData; nothing else changes.

    A server's import of OME-XML fails on some BinData (facts/omero_completeness.md). Raises InvalidOmeXml.
    """
    root = _parse(xml)
    _only_metadata(root)
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def _parse(xml: bytes | str) -> Any:
    if isinstance(xml, str):  # its declaration may name an encoding that it no longer has
        xml = re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", xml, count=1).lstrip("\ufeff").encode()
    _refuse_doctype(xml)
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise InvalidOmeXml(f"OME-XML: not well-formed: {error.msg}") from error
    if not ANY_OME.match(root.tag):
        raise InvalidOmeXml(f"OME-XML: the root element is {root.tag}, not OME")
    if root.find("{*}BinaryOnly") is not None:
        place = root.find("{*}BinaryOnly").get("MetadataFile")
        raise InvalidOmeXml(f"OME-XML: only points to another file: read {place} instead")
    return root


class _Begun(Exception):
    """The root element has begun: no DOCTYPE can follow."""


def _refuse_doctype(xml: bytes) -> None:
    """Refuse a DOCTYPE: OME-XML has none, and entities can make a small file fill the memory."""

    def doctype(*args: Any) -> None:
        raise InvalidOmeXml("OME-XML: has a DOCTYPE, which is refused: it could define entities without end")

    def begun(*args: Any) -> None:
        raise _Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = begun
    try:
        parser.Parse(xml, True)
    except _Begun:
        pass
    except expat.ExpatError as error:
        raise InvalidOmeXml(f"OME-XML: not well-formed: {error}") from error


def _only_metadata(root: Any) -> None:
    for pixels in root.iterfind("{*}Image/{*}Pixels"):
        place = 0
        for child in list(pixels):
            name = etree.QName(child).localname if isinstance(child.tag, str) else ""
            if name in PIXEL_DATA:
                pixels.remove(child)
            elif name == "Channel":
                place = pixels.index(child) + 1
        pixels.insert(place, pixels.makeelement(pixels.tag.replace("}Pixels", "}MetadataOnly")))


# Reading by the fields of the classes: an element becomes the keyword arguments of its class.

Convert = typing.Callable[[str], Any]


@cache
def _shape(cls: type[BaseModel]) -> tuple[dict, dict, str | None, str | None]:
    """Give a class's attributes, child elements, field of its text, and field of elements of any kind."""
    attributes: dict[str, tuple[str, Convert | None]] = {}
    elements: dict[str, tuple[str, Any, bool, Convert | None]] = {}
    text = anything = None
    for field, info in cls.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        options = [option for option in typing.get_args(info.annotation) if option is not types.NoneType]
        many = typing.get_origin(info.annotation) is list
        kind = options[0] if options else info.annotation
        tokens = many and extra.get("type") == "Attribute"
        convert: Convert | None = CONVERSIONS.get("tokens" if tokens else str(extra.get("format")))
        if extra.get("type") == "Attribute":
            attributes[str(extra["name"])] = (field, convert)
        elif extra.get("type") == "Element":
            elements[str(extra["name"])] = (field, kind, many, convert)
        elif extra.get("type") == "Wildcard":
            anything = field
        elif field == "value":
            text = field
    return attributes, elements, text, anything


CONVERSIONS: dict[str, Convert] = {
    "base64": base64.b64decode,
    "base16": bytes.fromhex,
    "tokens": lambda text: text.split(),
}


def _fields_of(element: Any, cls: type[BaseModel]) -> dict[str, Any]:
    attributes, elements, text, anything = _shape(cls)
    found: dict[str, Any] = {}
    for name, value in element.items():
        known = attributes.get(name)
        if known is not None:
            field, convert = known
            found[field] = convert(value) if convert else value
    if text is not None:
        convert = CONVERSIONS.get(str((cls.model_fields[text].json_schema_extra or {}).get("format")))  # type: ignore
        found[text] = convert(element.text or "") if convert else element.text or ""
    if anything is not None:
        found[anything] = [_anything(child) for child in element if isinstance(child.tag, str)]
        if element.text and element.text.strip():
            found[anything].insert(0, element.text)
        return found
    for child in element:
        known = elements.get(child.tag.rpartition("}")[2]) if isinstance(child.tag, str) else None
        if known is None:
            continue
        field, kind, many, convert = known
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            value = _fields_of(child, kind)
        else:
            value = convert(child.text or "") if convert else child.text or ""
        if many:
            found.setdefault(field, []).append(value)
        else:
            found[field] = value
    return found


def _anything(element: Any) -> Any:
    return AnyElement(
        qname=element.tag,
        text=element.text or "",
        tail=element.tail,
        children=[_anything(child) for child in element if isinstance(child.tag, str)],
        attributes=dict(element.attrib),
    )
