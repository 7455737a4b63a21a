"""Earlier imports of the same Zarr: done, or unfinished because their process was killed."""

from collections.abc import Container
from dataclasses import dataclass

from omero_roz.errors import Refused
from omero_roz.ports.omero import earlier_imports
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.record import NS_RECORD, NS_SUMMARY, Record, from_json


@dataclass(frozen=True, slots=True)
class Earlier:
    """An import that OMERO has a record of: its fileset, its record and that one's annotation, and whose it is."""

    fileset: int
    annotation: int
    record: Record
    owner: int

    @property
    def is_open(self) -> bool:
        """Whether it was never finished."""
        return self.record.state == "open"


def earlier_imports_of(session: OmeroSession, uri: str, group_id: int, without: Container[int] = ()) -> list[Earlier]:
    """The imports of a Zarr into a group that the user can see, oldest first; `without` are filesets to leave out."""
    filesets, found = Filesets(session), []
    for fileset, owner in earlier_imports.filesets_of(session, uri, NS_SUMMARY, group_id):
        if fileset in without:
            continue
        for annotation, text in filesets.notes(fileset, NS_RECORD)[:1]:
            record = from_json(text, f"Fileset:{fileset}")
            if record.kind == "import" and record.uri == uri:
                found.append(Earlier(fileset, annotation, record, owner))
    return found


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
            if one.is_open and one.annotation > annotation:
                continue
            what = f"{one.record.user} imports it at the same time, as Fileset:{one.fileset}"
            raise Refused(what, self.uri, "that one goes on; nothing of this one is left")
