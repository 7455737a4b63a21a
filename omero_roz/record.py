"""The record: what was done to OMERO and what it takes to undo it, kept on the new Fileset.

It is written in the transaction of the change itself, as two annotations: a map for people (NS_SUMMARY) and this
record as JSON for the machine (NS_RECORD). There is no other place that knows, so `status`, `rollback` and a rerun
work from any machine.
"""

import json
from dataclasses import asdict, dataclass, fields

from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo
from omero_roz.ports.filesets import Note

NS_RECORD = "omero-roz/record"
NS_SUMMARY = "omero-roz/summary"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image: what it was bound to before (None and 0 for a new one) and what it is bound to now."""

    id: int
    path: str
    series_before: int
    series: int
    binding_before: ExternalInfo | None
    binding: ExternalInfo | None


@dataclass(frozen=True, slots=True)
class Record:
    """What happened to a fileset.

    `kind`: import, replace or rollback. `state`: open (an import not finished), done, unproven (the pixels were not
    yet compared after the change), proven, rolled-back. `source`: the fileset that the images left, None for an import.
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
    format: int = FORMAT

    def note(self) -> Note:
        """The record as it is put on a fileset."""
        return Note(NS_RECORD, self.to_json(), NS_SUMMARY, self.summary())

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def summary(self) -> list[tuple[str, str]]:
        """The record for people: names and values of the map annotation."""
        lines = [
            ("What", self.kind), ("Zarr", self.uri), ("Binding", self.binding),
            ("By", self.user), ("When", self.when), ("omero-roz", self.version),
        ]
        return lines + ([("Source fileset", str(self.source))] if self.source is not None else [])


def from_json(text: str, where: str) -> Record:
    """Read a record back.

    Raises Refused where the text is none, or of a later format than this omero-roz knows.
    """
    try:
        data = json.loads(text)
        if data["format"] > FORMAT:
            raise Refused(f"its record was written by omero-roz {data['version']}", where, "use that version or later")
        images = tuple(_image(image) for image in data.pop("images"))
        return Record(**{f.name: data[f.name] for f in fields(Record) if f.name in data}, images=images)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"its record cannot be read ({error})", where, "was it edited by hand?") from error


def _image(data: dict) -> ImageRecord:
    before, now = data.pop("binding_before"), data.pop("binding")
    return ImageRecord(**data, binding_before=before and ExternalInfo(**before), binding=now and ExternalInfo(**now))
