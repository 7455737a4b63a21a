"""Earlier imports of the same Zarr: done, or unfinished because their process was killed; one's own, and others'.

What others say of theirs stops nobody for longer than it is true: one that is done has its images, one that is open is
alive, and what cannot be read is none.
"""

from collections.abc import Container
from dataclasses import dataclass

from omero_roz.errors import Refused
from omero_roz.ports.omero import heartbeat
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.record import NS_RECORD, Record
from omero_roz.settled import Settled, Written, is_open
from omero_roz.settling import imports_of


@dataclass(frozen=True, slots=True)
class Earlier:
    """An import that OMERO has a settled record of; `beat`: how many seconds ago an open one was alive, if it still
    is."""

    settled: Settled
    written: Written
    beat: float | None = None

    @property
    def fileset(self) -> int:
        """Its fileset."""
        return self.written.fileset

    @property
    def record(self) -> Record:
        """Its record."""
        return self.written.record

    @property
    def user(self) -> str:
        """Whose it is, as OMERO has it."""
        return self.settled.fileset.owner.user_name

    @property
    def is_open(self) -> bool:
        """Whether it was never finished."""
        return is_open(self.written)

    def is_of(self, session: OmeroSession) -> bool:
        """Whether it is the user's own."""
        return self.settled.fileset.owner.user_id == session.who.user_id


def earlier_imports_of(session: OmeroSession, uri: str, group_id: int, without: Container[int] = ()) -> list[Earlier]:
    """The imports of a Zarr into a group that count, oldest first; `without` are filesets to leave out.

    Raises Refused where one of the user's own cannot be read.
    """
    found = []
    for settled in imports_of(session, uri, group_id):
        mine = settled.fileset.owner.user_id == session.who.user_id
        if settled.fileset.id in without or (settled.unread and not mine):
            continue
        made = next((w for w in settled.records if w.record.kind == "import" and w.record.uri == uri), None)
        if made is None:
            continue
        if is_open(made):
            beat = heartbeat.seconds_ago(session, made.fileset, made.said, NS_RECORD)
            if mine or beat is not None:
                found.append(Earlier(settled, made, beat))
        elif mine or _has_its_images(settled, made):
            found.append(Earlier(settled, made))
    return found


def _has_its_images(settled: Settled, written: Written) -> bool:
    """Whether the images that a record names are there, as it says."""
    now = {image.id: image.external_info for image in settled.fileset.images}
    images = written.record.images
    return bool(images) and all(image.id in now and now[image.id] == image.binding for image in images)


@dataclass(frozen=True, slots=True)
class Others:
    """Imports of the same Zarr that run at the same time; `known` are filesets that were there before this one."""

    session: OmeroSession
    uri: str
    group: int
    known: frozenset[int]
    allowed: bool

    def check(self, fileset: int, annotation: int) -> None:
        """Raise Refused where another import of the Zarr was faster: it is done, or its record is the older one.

        Looked at when a record is opened and before it is closed: one of two always sees the other.
        """
        if self.allowed:
            return
        for one in earlier_imports_of(self.session, self.uri, self.group, self.known | {fileset}):
            if one.is_open and (one.written.annotation > annotation or one.beat is None):
                continue
            what = f"{one.user} imports it at the same time, as Fileset:{one.fileset}"
            raise Refused(what, self.uri, "that one goes on; nothing of this one is left")
