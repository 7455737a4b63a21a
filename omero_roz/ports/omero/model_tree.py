"""Objects of OMERO's model as a tree of metadata: the same for those of a server and those made from OME-XML."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import omero.model as model
from omero.rtypes import RTimeI

from omero import RType
from omero_roz.metadata import Node, Quantity, Term, Value
from omero_roz.ports.omero.model_shape import (
    LEFT_OUT,
    collections,
    identity,
    is_enumeration,
    kind,
    references,
)

BASE_UNITS = {
    "Length": "METER", "Time": "SECOND", "Temperature": "KELVIN", "Pressure": "PASCAL", "Power": "WATT",
    "Frequency": "HERTZ", "ElectricPotential": "VOLT",
}  # fmt: skip
COLOR = ("red", "green", "blue", "alpha")
BAGS = {"excitationFilterLink": "excitation", "emissionFilterLink": "emission"}
OWN_NOTES = "omero-roz/"
PENDING = "Pending..."  # what OMERO says for a hash that is still to come
ONE = {"Pixels", "RenderingDef", "Thumbnail"}  # an image shows one of each


@dataclass(frozen=True, slots=True)
class Objects:
    """Images in the order of their series, with names by the metadata (None: only a file's), and their plates."""

    images: Sequence[Any]
    names: Sequence[str | None]
    plates: Sequence[Any] = ()


def tree(objects: Objects, term: Callable[[Any], str]) -> Node:
    """Make the tree of images, their instruments, and plates; `term` gives the value of an enumeration's row."""
    return _Trees(objects, term).whole()


class _Trees:
    def __init__(self, objects: Objects, term: Callable[[Any], str]) -> None:
        self._objects, self._term = objects, term
        self._images = {identity(image): f"Image[{n}]" for n, image in enumerate(objects.images)}
        used = [image._instrument for image in objects.images if image._instrument is not None]
        self._instruments = {identity(one): one for one in used}
        self._instrument_names = {one: f"Instrument[{n}]" for n, one in enumerate(self._instruments)}
        self._runs: dict[tuple[str, int], str] = {}
        self._inside: list[tuple[str, int]] = []

    def whole(self) -> Node:
        parts = {}
        for image, name in zip(self._objects.images, self._objects.names, strict=True):
            node = self._node(image, ("instrument",))
            own = {"name": name} if name else {}
            if image._instrument is not None:
                own["instrument"] = self._instrument_names[identity(image._instrument)]
            parts[self._images[identity(image)]] = replace(node, values={**own, **node.values})
        for key, instrument in self._instruments.items():
            parts[self._instrument_names[key]] = self._node(instrument)
        for number, plate in enumerate(self._objects.plates):
            parts[f"Plate[{number}]"] = self._plate(plate)
        return Node("OME", {}, parts)

    def _node(self, thing: Any, without: Sequence[str] = ()) -> Node:
        self._inside.append(identity(thing))
        parts = {
            name: self._node(part)
            for name in references(thing)
            if name not in without and (part := getattr(thing, f"_{name}")) is not None and not self._circle(part)
        }
        bags = {}
        for collection in collections(thing):
            items = [item for item in collection.items(thing) if not (self._circle(item) or _own_note(item))]
            if collection.key is None and items and collection.name not in without:
                bags[BAGS.get(collection.name, collection.name)] = tuple(map(self._node, items))
            elif collection.key is not None:
                for number, item in enumerate(items):
                    parts[_place(kind(item), collection.key(number, item))] = self._node(item)
        self._inside.pop()
        values = self._sample(thing) if isinstance(thing, model.WellSample) else self._values(thing)
        waiting = {name for name, value in values.items() if value == PENDING}
        waiting |= {name for name, part in parts.items() if part.kind == "StatsInfo" and not part.values}
        values = {name: value for name, value in values.items() if name not in waiting}
        told = {name: part for name, part in parts.items() if _says(part)}
        return Node(kind(thing), values, told, bags, thing, frozenset(waiting))

    def _circle(self, thing: Any) -> bool:
        return identity(thing) in self._inside

    def _values(self, thing: Any) -> dict[str, Value]:
        found: dict[str, Value] = {}
        left_out = LEFT_OUT.get(kind(thing), ())
        for name in thing._field_info._fields:
            stated = getattr(thing, f"_{name}", None)
            if stated is None or name in left_out or name in COLOR or name in ("details", "version"):
                continue
            if isinstance(stated, list):
                found |= _pairs(name, stated)
            elif (value := self._value(stated)) is not None:
                found[name] = value
        if (color := _color(thing)) is not None:
            found["color"] = color
        return _meant(thing, found)

    def _value(self, stated: Any) -> Value | None:
        """A value as it is compared; None for what is no value, or says nothing."""
        if isinstance(stated, RTimeI):
            return datetime.datetime.fromtimestamp(stated.val / 1000, datetime.UTC).isoformat(timespec="milliseconds")
        if isinstance(stated, RType):
            return stated.val if stated.val != "" else None
        if isinstance(stated, bytes):
            return f"{len(stated)} bytes, SHA-1 {hashlib.sha1(stated).hexdigest()}" if stated else None
        if hasattr(stated, "getSymbol"):
            return _quantity(kind(stated), stated.getValue(), stated.getUnit().name, stated.getSymbol())
        if isinstance(stated, model.IObject) and is_enumeration(stated):
            return Term(self._term(stated))
        return None

    def _plate(self, plate: Any) -> Node:
        order: dict[tuple[str, int], tuple] = {}
        for well in plate._wellsSeq:
            for index, sample in enumerate(well._wellSamplesSeq):
                if sample._plateAcquisition is not None:
                    place = (well.row.val, well.column.val, index)
                    run = identity(sample._plateAcquisition)
                    order[run] = min(order.get(run, place), place)
        runs = sorted(plate._plateAcquisitionsSeq, key=lambda one: order.get(identity(one), (1 << 31,)))
        names = [f"PlateAcquisition[{number}]" for number in range(len(runs))]
        self._runs |= zip(map(identity, runs), names, strict=True)
        node = self._node(plate, ("plateAcquisitions",))
        acquisitions = {name: self._node(run) for name, run in zip(names, runs, strict=True)}
        return replace(node, parts={**node.parts, **acquisitions})

    def _sample(self, sample: Any) -> dict[str, Value]:
        found = self._values(sample)
        if sample._image is not None and identity(sample._image) in self._images:
            found["image"] = self._images[identity(sample._image)]
        if sample._plateAcquisition is not None and identity(sample._plateAcquisition) in self._runs:
            found["plateAcquisition"] = self._runs[identity(sample._plateAcquisition)]
        return found


def _own_note(thing: Any) -> bool:
    """Whether it is an annotation with a record of omero-roz, which is no metadata."""
    return isinstance(thing, model.Annotation) and thing.ns is not None and thing.ns.val.startswith(OWN_NOTES)


def _place(item: str, key: str) -> str:
    return item if item in ONE else f"{item}[{key}]"


def _says(node: Node) -> bool:
    """A row of statistics that were never made, or an empty row of settings, says nothing."""
    return bool(node.values or node.parts or node.bags) or node.kind == "WellSample"


def _meant(thing: Any, values: dict[str, Value]) -> dict[str, Value]:
    """The values without what stands for "not known": statistics of 0 and 0."""
    unknown = isinstance(thing, model.StatsInfo) and not values.get("globalMin") and not values.get("globalMax")
    return {} if unknown else values


def _color(thing: Any) -> str | None:
    parts = [part.val for name in COLOR if (part := getattr(thing, f"_{name}", None)) is not None]
    return "#" + "".join(f"{part:02X}" for part in parts) if len(parts) == len(COLOR) else None


def _pairs(name: str, stated: Sequence[Any]) -> Mapping[str, Value]:
    found: dict[str, tuple[str, ...]] = {}
    for pair in stated:
        key = f"{name}[{pair.name}]"
        found[key] = (*found.get(key, ()), pair.value or "")
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


@lru_cache(maxsize=10_000)
def _quantity(name: str, value: float, unit: str, symbol: str) -> Quantity:
    base, made = BASE_UNITS[name], getattr(model, name + "I")
    if unit in ("PIXEL", "REFERENCEFRAME"):  # lengths of unknown length
        return Quantity(value, symbol, value, unit)
    return Quantity(value, symbol, made(made(value, unit), base).getValue(), base)
