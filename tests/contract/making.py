"""Objects to try things on, made with IUpdate, and what is left of them."""

from collections import defaultdict
from typing import Any

import omero.clients
import omero.model as model
from omero.rtypes import rbool, rdouble, rint, rlong, rstring, rtime, unwrap
from omero.sys import ParametersI

import omero

ANNOTATIONS = {
    "BooleanAnnotation": ("boolValue", rbool(True)),
    "CommentAnnotation": ("textValue", rstring("said")),
    "DoubleAnnotation": ("doubleValue", rdouble(0.5)),
    "FileAnnotation": ("ns", rstring("a file")),
    "ListAnnotation": ("ns", rstring("a list")),
    "LongAnnotation": ("longValue", rlong(3)),
    "MapAnnotation": ("mapValue", [model.NamedValue("key", "value")]),
    "TagAnnotation": ("textValue", rstring("tagged")),
    "TermAnnotation": ("termValue", rstring("a term")),
    "TimestampAnnotation": ("timeValue", rtime(0)),
    "XmlAnnotation": ("textValue", rstring("<a/>")),
}


def new(name: str, /, **values: Any) -> Any:
    """A model object that is not saved yet, its properties as given."""
    made = getattr(model, f"{name}I")()
    for key, value in values.items():
        setattr(made, f"_{key}", value)
    return made


def named(name: str, /, **values: Any) -> Any:
    """One with a name."""
    return new(name, name=rstring("contract"), **values)


def enumeration(name: str, value: str) -> Any:
    """A row of an enumeration, by its value."""
    return new(name, value=rstring(value))


def annotation(name: str) -> Any:
    """An annotation of a class."""
    field, value = ANNOTATIONS[name]
    return new(name, **{field: value})


def link(kind: str, parent: Any, child: Any) -> Any:
    """A link of a class between two objects."""
    return new(kind, parent=parent, child=child)


def pixels(channels: int = 1) -> Any:
    """Pixels of an image, with channels."""
    made = new(
        "Pixels", sizeX=rint(1), sizeY=rint(1), sizeZ=rint(1), sizeC=rint(channels), sizeT=rint(1),
        dimensionOrder=enumeration("DimensionOrder", "XYZCT"), pixelsType=enumeration("PixelsType", "uint8"),
        sha1=rstring("none"),
    )  # fmt: skip
    for _ in range(channels):
        made.addChannel(new("Channel", logicalChannel=new("LogicalChannel")))
    return made


def imaged(channels: int = 1, **values: Any) -> Any:
    """An image with pixels."""
    made = named("Image", **values)
    made.addPixels(pixels(channels))
    return made


def laser(instrument: Any, **values: Any) -> Any:
    """A laser of an instrument."""
    return new(
        "Laser", instrument=instrument, type=enumeration("LaserType", "Gas"),
        laserMedium=enumeration("LaserMedium", "Ar"), **values,
    )  # fmt: skip


def detector(instrument: Any) -> Any:
    """A detector of an instrument."""
    return new("Detector", instrument=instrument, type=enumeration("DetectorType", "CCD"))


def objective(instrument: Any) -> Any:
    """An objective of an instrument."""
    return new(
        "Objective", instrument=instrument, immersion=enumeration("Immersion", "Oil"),
        correction=enumeration("Correction", "PlanApo"),
    )  # fmt: skip


class World:
    """Rows of one user."""

    def __init__(self, client: omero.clients.BaseClient) -> None:
        self.client = client
        self.update = client.sf.getUpdateService()
        self.query = client.sf.getQueryService()
        self.id = client.sf.getAdminService().getEventContext().userId
        self._all = {**client.getImplicitContext().getContext(), "omero.group": "-1"}

    def save(self, *objects: Any) -> Any:
        """Save each with all that hangs on it; references to them, one or a tuple."""
        saved = [self.update.saveAndReturnObject(one) for one in objects]
        return saved[0].proxy() if len(saved) == 1 else tuple(one.proxy() for one in saved)

    def rows(self, hql: str, **ids: Any) -> list[list[Any]]:
        """A projection over all groups; parameters are an id or some."""
        parameters = ParametersI()
        for name, value in ids.items():
            if isinstance(value, list):
                parameters.addLongs(name, [rlong(v) for v in value])
            else:
                parameters.addLong(name, value)
        return [[unwrap(v) for v in row] for row in self.query.projection(hql, parameters, self._all)]

    def ids(self, kind: str, where: str = "", **ids: Any) -> list[int]:
        """Ids of the user's own rows of a class."""
        hql = f"select o.id from {kind} o where o.details.owner.id = {self.id} {where and 'and'} {where} order by o.id"
        return [row[0] for row in self.rows(hql, **ids)]

    def there(self, *objects: Any) -> list[bool]:
        """Whether rows are still there."""
        return [bool(self.rows(f"select o.id from {kind_of(o)} o where o.id = :id", id=o.id.val)) for o in objects]


def kind_of(thing: Any) -> str:
    """The class of an object as HQL names it."""
    return type(thing).__name__.removesuffix("I")


def gone(response: Any) -> dict[str, int]:
    """How many of which classes a Delete2Response names."""
    assert isinstance(response, omero.cmd.Delete2Response), said(response)
    found: dict[str, int] = defaultdict(int)
    for name, ids in response.deletedObjects.items():
        found[name.rpartition(".")[2]] += len(ids)
    return dict(found)


def said(response: Any) -> str:
    """What an omero.cmd.ERR says."""
    if isinstance(response, omero.cmd.GraphException):
        return str(response.message)
    return str(response.parameters["message"]) if isinstance(response, omero.cmd.ERR) else ""
