"""A Graph in the form of the golden records (../shared/omero/dump.py), without a database."""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import Any

import omero.model as model
from omero.rtypes import RTimeI

from ome_graph import ENUMERATIONS, Graph
from omero import RType

ANNOTATION_TYPES = {
    "XmlAnnotation": "/basic/text/xml/",
    "TagAnnotation": "/basic/text/tag/",
    "CommentAnnotation": "/basic/text/comment/",
    "LongAnnotation": "/basic/num/long/",
    "DoubleAnnotation": "/basic/num/double/",
    "BooleanAnnotation": "/basic/bool/",
    "TimestampAnnotation": "/basic/time/",
    "TermAnnotation": "/basic/term/",
    "MapAnnotation": "/map/",
    "ListAnnotation": "/list/",
    "FileAnnotation": "/type/OriginalFile/",
}


class KnownEnums:
    """A server that knows every value; `values` leads back from its references."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def __call__(self, name: str, value: str) -> Any:
        assert name in ENUMERATIONS, name
        self.values.append(value)
        return getattr(model, name + "I")(len(self.values) - 1, False)


class Record:
    def __init__(self, graph: Graph, enums: KnownEnums) -> None:
        self.graph, self.enums = graph, enums
        self.shared = [thing for wave in graph.shared for thing in wave]
        self.first_use: dict[int, list[int]] = {}

    def whole(self) -> dict:
        images = [self.image(image) for image in self.graph.images]
        record: dict = {"images": images}
        series: dict[int, list[int]] = {}
        for number, image in enumerate(self.graph.images):
            if image._instrument is not None:
                series.setdefault(id(image._instrument), []).append(number)
        order = list(series)
        by_id = {id(thing): thing for thing in self.shared}
        for image, made in zip(self.graph.images, images, strict=True):
            if image._instrument is not None:
                made["instrument"] = order.index(id(image._instrument))
        put(record, "instruments", [{**self.instrument(by_id[i]), "series": series[i]} for i in order])
        plates = [thing for thing in self.shared if isinstance(thing, model.Plate)]
        return put(record, "plates", many(plates, self.plate))

    def columns(self, thing: Any, skip: tuple = ()) -> dict:
        """Give the plain columns: values, quantities, enumerations."""
        out: dict = {}
        for field in thing._field_info._fields:
            value = getattr(thing, "_" + field, None)
            if value is None or field in (*skip, "details", "version"):
                continue
            column = self.column(value)
            if column is not None:
                out[field.lower()] = column
        return out

    def column(self, value: Any) -> Any:
        if isinstance(value, RTimeI):
            time = datetime.datetime.fromtimestamp(value.val / 1000, datetime.UTC)
            return time.replace(tzinfo=None).isoformat()
        if isinstance(value, RType):
            return value.val
        if isinstance(value, bytes) and value:
            return {"length": len(value), "sha1": hashlib.sha1(value).hexdigest()}
        if hasattr(value, "getSymbol"):
            return [value.getValue(), value.getSymbol()]
        if isinstance(value, model.IObject) and type(value).__name__[:-1] in ENUMERATIONS:
            return self.enums.values[value.id.val]
        return None

    def object(self, thing: Any, skip: tuple = ()) -> dict | None:
        if thing is None:
            return None
        return put(self.columns(thing, skip), "annotations", self.annotations(thing))

    def annotations(self, thing: Any) -> list:
        return many(getattr(thing, "_annotationLinksSeq", ()), lambda link: self.annotation(link._child))

    def annotation(self, thing: Any) -> dict:
        out = self.columns(thing)
        out["type"] = ANNOTATION_TYPES[type(thing).__name__[:-1]]
        if isinstance(thing, model.MapAnnotation):
            out["mapvalue"] = [[pair.name, pair.value] for pair in thing._mapValue]
        if getattr(thing, "_file", None) is not None:
            out["file"] = self.columns(thing._file)
        return put(out, "annotations", self.annotations(thing))

    def settings(self, thing: Any, *parts: str) -> dict | None:
        if thing is None:
            return None
        out = self.columns(thing)
        for part in parts:
            value = getattr(thing, "_" + part)
            put(out, part.lower(), self.light_source(value) if part == "lightSource" else self.object(value))
        return out

    def light_source(self, thing: Any) -> dict | None:
        if thing is None:
            return None
        out = self.object(thing) or {}
        out["subtype"] = type(thing).__name__[:-1].lower()
        if isinstance(thing, model.GenericExcitationSource):
            put(out, "map", [[pair.name, pair.value] for pair in thing._map or ()])
        return put(out, "pump", self.light_source(getattr(thing, "_pump", None)))

    def filter(self, thing: Any) -> dict:
        out = self.object(thing) or {}
        return put(out, "transmittancerange", self.object(thing._transmittanceRange))

    def filters_of(self, thing: Any) -> dict | None:
        if thing is None:
            return None
        out = put(self.object(thing) or {}, "dichroic", self.object(thing._dichroic))
        put(out, "excitationfilters", [self.filter(link._child) for link in thing._excitationFilterLinkSeq])
        return put(out, "emissionfilters", many(thing._emissionFilterLinkSeq, lambda link: self.filter(link._child)))

    def instrument(self, thing: Any) -> dict:
        out = put(self.object(thing) or {}, "microscope", self.object(thing._microscope))
        parts = [part for part in self.shared if getattr(part, "_instrument", None) is thing]
        for name, kind, form in (
            ("objectives", model.Objective, self.object), ("detectors", model.Detector, self.object),
            ("dichroics", model.Dichroic, self.object), ("filters", model.Filter, self.filter),
            ("filtersets", model.FilterSet, self.filters_of),
            ("lightsources", model.LightSource, self.light_source),
        ):  # fmt: skip
            put(out, name, many([part for part in parts if isinstance(part, kind)], form))
        return out

    def experiment(self, thing: Any) -> dict | None:
        if thing is None:
            return None
        out = self.object(thing) or {}
        return put(out, "microbeammanipulations", many(thing._microbeamManipulationSeq, self.columns))

    def channel(self, thing: Any, series: int, index: int) -> dict:
        out = self.columns(thing, ("red", "green", "blue", "alpha"))
        out["rgba"] = [part.val for part in (thing._red, thing._green, thing._blue, thing._alpha)]
        logical = thing._logicalChannel
        row = self.columns(logical)
        put(row, "detectorsettings", self.settings(logical._detectorSettings, "detector"))
        put(row, "lightsourcesettings", self.settings(logical._lightSourceSettings, "lightSource"))
        put(row, "lightpath", self.filters_of(logical._lightPath), or_empty=True)
        put(row, "filterset", self.filters_of(logical._filterSet), or_empty=True)
        out["logicalchannel"] = row
        out["logicalchannel_first_used_by"] = self.first_use.setdefault(id(logical), [series, index])
        out["statsinfo"] = self.columns(thing._statsInfo)
        return put(out, "annotations", self.annotations(thing))

    def pixels(self, thing: Any, series: int) -> dict:
        out = self.columns(thing, ("sha1",))
        out["channels"] = [self.channel(channel, series, i) for i, channel in enumerate(thing._channelsSeq)]
        planes = sorted(thing._planeInfoSeq, key=lambda p: (p._theT.val, p._theC.val, p._theZ.val))
        return put(out, "planeinfo", [self.object(plane) for plane in planes])

    def roi(self, thing: Any) -> dict:
        out = self.object(thing) or {}
        out["shapes"] = []
        for shape in thing._shapesSeq:
            row = self.object(shape) or {}
            name = type(shape).__name__[:-1].lower()
            row["type"] = {"label": "text", "rectangle": "rect"}.get(name, name)  # as the database calls them
            out["shapes"].append(put(row, "transform", self.object(shape._transform)))
        return put(out, "folders", many(thing._folderLinksSeq, lambda link: self.object(link._parent)))

    def image(self, thing: Any) -> dict:
        out = self.columns(thing)
        put(out, "objectivesettings", self.settings(thing._objectiveSettings, "objective"))
        environment = self.object(thing._imagingEnvironment)
        if environment is not None:
            put(environment, "map", [[pair.name, pair.value] for pair in thing._imagingEnvironment._map or ()])
        put(out, "imagingenvironment", environment)
        put(out, "stagelabel", self.object(thing._stageLabel))
        put(out, "experiment", self.experiment(thing._experiment))
        out["pixels"] = [self.pixels(pixels, out["series"]) for pixels in thing._pixelsSeq]
        put(out, "annotations", self.annotations(thing))
        put(out, "rois", many(thing._roisSeq, self.roi))
        return put(out, "folders", many(thing._folderLinksSeq, lambda link: self.object(link._parent)))

    def plate(self, thing: Any) -> dict:
        out = self.object(thing) or {}
        wells = sorted(
            (well for well in self.graph.wells if well._plate is thing),
            key=lambda w: (w._row.val, w._column.val),
        )
        members: dict[int, list] = {}
        for well in wells:
            for index, sample in enumerate(well._wellSamplesSeq):
                members.setdefault(id(sample._plateAcquisition), []).append([well._row.val, well._column.val, index])
        runs = [a for a in self.shared if isinstance(a, model.PlateAcquisition) and a._plate is thing]
        runs.sort(key=lambda a: as_text([self.object(a), members.get(id(a), [])]))
        out["plateacquisitions"] = [self.object(run) for run in runs]
        order = {id(run): number for number, run in enumerate(runs)}
        out["wells"] = [self.well(well, order) for well in wells]
        links = [(s, link) for s in self.shared if isinstance(s, model.Screen) for link in s._plateLinksSeq]
        return put(out, "screens", many([s for s, link in links if link._child is thing], self.screen))

    def well(self, thing: Any, order: dict[int, int]) -> dict:
        out = self.object(thing) or {}
        out["wellsamples"] = []
        images = {id(image): number for number, image in enumerate(self.graph.images)}
        for index, sample in enumerate(thing._wellSamplesSeq):
            row = {**self.columns(sample), "index": index, "series": images[id(sample._image)]}
            if sample._plateAcquisition is not None:
                row["plateacquisition"] = order[id(sample._plateAcquisition)]
            out["wellsamples"].append(row)
        return put(out, "reagents", many(thing._reagentLinksSeq, lambda link: self.object(link._child)))

    def screen(self, thing: Any) -> dict:
        reagents = [r for r in self.shared if isinstance(r, model.Reagent) and r._screen is thing]
        return put(self.object(thing) or {}, "reagents", many(reagents, self.object))


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def many(things: Any, form: Any) -> list:
    return sorted((form(thing) for thing in things), key=as_text)


def put(out: dict, name: str, value: Any, or_empty: bool = False) -> dict:
    if value is not None and (or_empty or value not in ([], {})):
        out[name] = value
    return out
