"""Beginning an import, or going on with an unfinished one; the record on its fileset says how far it came.

The fileset, its open record and what the images share are saved first, in one transaction where they are not many.
So what a killed run left is known: the record's list, and what the transactions made that wrote it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ome_graph import Graph
from omero_roz.change import NewFileset
from omero_roz.errors import Refused
from omero_roz.fileset import Claim
from omero_roz.import_.earlier import Earlier, Others
from omero_roz.places import Place
from omero_roz.plan import ImportPlan, batches
from omero_roz.ports.omero.earlier_imports import take_back
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.heartbeat import Heart, new_token
from omero_roz.ports.omero.new_images import kind, refer
from omero_roz.ports.omero.open_record import BEGUN, OpenRecord
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.repository.managed import ManagedRepository
from omero_roz.record import NS_RECORD, NS_SUMMARY, Record, from_json

CHUNK = 500  # objects a transaction: the cost of one grows with the square (facts: omero_import_speed)


@dataclass(frozen=True, slots=True)
class Opened:
    """An import that is under way: its fileset, and the annotation with its open record."""

    fileset: int
    annotation: int
    record: Record


class Opening:
    """Begins the import of a plan, resumes it, or takes it back."""

    def __init__(self, session: OmeroSession, plan: ImportPlan, made: Graph, others: Others) -> None:
        self._session, self._plan, self._others = session, plan, others
        self._filesets = Filesets(session)
        self._shared = [one for wave in made.shared for one in wave]
        self._kinds = [kind(one) for one in self._shared]
        with_wells = {id(well.plate) for well in made.wells}
        self._plates = [place for place, one in enumerate(self._shared) if id(one) in with_wells]
        self._is_written = True  # whether the record in OMERO has all that is known
        self._begun: Opened | None = None
        self._note: OpenRecord | None = None
        self._heart: Heart | None = None
        self._written: str | None = None

    def begin(self, record: Record, xml: bytes) -> Opened:
        """Save the file, the fileset with its record, and what the images share."""
        file, group = self._plan.file, self._plan.group_id
        self._written = file.directory
        file_id = ManagedRepository(self._session, group).write(file.directory, file.name, xml)
        new, said = NewFileset(file.directory, file.client_path, file_id), BEGUN + new_token()
        first, *others = batches(self._shared, CHUNK) or [()]
        created = self._filesets.create(new, replace(record.note(), said=said), group, first)
        self._begun = Opened(created.fileset, created.annotation, record)
        notes = created.annotation, created.summary
        self._hold(OpenRecord(self._session, notes, group, said), created.fileset)
        self._others.check(created.fileset, created.annotation)
        self._saved(first, created.ids)
        for chunk in others:
            self._saved(chunk, self._rewrite(chunk))
        self._is_written = False  # the first batch does it
        return self._begun

    def resume(self, earlier: Earlier) -> Opened | None:
        """Go on with an import that was begun; one that had not got as far as its images is taken back: None.

        Raises Refused where it was begun by another version of omero-roz that saved other things.
        """
        if len(earlier.record.shared) < len(self._shared):
            # not written on before: the transaction that did it last tells what else it made
            self._begun = Opened(earlier.fileset, earlier.written.annotation, earlier.record)
            self.take_back()
            self._begun = None
            return None
        summaries = self._filesets.summaries(earlier.fileset, NS_SUMMARY)[:1]
        note = OpenRecord(self._session, [earlier.written.annotation, *summaries], self._plan.group_id)
        self._hold(note, earlier.fileset)
        record = from_json(note.take(), f"Fileset:{earlier.fileset}")
        if record.state != "open":
            what = "it was finished just now by another omero roz import"
            raise Refused(what, f"Fileset:{earlier.fileset}", "nothing is left to do")
        self._begun = Opened(earlier.fileset, earlier.written.annotation, record)
        known = record.shared
        if [name for name, _ in known] != self._kinds:
            what, fix = "it was begun from other metadata, or by another version of omero-roz", "delete it, then repeat"
            raise Refused(what, f"Fileset:{earlier.fileset}", fix)
        refer(self._shared, [number for _, number in known])
        return self._begun

    @property
    def is_written(self) -> bool:
        """Whether the record in OMERO has all that is known; else a batch in the first lane is to be saved alone."""
        return self._is_written

    @property
    def lanes(self) -> tuple[int, ...]:
        """In each of them one batch at a time can be saved, beside those in the others."""
        assert self._note is not None
        return self._note.lanes

    def note(self, said: str, lane: int) -> Any:
        """What is to be saved along with a batch, so that no other process saves the same; `said`: how far it is."""
        assert self._begun is not None and self._note is not None
        text = None if self._is_written else self._begun.record.to_json()
        self._is_written = True
        return self._note.next(said, text, lane)

    def close(self, record: Record, objects: Sequence) -> None:
        """Write the record's last state, in one transaction with objects. Raises Refused where another has won."""
        assert self._begun is not None and self._note is not None
        self._others.check(self._begun.fileset, self._begun.annotation)
        saved = [*self._note.closed(record.to_json()), *objects]
        self._session.save(saved, "closing the import", self._plan.group_id)

    def stop(self) -> None:
        """Show no longer that it is alive."""
        if self._heart is not None:
            self._heart.stop()

    def _hold(self, note: OpenRecord, fileset: int) -> None:
        self._note, self._heart = note, Heart(self._session, fileset, self._plan.group_id, note.token)

    @property
    def is_held(self) -> bool:
        """Whether no other process has taken it over."""
        return self._note is None or self._note.is_held()

    def take_back(self) -> None:
        """Delete everything that was made; nothing where nothing was."""
        group, directories = self._plan.group_id, [self._written] if self._written else []
        if self._begun is not None:
            directories = self._own(self._filesets.get(self._begun.fileset).prefix)
            kinds = set(self._kinds)
            known = [(kind, number) for kind, number in self._begun.record.shared if kind in kinds]
            take_back(self._session, self._begun.fileset, NS_RECORD, known, kinds, group)
        for directory in directories:
            ManagedRepository(self._session, group).remove(directory)

    def _own(self, prefix: Claim) -> list[str]:
        """The directory of an unfinished import: a template prefix is believed only where it is such a one's own."""
        place, mine = Place.parse(prefix.said), self._plan.file.place
        return [prefix.said] if place and (place.top, place.area, place.of) == (mine.top, mine.area, mine.of) else []

    @property
    def plates(self) -> tuple[int, ...]:
        """The plates that the new images are on."""
        return tuple(self._begun.record.shared[place][1] for place in self._plates) if self._begun else ()

    @property
    def fileset(self) -> int | None:
        """The fileset of what is under way."""
        return self._begun.fileset if self._begun else None

    @property
    def where(self) -> str:
        """What is under way, for an error."""
        return f"Fileset:{self._begun.fileset}" if self._begun else self._plan.uri

    def _saved(self, chunk: Sequence, ids: Sequence[int]) -> None:
        assert self._begun is not None
        known = (*self._begun.record.shared, *zip(map(kind, chunk), ids, strict=True))
        refer(chunk, ids)
        self._begun = replace(self._begun, record=replace(self._begun.record, shared=known))

    def _rewrite(self, chunk: Sequence) -> list[int]:
        assert self._begun is not None
        text = self._begun.record.to_json()
        return self._filesets.rewrite(self._begun.annotation, text, self._plan.group_id, chunk)
