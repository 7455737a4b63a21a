"""The record: what was done to OMERO and what it takes to undo it, kept on the new Fileset.

It is written in the transaction of the change itself, as two annotations: a map for people (NS_SUMMARY) and this
record as JSON for the machine (NS_RECORD). There is no other place that knows, so `status`, `rollback` and a rerun
work from any machine. What is read back is a claim, for users can write annotations: `settling` says what of it counts.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from omero_roz.change import Note, Reading
from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo, PixelsFile
from omero_roz.shown import as_json, said

NS_RECORD = "omero-roz/record"
NS_SUMMARY = "omero-roz/summary"
RUN, ZARR = "Run", "Zarr"  # what is looked up by in a summary
FORMAT = 2  # 1 had no rows of ExternalInfo
KINDS = ("import", "replace", "rollback")
OPEN, DONE, UNPROVEN, PROVEN, ROLLED_BACK, TAKEN_BACK = STATES = (
    "open", "done", "unproven", "proven", "rolled-back", "taken-back",
)  # fmt: skip
MOST = 2**63 - 1  # of an id
LONGEST = 4096  # characters of a text: a path's most on Linux


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image: what it was bound to before (None and 0 for a new one) and what it is bound to now.

    `pixels_before` and `pixels` are None where the file that the server opens for it was not touched.
    """

    id: int
    path: str
    series_before: int
    series: int
    binding_before: ExternalInfo | None
    binding: ExternalInfo | None
    pixels_before: PixelsFile | None = None
    pixels: PixelsFile | None = None

    @property
    def before(self) -> Reading:
        """How the server read it before."""
        return Reading(self.series_before, self.binding_before, self.pixels_before)

    @property
    def after(self) -> Reading:
        """How the server reads it now."""
        return Reading(self.series, self.binding, self.pixels)

    def undone(self) -> "ImageRecord":
        """The same the other way round."""
        before, after = self.before, self.after
        return ImageRecord(
            self.id, self.path, after.series, before.series, after.external_info, before.external_info,
            after.pixels, before.pixels,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """What happened to a fileset.

    `kind`: one of KINDS. `state`: open (an import not finished), done, unproven (the pixels were not yet compared after
    the change), proven, rolled-back, taken-back (a rollback because the pixels could not be proven).
    `source`: the fileset that the images left, None for an import.
    `shared`: of an open import, kind and id of what its images share and is in OMERO already, in the graph's order.
    `run` is the name of the bulk run that it belongs to.
    """

    kind: str
    state: str
    uri: str
    binding: str
    user: str
    when: str
    version: str
    source: int | None
    images: tuple[ImageRecord, ...] = ()
    check: dict | None = None
    shared: tuple[tuple[str, int], ...] = ()
    run: str | None = None
    format: int = FORMAT

    @property
    def in_force(self) -> bool:
        """Whether it was not undone."""
        return self.state != ROLLED_BACK

    def note(self) -> Note:
        """The record as it is put on a fileset."""
        name = f"Fileset:{self.source}" if self.source is not None else None
        return Note(NS_RECORD, self.to_json(), NS_SUMMARY, self.summary(), name)

    def to_json(self) -> str:
        """The record as JSON text."""
        return as_json(_values(self), None, default=_values, separators=(",", ":"))

    def summary(self) -> list[tuple[str, str]]:
        """The record for people: names and values of the map annotation."""
        lines = [
            ("What", self.kind),
            (ZARR, self.uri),
            ("Binding", self.binding),
            ("By", self.user),
            ("When", self.when),
            ("omero-roz", self.version),
        ]
        lines += [("Source fileset", str(self.source))] if self.source is not None else []
        return lines + ([(RUN, self.run)] if self.run is not None else [])


def _values(one: Any) -> dict[str, Any]:
    """A dataclass by its fields, not deeper: `asdict` would copy thousands of images first."""
    if isinstance(one, ExternalInfo) and one.row is None:
        return {name: getattr(one, name) for name in _INFO}
    return {field.name: getattr(one, field.name) for field in fields(one)}


def from_json(text: str, where: str) -> Record:
    """Read a record back.

    Raises Refused where the text is none, or of a later format than this omero-roz knows. Whatever the text is: nothing
    else is raised, and what is given back has the types, sizes and characters that omero-roz writes.
    """
    try:
        data = json.loads(text)
        if _number(data["format"], least=1) > FORMAT:
            version = _text(data["version"])[:40]
            raise Refused(f"its record was written by omero-roz {version}", where, "use that version or later")
        return _record(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"{type(error).__name__}: {said(error)}"[:120]
        raise Refused(f"its record cannot be read ({why})", where, "was it edited by hand?") from error


def _record(data: dict[str, Any]) -> Record:
    read: dict[str, Callable[[Any], Any]] = {
        "kind": _one_of(KINDS), "state": _one_of(STATES), "source": _maybe(_id), "images": _images, "check": _check,
        "shared": _shared, "run": _maybe(_text), "format": _number,
    }  # fmt: skip
    return Record(**{f.name: read.get(f.name, _text)(data[f.name]) for f in fields(Record) if f.name in data})


def _images(data: Any) -> tuple[ImageRecord, ...]:
    found = tuple(map(_image, _list(data)))
    if len({image.id for image in found}) < len(found):
        raise ValueError("an image twice")
    return found


def _image(data: dict[str, Any]) -> ImageRecord:
    return ImageRecord(
        _id(data["id"]), _text(data["path"]), _series(data["series_before"]), _series(data["series"]),
        _info(data.get("binding_before")), _info(data.get("binding")),
        _file(data.get("pixels_before")), _file(data.get("pixels")),
    )  # fmt: skip


_INFO = ("entity_type", "entity_id", "lsid", "uuid")


def _info(data: dict[str, Any] | None) -> ExternalInfo | None:
    if data is None:
        return None
    kind, number, lsid, uuid = (data[name] for name in _INFO)
    # What the columns take, as the API has it.
    texts = (_short(kind), _maybe(_short)(lsid), _maybe(_short)(uuid))
    return ExternalInfo(texts[0], _number(number, least=-MOST - 1), texts[1], texts[2], _maybe(_id)(data.get("row")))


def _file(data: dict[str, Any] | None) -> PixelsFile | None:
    if data is None:
        return None
    return PixelsFile(*(_maybe(_text)(data[name]) for name in ("path", "name", "repo")))


def _check(data: Any) -> dict[str, dict[str, Any]] | None:
    """What the proof says: plain values by name for each moment."""
    if data is None:
        return None
    found = {_short(moment): {_short(k): _plain(v) for k, v in told.items()} for moment, told in data.items()}
    if len(found) > 8 or any(len(told) > 32 for told in found.values()):
        raise ValueError("too much of a check")
    for told in found.values():
        _text(told["check"])
        for name in ("planes", *{"seed", "images", "of_planes"}.intersection(told)):
            _number(told[name])
    return found


def _shared(data: Any) -> tuple[tuple[str, int], ...]:
    found = tuple((_short(kind), _id(number)) for kind, number in _list(data))
    if not all(kind.isascii() and kind.isidentifier() for kind, _ in found):
        raise ValueError("no class of OMERO")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    return value if value is None or isinstance(value, bool) else _number(value, least=-MOST)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _text(value: Any, longest: int = LONGEST) -> str:
    """A text that a terminal, PostgreSQL and a file of UTF-8 can take."""
    if not isinstance(value, str) or len(value) > longest or "\x00" in value:
        raise TypeError("not a text, or too long a one")
    value.encode()  # half a character raises
    return value


def _short(value: Any) -> str:
    return _text(value, 255)


def _number(value: Any, least: int = 0, most: int = MOST) -> int:
    if type(value) is not int or not least <= value <= most:
        raise TypeError("not a number, or out of range")
    return value


def _id(value: Any) -> int:
    return _number(value, least=0)


def _series(value: Any) -> int:
    return _number(value, most=2**31 - 1)


def _maybe(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _one_of(known: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"none of {', '.join(known)}")
        return value

    return read
