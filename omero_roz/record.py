"""The record: what was done to OMERO and what it takes to undo it, kept on the new Fileset.

It is written in the transaction of the change itself, as two annotations: a map for people (NS_SUMMARY) and this
record as JSON for the machine (NS_RECORD). There is no other place that knows, so `status`, `rollback` and a rerun
work from any machine.
"""

import json
from dataclasses import dataclass, fields
from typing import Any

from omero_roz.change import Note, Reading
from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo, PixelsFile
from omero_roz.shown import as_json, said

NS_RECORD = "omero-roz/record"
NS_SUMMARY = "omero-roz/summary"
RUN = "Run"
FORMAT = 1


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

    `kind`: import, replace or rollback. `state`: open (an import not finished), done, unproven (the pixels were not
    yet compared after the change), proven, rolled-back, taken-back (a rollback because the pixels could not be proven).
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
            ("Zarr", self.uri),
            ("Binding", self.binding),
            ("By", self.user),
            ("When", self.when),
            ("omero-roz", self.version),
        ]
        lines += [("Source fileset", str(self.source))] if self.source is not None else []
        return lines + ([(RUN, self.run)] if self.run is not None else [])


def _values(one: Any) -> dict[str, Any]:
    """A dataclass by its fields, not deeper: `asdict` would copy thousands of images first."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


def from_json(text: str, where: str) -> Record:
    """Read a record back.

    Raises Refused where the text is none, or of a later format than this omero-roz knows.
    """
    try:
        data = json.loads(text)
        if data["format"] > FORMAT:
            raise Refused(f"its record was written by omero-roz {data['version']}", where, "use that version or later")
        images = tuple(_image(image) for image in data.pop("images"))
        shared = tuple((kind, number) for kind, number in data.pop("shared", ()))
        return Record(**{f.name: data[f.name] for f in fields(Record) if f.name in data}, images=images, shared=shared)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"its record cannot be read ({said(error)})", where, "was it edited by hand?") from error


def _image(data: dict) -> ImageRecord:
    kinds = {"binding_before": ExternalInfo, "binding": ExternalInfo, "pixels_before": PixelsFile, "pixels": PixelsFile}
    values = {name: kind(**data[name]) if data.get(name) else None for name, kind in kinds.items()}
    return ImageRecord(**{**data, **values})
