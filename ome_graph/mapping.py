"""How a class of the OME model becomes one of OMERO's: by reflection over both, and short tables of exceptions.

A field goes to the field of the same name (`serial_number` -> `serialNumber`). How its value is converted
follows from the two types: a unit beside it makes a quantity, an enumeration a row of OMERO's, a reference a
shared object or a link, an element an object of its own. What OMERO has no field for is left out:
experimenters, checksums, byte orders.
"""

from __future__ import annotations

import datetime
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

MODEL_NAMES = {
    "XMLAnnotation": "XmlAnnotation",
    "Plane": "PlaneInfo",
    "LightSourceSettings": "LightSettings",
    "ROI": "Roi",
    "BinaryFile": "OriginalFile",
}
ENUM_NAMES = {"PixelType": "PixelsType"}
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
# What is not a matter of one field: build.py sees to these.
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
}
# The parts of these are objects that others refer to by ID. In OMERO a part refers to its owner, by this setter.
OWNERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Instrument": ("setInstrument", (
        "generic_excitation_sources", "light_emitting_diodes", "filaments", "arcs", "lasers",
        "detectors", "objectives", "filters", "dichroics", "filter_sets",
    )),
    "Plate": ("setPlate", ("plate_acquisitions",)),
    "Screen": ("setScreen", ("reagents",)),
    "Folder": ("setParentFolder", ("folder_refs",)),
}  # fmt: skip


class Builder(Protocol):
    """What a rule needs of the graph that is being built."""

    def enums(self, name: str, value: str) -> IObject | None: ...

    def shared(self, identifier: str) -> IObject | None: ...

    def element(self, element: Any) -> IObject | None: ...


Apply = Callable[[Builder, Any, Any, Any], None]


@dataclass(frozen=True)
class Rule:
    """One field: `apply(builder, target, value, source)` is called where the source states a value."""

    field: str
    apply: Apply
    has_default: bool  # of the class, which nobody stated: only a field that was set counts


@dataclass(frozen=True)
class Rules:
    """How to fill an object.

    required: (attribute, default) where OMERO requires a value and nothing was stated.
    needs: the attribute of the part that a settings element is for: without it, it is nothing.
    """

    rules: tuple[Rule, ...]
    required: tuple[tuple[str, Callable[[Builder], Any]], ...]
    needs: str | None


def model_class(source: type[BaseModel]) -> type[IObject]:
    """Give the class of omero.model that an element becomes."""
    return getattr(omero.model, MODEL_NAMES.get(source.__name__, source.__name__) + "I")


@cache
def enum_name(enum: type[Enum]) -> str:
    """Give OMERO's name of an enumeration: Laser_Type -> LaserType, Channel_ContrastMethod -> ContrastMethod."""
    owner, _, name = enum.__name__.rpartition("_")
    whole = ENUM_NAMES.get(enum.__name__, owner + name)
    candidates = (whole, name, name.removesuffix("Type"), owner + "Type")
    return next(name for name in candidates if name and hasattr(omero.model, name + "I"))


@cache
def rules(source: type[BaseModel], target: type[IObject]) -> Rules:
    """Give the rules by which an object of `target` is filled from an element of `source`."""
    applied = {name: _apply(source, target, name, info) for name, info in source.model_fields.items()}
    found = [Rule(name, apply, _has_default(source, name)) for name, apply in applied.items() if apply]
    required = [(f"_{name}", default) for name, default in _required(source, target)]
    needs = f"_{_part_of(source)}" if issubclass(source, ome.Settings) else None
    return Rules(tuple(found), tuple(required), needs)


def _has_default(source: type[BaseModel], name: str) -> bool:
    info = source.model_fields[name]
    return not info.is_required() and info.get_default(call_default_factory=True) not in (None, [])


def _required(source: type[BaseModel], target: Any) -> typing.Iterator[tuple[str, Callable[[Builder], Any]]]:
    """Give what the server's importer puts where OMERO requires a value: Unknown, or the class's name."""
    fields = target._field_info._asdict()
    for name, info in source.model_fields.items():
        if f"{source.__name__}.{name}" in BUILT_ELSEWHERE:
            continue
        attribute, kind = _attribute(source, target, name), _type(info)[0]
        if attribute and not fields[attribute].nullable and issubclass(kind, Enum):
            yield attribute, _unknown(enum_name(kind))
    for attribute, text in (("name", target.__name__.removesuffix("I")), ("path", "")):
        if attribute in fields and not fields[attribute].nullable:
            yield attribute, _always(rstring(text))


def _unknown(enum: str) -> Callable[[Builder], Any]:
    return lambda builder: builder.enums(enum, "Unknown")


def _always(value: Any) -> Callable[[Builder], Any]:
    return lambda builder: value


def _part_of(settings: type[BaseModel]) -> str:
    """Give the attribute that a settings element's ID is for: DetectorSettings -> detector."""
    name = settings.__name__.removesuffix("Settings")
    return name[0].lower() + name[1:]


def _type(info: FieldInfo) -> tuple[Any, bool]:
    """Give a field's type without None and list, and whether it is a list."""
    options = [option for option in typing.get_args(info.annotation) if option is not types.NoneType]
    return options[0] if options else info.annotation, typing.get_origin(info.annotation) is list


def _attribute(source: type[BaseModel], target: Any, name: str) -> str | None:
    """Give the attribute of `target` that a field goes to by its name, if there is one."""
    fields = target._field_info._fields
    if name == "value":  # an annotation has one: textValue, longValue, mapValue …
        return next((field for field in fields if field.endswith("Value")), None)
    wanted = RENAMED.get(f"{source.__name__}.{name}") or RENAMED.get(name) or name.removesuffix("_ref")
    wanted = wanted.replace("_", "").lower()
    return next((field for field in fields if field.lower() == wanted), None)


def _apply(source: type[BaseModel], target: Any, name: str, info: FieldInfo) -> Apply | None:
    kind, many = _type(info)
    settings = issubclass(source, ome.Settings)
    if f"{source.__name__}.{name}" in BUILT_ELSEWHERE or name in OWNERS.get(source.__name__, ("", ()))[1]:
        return None
    if name == "id":
        return _settings_for(target, _part_of(source)) if settings else None
    if name == "color":
        return _color if "red" in target._field_info._fields else None
    if name == "union":
        return _shapes
    attribute = _attribute(source, target, name)
    if issubclass(kind, Reference) and not issubclass(kind, ome.Settings):
        return _reference(_setter(target, attribute)) if attribute and not many else _link(target, name, many)
    if many and issubclass(kind, BaseModel):
        adder = getattr(target, "add" + MODEL_NAMES.get(kind.__name__, kind.__name__), None)
        return _elements(adder) if adder else None
    if attribute is None:
        return None
    if name + "_unit" in source.model_fields:
        return _quantity(_setter(target, attribute), name + "_unit")
    return _value(target, attribute, kind)


def _setter(target: Any, attribute: str) -> Any:
    return getattr(target, "set" + attribute[0].upper() + attribute[1:])


CONVERSIONS: dict[type, Callable[[Any], Any]] = {
    datetime.datetime: values.timestamp,
    ome.Color: lambda color: rint(color.as_int32()),
    ome.BinData: lambda data: data.value,
    ome.Map: values.pairs,
    ome.XMLAnnotation.Value: lambda value: rstring(values.xml_text(value)),
}


def _value(target: Any, attribute: str, kind: type) -> Apply:
    """Give the rule for a field of one value."""
    setter, wrapper = _setter(target, attribute), getattr(target._field_info, attribute).wrapper
    if issubclass(kind, Enum) and wrapper is omero.proxy_to_instance:
        return _enum(setter, enum_name(kind))
    if issubclass(kind, Enum):
        return lambda builder, to, value, source: setter(to, rstring(value.value))
    for known, convert in CONVERSIONS.items():
        if issubclass(kind, known):
            return lambda builder, to, value, source: setter(to, convert(value))
    if issubclass(kind, BaseModel):
        return lambda builder, to, value, source: setter(to, builder.element(value))
    wrap = values.shared(wrapper)
    return lambda builder, to, value, source: setter(to, wrap(value))


def _quantity(setter: Any, unit: str) -> Apply:
    return lambda builder, to, value, source: setter(to, values.quantity(value, getattr(source, unit)))


def _enum(setter: Any, name: str) -> Apply:
    def apply(builder: Builder, to: Any, value: Any, source: Any) -> None:
        text = " ".join(item.value for item in value) if isinstance(value, list) else value.value
        setter(to, builder.enums(name, text))

    return apply


def _color(builder: Builder, to: Any, value: Any, source: Any) -> None:
    values.set_rgba(to, values.rgba(value))


def _shapes(builder: Builder, to: Any, value: Any, source: Any) -> None:
    for shape in value:
        to.addShape(builder.element(shape))


def _elements(adder: Any) -> Apply:
    def apply(builder: Builder, to: Any, value: Any, source: Any) -> None:
        for item in value:
            built = builder.element(item)
            if built is not None:
                adder(to, built)

    return apply


def _settings_for(target: Any, attribute: str) -> Apply:
    setter = _setter(target, attribute)
    return lambda builder, to, value, source: setter(to, builder.shared(value))


def _reference(setter: Any) -> Apply:
    return lambda builder, to, value, source: setter(to, builder.shared(value.id))


def _link(target: Any, name: str, many: bool) -> Apply | None:
    """Give the rule for references that OMERO keeps as links: `annotation_refs` -> add…AnnotationLink."""
    singular = name.removesuffix("_refs").removesuffix("_ref").removesuffix("s")
    end = "".join(part.capitalize() for part in singular.split("_")) + "Link"
    adders = [method for method in dir(target) if method.startswith("add") and method.endswith(end)]
    if not adders:
        return None
    adder, link_class = getattr(target, adders[0]), getattr(omero.model, adders[0].removeprefix("add") + "I")

    def apply(builder: Builder, to: Any, value: Any, source: Any) -> None:
        for reference in value if many else (value,):
            child = builder.shared(reference.id)
            if child is not None:
                link = link_class()
                link.setChild(child)
                adder(to, link)

    return apply
