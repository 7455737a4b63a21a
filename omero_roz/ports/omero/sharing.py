"""Which other images have the same rows: an instrument, settings, the channels' description."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omero_roz.ports.omero.model_shape import kind
from omero_roz.ports.omero.session import ANY_GROUP, OmeroSession

OF_IMAGE = ("instrument", "objectiveSettings", "imagingEnvironment", "stageLabel", "experiment")
CHANNELS = "logicalChannel"
_OF_INSTRUMENT = {
    "Objective", "Detector", "Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource", "Filter",
    "Dichroic", "FilterSet", "OTF", "Microscope", "TransmittanceRange", "Instrument",
}  # fmt: skip
_IMAGES = "select distinct i.id from Image i where i.{name}.id in (:ids)"
_CHANNELS = """select distinct i.id from Image i join i.pixels p join p.channels c
    where c.logicalChannel.id in (:ids)"""


def holder(thing: Any, path: str) -> str | None:
    """The attribute of an image or channel through which a thing may be shared, None for one that no other has."""
    if kind(thing) in _OF_INSTRUMENT:
        return "instrument"
    return next((name for name in (*OF_IMAGE, CHANNELS) if f"/{name}/" in f"/{path}"), None)


def others_with(session: OmeroSession, images: Iterable[Any], names: Iterable[str]) -> list[int]:
    """The ids of other images that share the rows which these have under the names (of OF_IMAGE, CHANNELS)."""
    own = list(images)
    found: set[int] = set()
    for name in names:
        if name == CHANNELS:
            rows = [channel._logicalChannel for one in own for channel in one._pixelsSeq[0]._channelsSeq]
        else:
            rows = [getattr(one, f"_{name}") for one in own]
        ids = sorted({row.id.val for row in rows if row is not None})
        hql = _CHANNELS if name == CHANNELS else _IMAGES.format(name=name)
        asked = session.rows(hql, "reading who shares it", ANY_GROUP, ids=ids) if ids else []
        found |= {image for (image,) in asked}
    return sorted(found - {one.id.val for one in own})
