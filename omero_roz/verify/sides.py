"""What `omero roz completeness` compares, each as a tree: images of OMERO, an OME-XML, an OME-TIFF, a Zarr."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from omero_roz import zarrs
from omero_roz.binding import zarr_reader
from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import is_id
from omero_roz.metadata import Node
from omero_roz.ports.omero import containers, model_objects, ome_objects
from omero_roz.ports.omero.model_tree import Objects, tree
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.zarr.stores import Access
from omero_roz.settling import holder, settle

_OBJECT = re.compile(r"(?P<kind>[A-Z]\w*):(?P<id>\d+)")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison; `series` is the place in its file where it is a single image of OMERO."""

    name: str
    objects: Objects
    series: int | None
    session: OmeroSession | None = None

    def tree(self) -> Node:
        """The side's metadata."""
        return tree(self.objects, model_objects.Terms(self.session) if self.session else ome_objects.term)

    def only(self, series: int | None) -> Side:
        """The one image of a series, without plates, if a series is given and the side has several images.

        Raises Refused where it has no such image.
        """
        if series is None or self.series is not None:
            return self
        images = self.objects.images
        place = 0 if len(images) == 1 else series
        if place >= len(images):
            raise Refused(f"it has {len(images)} images, and none of series {series}", self.name, "compare filesets")
        return replace(self, objects=Objects(images[place : place + 1], self.objects.names[place : place + 1]))


def is_omero(text: str) -> bool:
    """Whether a side is an object of OMERO, by id or name; UsageError for a kind that cannot be compared."""
    form, kind = _OBJECT.fullmatch(text), text.partition(":")[0]
    named = form is None and kind.isidentifier() and kind[0].isupper() and containers.is_named(text)
    if (form or named) and kind not in model_objects.KINDS:
        raise UsageError(f"{kind} cannot be compared", text, f"name one of {', '.join(model_objects.KINDS)}")
    if form and not is_id(form["id"]):
        raise UsageError("OMERO has no such large ids", text[:60], "check the id")
    return form is not None or named


def resolved(session: OmeroSession, text: str) -> str:
    """An object that `is_omero` knows as KIND:ID; of an emptied fileset the one that has its images now.

    Raises Refused where none or several have the name.
    """
    found = containers.find(session, text)
    assert found is not None
    kind, number = found
    if kind == "Fileset" and not model_objects.filesets_of(session, kind, number):
        number = holder(session, number).fileset.id
    return f"{kind}:{number}"


def parse(text: str) -> tuple[str, int]:
    """KIND and ID of an object of OMERO that `is_omero` knows."""
    kind, _, number = text.partition(":")
    return kind, int(number)


def read_side(text: str, access: Access, session: Callable[[], OmeroSession]) -> Side:
    """Read what a text names: KIND:ID or KIND:name:NAME of OMERO, a local OME-XML or OME-TIFF, else the Zarr there.

    Of a Zarr it is the OME-XML, or what is made from its NGFF metadata where it has none. Raises Refused or UsageError
    for what is none; `session` is called only if it is needed.
    """
    if is_omero(text):
        return in_omero(resolved(session(), text), session())
    if access.guard is None and Path(text).is_file():  # a guard is for Zarrs, and files are the server's
        return Side(text, ome_objects.objects(ome_objects.read_file(Path(text)), text), None)
    from omero_roz.layout.union import ome_xml_of

    layout = zarrs.read(text, access).layout
    return Side(text, ome_objects.objects(ome_xml_of(layout), text), None)


def in_omero(text: str, session: OmeroSession) -> Side:
    """An object of OMERO, KIND:ID, as it is now; Refused for one that is not there."""
    places, sources = dict[int, int](), dict[int, int]()
    for settled in settle(session, model_objects.filesets_of(session, *parse(text))).values():
        last = settled.last
        if last is not None and last.record.source is not None:
            sources |= {image.id: last.record.source for image in settled.fileset.images}
        if last is not None and last.record.binding == zarr_reader.NAME:  # each image is series 0 of its shadow
            places |= {image.id: image.series_before for image in last.record.images}
    return Side(text, *model_objects.load(session, *parse(text), places, sources), session)


def both(a: Side, b: Side) -> tuple[Node, Node]:
    """The trees of two sides; of a file of several images, the one that a single image of OMERO came from."""
    one, other = a.only(b.series), b.only(a.series)
    return one.tree(), other.tree()
