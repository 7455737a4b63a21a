"""How a class of the OME model becomes a class of OMERO's: by reflection over both, with short tables of exceptions.

A field goes to the field of the same name (`serial_number` -> `serialNumber`); how its value is converted follows from
the two types: a unit beside it makes a quantity, an enumeration a row of OMERO's, a reference a shared object or a link,
an element an object of its own. What OMERO has no field for is left out (experimenters, checksums, byte orders).
"""

from __future__ import annotations

import datetime
import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Protocol

import omero.model
from ome_types import model as ome
from ome_types.model import Reference
from omero.model import IObject
from omero.rtypes import rint, rstring
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from . import values


class Builder(Protocol):
    """What a rule needs of the graph that is being built."""

    enums: Callable[[str, str], IObject | None]

    def shared(self, identifier: str) -> IObject | None: ...

    def element(self, element: BaseModel) -> IObject | None: ...


Apply = Callable[[Builder, Any, Any, BaseModel], None]


@dataclass(frozen=True)
class Rule:
    """One field: `apply(builder, target, value, source)` is called where the source states a value."""

    field: str
    apply: Apply
    if_set: bool  # the class gives a default that nobody stated: only a field that was set counts


@dataclass(frozen=True)
class Rules:
    rules: tuple[Rule, ...]
    required: tuple[tuple[str, Callable[[Builder], Any]], ...]  # attributes that may not stay empty
    by_reference: str | None  # a settings element is nothing without the object of this attribute


MODEL_NAMES = {
    "XMLAnnotation": "XmlAnnotation",
    "Plane": "PlaneInfo",
    "LightSourceSettings": "LightSettings",
    "ROI": "Roi",
    "BinaryFile": "OriginalFile",
}
RENAMED = {
    "namespace": "ns",
    "offset": "offsetValue",
    "text": "textValue",
    "field_index": "defaultSample",
    "illumination_type": "illumination",
    "acquisition_mode": "mode",
    "excitation_wavelength": "excitationWave",
    "emission_wavelength": "emissionWave",
    "bin_data": "bytes",
    "binary_file": "file",
    "file_name": "name",
    "mime_type": "mimetype",
    "Pixels.type": "pixelsType",
    "StageLabel.x": "positionX",
    "StageLabel.y": "positionY",
    "StageLabel.z": "positionZ",
    "WellSample.position_x": "posX",
    "WellSample.position_y": "posY",
}
# What is not a matter of one field: graph.py sees to these.
BUILT_ELSEWHERE = {
    "Image.pixels",
    "Image.roi_refs",
    "Image.name",
    "Pixels.channels",
    "Pixels.dimension_order",  # a server always stores XYZCT
    "Channel.color",
    "Channel.samples_per_pixel",  # a server separates the samples: always 1
    "Plate.wells",
    "Well.well_samples",
    "WellSample.image_ref",
    "PlateAcquisition.well_sample_refs",
    "Folder.image_refs",
    "Folder.roi_refs",
    "Folder.folder_refs",
}
# The parts of these are objects that others refer to by their ID; they refer to their owner by the attribute of its name.
OWNERS = {
    "Instrument": (
        "generic_excitation_sources", "light_emitting_diodes", "filaments", "arcs", "lasers",
        "detectors", "objectives", "filters", "dichroics", "filter_sets",
    ),
    "Plate": ("plate_acquisitions",),
    "Screen": ("reagents",),
}  # fmt: skip
ENUM_NAMES = {"PixelType": "PixelsType"}


def model_class(source: type[BaseModel]) -> type[IObject]:
    """Give the class of omero.model that an element becomes."""
    return getattr(omero.model, MODEL_NAMES.get(source.__name__, source.__name__) + "I")


@cache
def enum_name(enum: type[Enum]) -> str:
    """Give the name of OMERO's enumeration: Laser_Type -> LaserType, Channel_ContrastMethod -> ContrastMethod."""
    owner, _, name = enum.__name__.rpartition("_")
    candidates = (ENUM_NAMES.get(enum.__name__, owner + name), name, name.removesuffix("Type"), owner + "Type")
    return next(name for name in candidates if name and hasattr(omero.model, name + "I"))


@cache
def rules(source: type[BaseModel], target: type[IObject]) -> Rules:
    """Give the rules by which `target` is filled from an element of `source`."""
    found, required = [], []
    fields = target._field_info._asdict()  # type: ignore[attr-defined]
    for name, info in source.model_fields.items():
        apply = _apply(source, target, name, info)
        if apply is not None:
            found.append(Rule(name, apply, info.get_default(call_default_factory=True) not in (None, [])
                              and not info.is_required()))  # fmt: skip
            attribute = _attribute(source, target, name)
            if attribute and not fields[attribute].nullable:
                enum = _type(info)[0]
                if issubclass(enum, Enum):
                    required.append(("_" + attribute, _unknown(enum_name(enum))))
    if "name" in fields and not fields["name"].nullable:
        required.append(("_name", lambda builder, name=target.__name__.removesuffix("I"): rstring(name)))
    by_reference = _settings_of(source) if issubclass(source, ome.Settings) else None
    return Rules(tuple(found), tuple(required), by_reference and "_" + by_reference)


def _unknown(enum: str) -> Callable[[Builder], Any]:
    return lambda builder: builder.enums(enum, "Unknown")


def _settings_of(source: type[BaseModel]) -> str:
    name = source.__name__.removesuffix("Settings")
    return name[0].lower() + name[1:]


def _type(info: FieldInfo) -> tuple[type, bool]:
    """Give a field's type without None and list, and whether it is a list."""
    options = [option for option in typing.get_args(info.annotation) if option is not types.NoneType]
    if typing.get_origin(info.annotation) is list:
        return options[0], True
    return (options[0] if options else info.annotation), False  # type: ignore[return-value]


def _attribute(source: type[BaseModel], target: type[IObject], name: str) -> str | None:
    """Give the attribute of `target` that a field goes to by its name, if there is one."""
    fields = target._field_info._fields  # type: ignore[attr-defined]
    if name == "value":  # an annotation has one: textValue, longValue, mapValue …
        return next((field for field in fields if field.endswith("Value")), None)
    wanted = RENAMED.get(f"{source.__name__}.{name}") or RENAMED.get(name) or name.removesuffix("_ref")
    wanted = wanted.replace("_", "").lower()
    return next((field for field in fields if field.lower() == wanted and field not in ("details", "id")), None)


def _apply(source: type[BaseModel], target: type[IObject], name: str, info: FieldInfo) -> Apply | None:
    kind, many = _type(info)
    if f"{source.__name__}.{name}" in BUILT_ELSEWHERE or name in OWNERS.get(source.__name__, ()):
        return None
    if name == "id":
        return _reference(target, _settings_of(source), itself=True) if issubclass(source, ome.Settings) else None
    if name == "color":
        return _color if "red" in target._field_info._fields else None  # type: ignore[attr-defined]
    if name == "union":
        return _shapes
    attribute = _attribute(source, target, name)
    element = inspect.isclass(kind) and issubclass(kind, BaseModel)
    if element and issubclass(kind, Reference) and not issubclass(kind, ome.Settings):
        if attribute and not many:
            return _reference(target, attribute)
        return _link(target, name, many)
    if many and element:
        adder = getattr(target, "add" + MODEL_NAMES.get(kind.__name__, kind.__name__), None)
        return adder and _elements(adder)
    if attribute is None:
        return None
    setter = getattr(target, "set" + attribute[0].upper() + attribute[1:])
    if name + "_unit" in source.model_fields:
        return _quantity(setter, name + "_unit")
    return _value(setter, target, attribute, kind)


def _value(setter: Any, target: type[IObject], attribute: str, kind: type) -> Apply:
    """Give the rule for a field of one value."""
    wrapper = getattr(target._field_info, attribute).wrapper  # type: ignore[attr-defined]
    if issubclass(kind, Enum):
        return _enum(setter, enum_name(kind)) if wrapper is omero.proxy_to_instance else _enum_text(setter)
    for known, convert in CONVERSIONS.items():
        if issubclass(kind, known):
            return lambda builder, to, value, source: setter(to, convert(value))
    if issubclass(kind, BaseModel):
        return lambda builder, to, value, source: setter(to, builder.element(value))
    wrap = values.shared(wrapper)
    return lambda builder, to, value, source: setter(to, wrap(value))


CONVERSIONS: dict[type, Callable[[Any], Any]] = {
    datetime.datetime: values.timestamp,
    ome.Color: lambda color: rint(color.as_int32()),
    ome.BinData: lambda data: data.value,
    ome.Map: values.pairs,
    ome.XMLAnnotation.Value: lambda value: rstring(values.xml_text(value)),
}


def _quantity(setter: Any, unit: str) -> Apply:
    return lambda builder, to, value, source: setter(to, values.quantity(value, getattr(source, unit)))


def _enum(setter: Any, name: str) -> Apply:
    def apply(builder: Builder, to: Any, value: Any, source: BaseModel) -> None:
        text = " ".join(item.value for item in value) if isinstance(value, list) else value.value
        setter(to, builder.enums(name, text))

    return apply


def _enum_text(setter: Any) -> Apply:
    return lambda builder, to, value, source: setter(to, rstring(value.value))


def _color(builder: Builder, to: Any, value: Any, source: BaseModel) -> None:
    for set_part, part in zip((to.setRed, to.setGreen, to.setBlue, to.setAlpha), values.rgba(value), strict=True):
        set_part(rint(part))


def _shapes(builder: Builder, to: Any, value: Any, source: BaseModel) -> None:
    for shape in value:
        to.addShape(builder.element(shape))


def _elements(adder: Any) -> Apply:
    def apply(builder: Builder, to: Any, value: Any, source: BaseModel) -> None:
        for item in value:
            built = builder.element(item)
            if built is not None:
                adder(to, built)

    return apply


def _reference(target: type[IObject], attribute: str, itself: bool = False) -> Apply:
    setter = getattr(target, "set" + attribute[0].upper() + attribute[1:])
    if itself:
        return lambda builder, to, value, source: setter(to, builder.shared(value))
    return lambda builder, to, value, source: setter(to, builder.shared(value.id))


def _link(target: type[IObject], name: str, many: bool) -> Apply | None:
    """Give the rule for references that OMERO keeps as links: annotations, filters, reagents, plates."""
    linked = "".join(part.capitalize() for part in name.removesuffix("_refs").removesuffix("_ref").split("_"))
    pattern = re.compile(rf"add(\w+{linked.removesuffix('s')}Link)")
    found = [match[1] for match in map(pattern.fullmatch, dir(target)) if match]
    if not found:
        return None
    adder, link_class = getattr(target, "add" + found[0]), getattr(omero.model, found[0] + "I")

    def apply(builder: Builder, to: Any, value: Any, source: BaseModel) -> None:
        for reference in value if many else (value,):
            child = builder.shared(reference.id)
            if child is not None:
                link = link_class()
                link.setChild(child)
                adder(to, link)

    return apply
