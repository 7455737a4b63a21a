"""Images and plates of OMERO with all that belongs to them, as model objects: few queries, however many images.

Each class that is met is asked for once with what it refers to, and once for each of its lists, for hundreds of objects
at a time. What is referred to twice is one object, as in the graph of an OME-XML.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omero_roz.errors import Refused
from omero_roz.ports.omero.model_shape import (
    Collection,
    collections,
    fetches,
    identity,
    is_enumeration,
    kind,
    references,
)
from omero_roz.ports.omero.model_tree import Objects
from omero_roz.ports.omero.session import OmeroSession

AT_ONCE = 500
KINDS = ("Image", "Plate", "Fileset")
_IMAGES = {
    "Image": "select i.id, i.series, i.fileset.id from Image i where i.id = :id",
    "Fileset": "select i.id, i.series, i.fileset.id from Image i where i.fileset.id = :id",
    "Plate": """select distinct i.id, i.series, i.fileset.id from WellSample s join s.well w join s.image i
        where w.plate.id = :id""",
}
_PLATES = "select distinct w.plate.id from WellSample s join s.well w join s.image i where i.id in (:ids)"
_FILES = """select i.id, e.clientPath from Image i join i.fileset f join f.usedFiles e where i.id in (:ids)
    and index(e) = 0"""
_FIRST_FILES = """select f.id, e.clientPath from Fileset f join f.usedFiles e where f.id in (:ids)
    and index(e) = 0"""
_NAMED = re.compile(r"(?P<file>.*?) \[(?P<own>.*)\]", re.DOTALL)


def filesets_of(session: OmeroSession, what: str, number: int) -> list[int]:
    """The filesets that the images of an Image, Plate or Fileset are in."""
    rows = session.rows(_IMAGES[what], f"reading the images of {what}:{number}", id=number)
    return sorted({fileset for _, _, fileset in rows if fileset is not None})


def load(
    session: OmeroSession, what: str, number: int, places: Mapping[int, int], sources: Mapping[int, int]
) -> tuple[Objects, int | None]:
    """The objects of an Image, Plate or Fileset (one of KINDS), and the series where it is one image.

    `places` are the series of those images of which image.series does not say it, `sources` the filesets that they were
    imported in where they are in another now. Raises Refused where there is none that the user may see.
    """
    where = f"{what}:{number}"
    rows = session.rows(_IMAGES[what], f"reading the images of {where}", id=number)
    if not rows:
        raise Refused("it does not exist, has no images, or you may not see it", where, "check the id and the user")
    series_of = {image: places.get(image, series or 0) for image, series, _ in rows}
    ids = [image for image, _, _ in sorted(rows, key=lambda row: (row[2] or 0, series_of[row[0]], row[0]))]
    loading = _Loading(session, where)
    plates = [] if what == "Image" else [number] if what == "Plate" else loading.ids(_PLATES, ids)
    images = loading.roots("Image", ids)
    held = loading.roots("Plate", plates)
    loading.complete([*images, *held])
    series = series_of[number] if what == "Image" else None
    return Objects(images, _names(session, images, series_of, sources, where), held), series


class Terms:
    """The values of enumeration rows, each enumeration asked for once."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self._known: dict[str, dict[int, str]] = {}

    def __call__(self, row: Any) -> str:
        """The value of a row, which may be unloaded."""
        name = kind(row)
        if name not in self._known:
            self._known[name] = dict(self._session.rows(f"select e.id, e.value from {name} e", f"reading {name}"))
        return self._known[name][row.id.val]


@dataclass(frozen=True, slots=True)
class _Loading:
    session: OmeroSession
    where: str
    known: dict[tuple[str, int], Any] = field(default_factory=dict)

    def ids(self, hql: str, ids: Sequence[int]) -> list[int]:
        found = (self.session.rows(hql, f"reading {self.where}", ids=chunk) for chunk in _chunks(ids))
        return list(dict.fromkeys(row[0] for rows in found for row in rows))

    def roots(self, name: str, ids: Sequence[int]) -> list[Any]:
        found = {one.id.val: one for one in self._query(f"select o from {name} o where o.id in (:ids)", ids)}
        return [self.known.setdefault(identity(found[number]), found[number]) for number in ids]

    def complete(self, roots: Iterable[Any]) -> None:
        """Load all that hangs on objects, into them."""
        waiting = list(roots)
        while waiting:
            kinds = defaultdict(list)
            for thing in waiting:
                kinds[kind(thing)].append(thing)
            waiting = []
            for things in kinds.values():
                if names := references(things[0]):
                    waiting += self._refer(things, names)
                for collection in collections(things[0]):
                    waiting += self._fill(things, collection)

    def _refer(self, things: Sequence[Any], names: Sequence[str]) -> Iterator[Any]:
        fetched = " ".join(f"left outer join fetch o.{name}" for name in names)
        hql = f"select o from {kind(things[0])} o {fetched} where o.id in (:ids)"
        by_id = {one.id.val: one for one in things}
        for found in self._query(hql, list(by_id)):
            if not by_id[found.id.val].isLoaded():  # it was met where only its class's own query fetches all it needs
                vars(by_id[found.id.val]).update(vars(found))
            for name in names:
                if (part := getattr(found, f"_{name}")) is not None:
                    setattr(by_id[found.id.val], f"_{name}", self.known.get(identity(part), part))
                    yield from self._new(part)

    def _fill(self, things: Sequence[Any], collection: Collection) -> Iterator[Any]:
        fetched = f"left outer join fetch o.{collection.name} c"
        if collection.end:
            fetched += f" left outer join fetch c.{collection.end}"
        hql = f"select distinct o from {kind(things[0])} o {fetched} {fetches(kind(things[0]))} where o.id in (:ids)"
        by_id = {one.id.val: one for one in things}
        for found in self._query(hql, list(by_id)):
            owner, items = by_id[found.id.val], getattr(found, f"_{collection.name}Seq")
            items = [item for item in items if item is not None and _own(owner, item, collection)]
            for place, item in enumerate(items):
                thing = getattr(item, f"_{collection.end}") if collection.end else item
                yield from self._new(thing)
                if collection.end:
                    setattr(item, f"_{collection.end}", self.known[identity(thing)])
                else:
                    items[place] = self.known[identity(thing)]
            setattr(owner, f"_{collection.name}Seq", items)

    def _new(self, thing: Any) -> Iterator[Any]:
        if identity(thing) not in self.known and not is_enumeration(thing):
            self.known[identity(thing)] = thing
            yield thing

    def _query(self, hql: str, ids: Sequence[int]) -> Iterator[Any]:
        for chunk in _chunks(ids):
            yield from self.session.objects(hql, f"reading {self.where}", ids=chunk)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _own(owner: Any, item: Any, collection: Collection) -> bool:
    """Rendering settings and thumbnails are there for every viewer: those of the image's owner count."""
    mine = owner.details.owner
    return collection.name not in ("settings", "thumbnails") or item.details.owner.id.val == mine.id.val


def _names(
    session: OmeroSession, images: Sequence[Any], series: Mapping[int, int], sources: Mapping[int, int], where: str
) -> list[str | None]:
    """The images' own names (facts: omero_import_rows): the file before one is the one that it was imported from."""
    asked, ids = f"reading the files of {where}", [image.id.val for image in images]
    rows = (session.rows(_FILES, asked, ids=chunk) for chunk in _chunks(ids))
    files = {image: path for chunk in rows for image, path in chunk}
    if of := sorted({sources[image] for image in ids if image in sources}):
        paths = dict(row for chunk in _chunks(of) for row in session.rows(_FIRST_FILES, asked, ids=chunk))
        files |= {image: paths[sources[image]] for image in ids if sources.get(image) in paths}
    named = {image: path.rpartition("/")[2] for image, path in files.items()}
    return [metadata_name(image.name.val, named.get(image.id.val), series[image.id.val]) for image in images]


def metadata_name(name: str, file: str | None, series: int | None) -> str | None:
    """An image's name without the file's that an import puts before it; None for one that has no name of its own."""
    form = _NAMED.fullmatch(name)
    if form and (form["file"] == file or form["file"].endswith(".zarr")) and form["own"] == str(series):
        return None
    if name == file:
        return None
    return form["own"] if form and form["file"] == file else name
