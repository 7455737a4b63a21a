"""Checking one image: is it bound, is its Zarr there, does the server show what the Zarr has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from omero_roz.binding.lsid import ServerPath
from omero_roz.errors import Problem, Refused, RozError
from omero_roz.fileset import OmeroImage
from omero_roz.layout.model import Series
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.rendered import drawn, stored_sha1
from omero_roz.ports.omero.session import OmeroSession, Ticket, join
from omero_roz.ports.zarr.stores import Access
from omero_roz.proving.pixels import compare
from omero_roz.proving.sampling import Choice, Everything, Sample
from omero_roz.record import Record
from omero_roz.shown import said
from omero_roz.verify import chunks
from omero_roz.verify.location import Broken, Location, location_of, reach
from omero_roz.verify.source import has_sha1

Check = Literal["sample", "all"]
MOST_PROBLEMS = 20
_PLANES: dict[Check, Choice] = {"sample": Sample(), "all": Everything()}


@dataclass(frozen=True, slots=True)
class Bound:
    """An image, the group that it is in, and the record in force on its fileset."""

    image: OmeroImage
    fileset: int
    group_id: int
    record: Record | None


@dataclass(frozen=True, slots=True)
class How:
    """What is compared (a sample of the planes, or all), and how this machine reaches what the server sees."""

    check: Check = "sample"
    paths: tuple[ServerPath, ...] = ()
    access: Access = field(default_factory=Access)


@dataclass(frozen=True, slots=True)
class ImageCheck:
    """What was found of one image.

    `chunks` and `absent` count files of chunks or shards over all levels, `absent` is None where the store cannot list.
    `source` compares all pixels with the SHA-1 that OMERO keeps of the original: equal, different, or None where there
    was no reason to (no chunk is absent) or nothing to compare with. `drawn` is False without a problem for an image
    that has no rendering settings yet.
    """

    image: int
    fileset: int | None
    name: str = ""
    ok: bool = False
    binding: str | None = None
    uri: str | None = None
    link: str | None = None
    check: Check = "sample"
    planes: int = 0
    levels: int = 0
    chunks: int = 0
    absent: int | None = None
    source: str | None = None
    drawn: bool = False
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The check as JSON values."""
        return asdict(self) | {"problems": list(self.problems)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ImageCheck:
        """A check read back; raises TypeError and KeyError for what is none."""
        found = cls(**{**data, "problems": tuple(data["problems"])})
        for names, kinds in _KINDS.items():
            for name in names:
                if type(getattr(found, name)) not in kinds:
                    raise TypeError(f"{name} is of another type")
        if found.check not in _PLANES or not all(isinstance(one, str) for one in found.problems):
            raise TypeError("check or problems are others")
        return found


_KINDS: dict[tuple[str, ...], tuple[type, ...]] = {
    ("image", "planes", "levels", "chunks"): (int,), ("fileset", "absent"): (int, type(None)), ("name",): (str,),
    ("binding", "uri", "link", "source"): (str, type(None)), ("ok", "drawn"): (bool,),
}  # fmt: skip


@dataclass(slots=True)
class _Found:
    problems: list[str] = field(default_factory=list)

    def add(self, problem: Problem | str) -> None:
        self.problems.append(str(problem))


def check_elsewhere(ticket: Ticket, bound: Bound, how: How) -> ImageCheck:
    """The same in another process, which joins the session."""
    return check_image(join(ticket), bound, how)


def check_image(session: OmeroSession, bound: Bound, how: How) -> ImageCheck:
    """Check one image; whatever fails is in `problems`, for one image must not end the check of thousands."""
    try:
        return _check(session, bound, how)
    except Exception as error:
        what = f"it could not be checked ({said(error)})"
        return ImageCheck(bound.image.id, bound.fileset, bound.image.name, check=how.check, problems=(what,))


def _check(session: OmeroSession, bound: Bound, how: How) -> ImageCheck:
    start = ImageCheck(bound.image.id, bound.fileset, bound.image.name, check=how.check)
    try:
        location = location_of(bound.image, bound.record, how.paths, how.access)
        if location is None:
            return replace(start, problems=("it is not bound to a Zarr",))
        start = replace(start, binding=location.binding, uri=location.uri)
        store = reach(location)
        series = _series(store, location)
    except Broken as error:
        return replace(start, link=error.link, problems=_texts(error))
    except RozError as error:
        return replace(start, link="ok", problems=_texts(error))
    found = _Found()
    result = replace(start, link="ok", **_counts(store, series, found))
    result = replace(result, **_pixels(session, bound, store, series, how, found))
    if result.absent and bound.record is not None and bound.record.kind == "replace":
        result = replace(result, source=_source(session, bound.image, store, series, found))
    result = replace(result, drawn=_drawn(session, bound, found))
    return replace(result, ok=not found.problems, problems=tuple(found.problems))


def located(image: OmeroImage, record: Record | None, how: How) -> tuple[Store, Series]:
    """The store that begins at an image's series, and that; Refused where it is bound to none, or that is gone."""
    location = location_of(image, record, how.paths, how.access)
    if location is None:
        raise Refused("it is not bound to a Zarr", f"Image:{image.id}")
    store = reach(location)
    return store, _series(store, location)


def _texts(error: RozError) -> tuple[str, ...]:
    return tuple(str(problem) for problem in error.problems)


def _series(store: Store, location: Location) -> Series:
    layout = read_layout(store)
    series = layout.mapped_series()  # raises with all that is wrong
    if len(series) != 1:
        raise Refused(f"it holds {len(series)} images, not one", location.uri, "the binding must name one image")
    return series[0]


def _counts(store: Store, series: Series, found: _Found) -> dict[str, Any]:
    """The chunks that the metadata promises and those that are not there: legal, so only counted."""
    total, absent = 0, 0
    for level in series.levels:
        total += chunks.promised(level)
        try:
            there = chunks.stored(store, series, level)
        except Exception as error:  # what stores raise is not listed anywhere
            found.add(f"the chunks of {level.path} cannot be listed ({said(error)})")
            there = None
        if there is None:
            return {"chunks": sum(map(chunks.promised, series.levels)), "absent": None}
        absent += chunks.promised(level) - there
    return {"chunks": total, "absent": absent}


def _pixels(
    session: OmeroSession, bound: Bound, store: Store, series: Series, how: How, found: _Found
) -> dict[str, Any]:
    image = bound.image
    wrong = [*_shape(image, series)]
    for problem in wrong:
        found.add(problem)
    if wrong:
        return {}
    levels = 0
    with plane_readers(session, bound.group_id) as readers:
        try:
            with readers.of(image) as reader:
                levels = _levels(reader.levels(), series, found)
        except Refused as error:
            found.problems += _texts(error)
            return {}
        try:
            checked = compare(readers, store, [Pair(image, series)], _PLANES[how.check], _quiet, jobs=1)
        except Refused as error:
            found.problems += _texts(error)
            return {"levels": levels}
    found.problems += map(str, checked.problems[:MOST_PROBLEMS])
    return {"levels": levels, "planes": checked.planes}


def _quiet(what: str, done: int, total: int) -> None:
    """The progress of one image among many is not shown."""


def _shape(image: OmeroImage, series: Series) -> Iterator[str]:
    """Sizes, type and channels that differ between OMERO and the Zarr."""
    for what, omero, zarr in (
        ("sizes", image.sizes, series.sizes),
        ("pixel type", image.pixel_type, series.pixel_type),
        ("channels", image.channels, series.sizes.c),
    ):
        if omero != zarr:
            yield f"{what}: {omero} in OMERO, {zarr} in the Zarr"


def _levels(shown: Sequence[tuple[int, int]], series: Series, found: _Found) -> int:
    x, y = series.axes.index("x"), series.axes.index("y")
    expected = sorted(((level.shape[x], level.shape[y]) for level in series.levels), reverse=True)
    # The pixel buffer halves sizes and rounds down (facts: layouts), converters round as they like.
    near = all(
        abs(a - b) <= 1 for one, other in zip(shown, expected, strict=False) for a, b in zip(one, other, strict=True)
    )
    if len(shown) != len(expected) or not near:
        found.add(f"levels: {_sizes(shown)} in OMERO, {_sizes(expected)} in the Zarr")
    return len(expected)


def _sizes(levels: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{x} x {y}" for x, y in levels)


def _source(session: OmeroSession, image: OmeroImage, store: Store, series: Series, found: _Found) -> str | None:
    """All pixels, absent chunks as their fill value, against the SHA-1 that OMERO kept of the source's."""
    known = stored_sha1(session, image)
    if known is None:
        return None
    try:
        equal = has_sha1(store, series, known)
    except Refused as error:
        found.problems += _texts(error)
        return None
    if not equal:
        found.add("chunks are absent, and the pixels are not those of the source (SHA-1): convert it again")
    return "equal" if equal else "different"


def _drawn(session: OmeroSession, bound: Bound, found: _Found) -> bool:
    try:
        return drawn(session, bound.image, bound.group_id)
    except Refused as error:
        found.problems += _texts(error)
        return False
