"""What omero-roz did to the images that a user names, as the records in OMERO say, and whether it still is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import Fileset
from omero_roz.plan import batches
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.recorded import told
from omero_roz.record import OPEN, Record
from omero_roz.settled import Settled
from omero_roz.settling import left_behind, settle

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


@dataclass(frozen=True, slots=True)
class Known:
    """The records on an object's filesets, oldest first, and what there is in their place that cannot be read."""

    stated: list[Stated]
    unread: list[Problem]


def status(session: OmeroSession, kind: str, number: int) -> Known:
    """The records on the filesets of an object's images, oldest first; for a source those of what it was replaced by.

    Raises Refused where the user sees no such object.
    """
    found = Known([], [])
    for chunk in batches(_ids(session, kind, number), AT_ONCE):
        _add(found, session, chunk)
    return found


def _ids(session: OmeroSession, kind: str, number: int) -> list[int]:
    if kind == "Fileset":
        return [Filesets(session).get(number).id]
    images = containers.images_of(session, kind, number)
    ids = sorted(set(containers.filesets_of(session, images).values()))
    if not ids:
        raise Refused("its images are in no fileset", f"{kind}:{number}", "they were made, not imported")
    return ids


def _add(found: Known, session: OmeroSession, ids: Sequence[int]) -> None:
    chain, there = _chain(session, ids), dict[int, Fileset]()
    for settled in chain:
        found.unread.extend((*settled.unread, *settled.unclear))
        there[settled.fileset.id] = settled.fileset
    found.unread.extend(left_behind(session, chain).values())
    written = [one for settled in chain for one in settled.written]
    sources = {one.record.source for one in written if one.record.source is not None}
    there |= Filesets(session).get_many(sorted(sources - there.keys()))
    for one in written:
        record, fileset = one.record, there[one.fileset]
        gone = record.source is not None and record.source not in there
        found.stated.append(Stated(one.fileset, record, gone, _as_recorded(record, fileset)))


def _chain(session: OmeroSession, ids: Sequence[int]) -> list[Settled]:
    """Filesets, and those that the images of emptied ones went to, as all say that claim it."""
    found, passed = list[Settled](), set[int]()
    while ids:
        settled = settle(session, ids)
        found += settled.values()
        passed |= {*ids}
        ids = sorted({one.fileset for each in settled.values() for one in each.followers} - passed)
    return found


def _as_recorded(record: Record, fileset: Fileset) -> bool | None:
    if not record.in_force or record.state == OPEN:
        return None
    now = {image.id: image.external_info for image in fileset.images}
    return all(image.id in now and now[image.id] == image.binding for image in record.images)
