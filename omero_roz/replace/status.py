"""What omero-roz did to the images that a user names, as the records in OMERO say, and whether it still is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omero_roz.errors import Refused
from omero_roz.fileset import Fileset
from omero_roz.plan import batches
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.recorded import told
from omero_roz.record import NS_RECORD, Record, from_json

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Stated:
    """A record and the fileset that has it.

    `source_gone`: the source was removed, so there is no way back. `as_recorded`: the images are in the fileset and
    bound as the record says; None for one that is not in force.
    """

    fileset: int
    record: Record
    source_gone: bool
    as_recorded: bool | None

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        told = {"fileset": self.fileset, "source_gone": self.source_gone, "as_recorded": self.as_recorded}
        return asdict(self.record) | told

    @property
    def proof(self) -> str:
        """How it was proven, for people."""
        return told(self.record)


def status(session: OmeroSession, kind: str, number: int) -> list[Stated]:
    """The records on the filesets of an object's images, oldest first; for a source those of what it was replaced by.

    Raises Refused where the user sees no such object.
    """
    filesets, found = Filesets(session), list[Stated]()
    for chunk in batches(_ids(session, filesets, kind, number), AT_ONCE):
        found += _of(filesets, chunk)
    return found


def _ids(session: OmeroSession, filesets: Filesets, kind: str, number: int) -> list[int]:
    if kind == "Fileset":
        return [filesets.get(number).id]
    images = containers.images_of(session, kind, number)
    ids = sorted(set(containers.filesets_of(session, images).values()))
    if not ids:
        raise Refused("its images are in no fileset", f"{kind}:{number}", "they were made, not imported")
    return ids


def _of(filesets: Filesets, ids: Sequence[int]) -> list[Stated]:
    parsed, there = _chain(filesets, ids)
    there |= filesets.get_many(sorted({one.source for _, one in parsed if one.source is not None} - there.keys()))
    return [
        Stated(number, one, one.source is not None and one.source not in there, _as_recorded(one, there.get(number)))
        for number, one in parsed
    ]


def _chain(filesets: Filesets, ids: Sequence[int]) -> tuple[list[tuple[int, Record]], dict[int, Fileset]]:
    """The records on filesets and on those that the images of emptied ones went to; all those filesets."""
    found, there = list[tuple[int, Record]](), dict[int, Fileset]()
    while ids:
        there |= filesets.get_many(ids)
        noted = filesets.notes_many(ids, NS_RECORD)
        found += [(number, from_json(text, f"Fileset:{number}")) for number in ids for _, text in noted[number]]
        empty = [number for number in ids if number in there and not there[number].images]
        named = filesets.named_many(NS_RECORD, [f"Fileset:{number}" for number in empty])
        ids = sorted({fileset for notes in named.values() for fileset, _, _ in notes} - there.keys())
    return found, there


def _as_recorded(record: Record, fileset: Fileset | None) -> bool | None:
    if record.state in ("rolled-back", "open") or fileset is None:
        return None
    now = {image.id: image.external_info for image in fileset.images}
    return all(image.id in now and now[image.id] == image.binding for image in record.images)
