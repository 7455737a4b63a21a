"""Values of the OME model as OMERO's: colours, times, quantities, key-value pairs, XML."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from enum import Enum
from functools import cache, lru_cache
from typing import Any

import omero.model
from lxml import etree
from ome_types.model import Color, Map, XMLAnnotation
from omero.rtypes import RTimeI, rint, rtime

MANY = 2_000

OME_NAMESPACE = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


Rgba = tuple[int, int, int, int]


def rgba(color: Color) -> Rgba:
    """Give red, green, blue and alpha, each 0..255."""
    packed = color.as_int32() & 0xFFFFFFFF
    return packed >> 24, packed >> 16 & 255, packed >> 8 & 255, packed & 255


def set_rgba(to: Any, colour: Rgba) -> None:
    """Give a channel or a well its colour."""
    setters = (to.setRed, to.setGreen, to.setBlue, to.setAlpha)
    for set_part, part in zip(setters, colour, strict=True):
        set_part(shared(rint)(part))


def timestamp(time: datetime.datetime) -> RTimeI:
    """Give milliseconds since 1970; a time without a zone is UTC, as for Bio-Formats."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return rtime(round(time.timestamp() * 1000))


@cache
def _units(unit_class: type[Enum]) -> tuple[type, dict[Enum, Any]]:
    """Give OMERO's class of a quantity and its units by those of ome-types: both know the same symbols."""
    quantity = getattr(omero.model, unit_class.__name__.removeprefix("Units") + "I")
    enumerators = getattr(omero.model.enums, unit_class.__name__)
    by_symbol = {symbol: getattr(enumerators, name) for name, symbol in quantity.SYMBOLS.items()}
    return quantity, {unit: by_symbol[unit.value] for unit in unit_class}


@lru_cache(maxsize=MANY)  # a plate says the same few values again and again; one object is sent and kept once
def quantity(value: float, unit: Enum) -> Any:
    """Give an omero.model quantity (LengthI, TimeI …) of the same value and unit, never converted."""
    make, units = _units(type(unit))
    return make(float(value), units[unit])


@cache
def shared(wrap: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Give `wrap` (rint, rstring …) so that equal values become one object, as with quantities."""
    return lru_cache(maxsize=MANY)(wrap)


def pairs(pairs: Map) -> list[omero.model.NamedValue]:
    """Give the pairs in their order; a key may stand more than once."""
    return [omero.model.NamedValue(pair.k or "", pair.value) for pair in pairs.ms]


def xml_text(value: XMLAnnotation.Value) -> str:
    """Give the XML inside an annotation as text, without the namespace of OME, as a server stores it."""
    return "".join(
        part if isinstance(part, str) else etree.tostring(_element(part), encoding="unicode")
        for part in value.any_elements
    ).strip()


def _element(generic: Any) -> Any:
    element = etree.Element(generic.qname.removeprefix(OME_NAMESPACE), generic.attributes)
    element.text, element.tail = generic.text or None, generic.tail or None
    element.extend(_element(child) for child in generic.children)
    return element
