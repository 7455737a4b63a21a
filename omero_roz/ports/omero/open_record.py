"""The notes of an import under way: whoever wrote on them last has the import, and nobody else saves.

They are the record and its summary on the fileset. One of them is saved along with each batch, as it was read before. A
server refuses a row that was changed since it was read, and all of the batch with it: of two processes that go on with
one import the later has it, for it writes on both first, and nothing is there twice. With two notes two batches can be
on their way side by side, each with its own.
"""

from collections.abc import Sequence
from typing import Any

from omero.rtypes import rstring, unwrap

from omero_roz.errors import Refused
from omero_roz.ports.omero.heartbeat import new_token
from omero_roz.ports.omero.session import OmeroSession

_NOTES = "select a from Annotation a where a.id in (:ids)"
TRIES = 5
BEGUN = "begun; "  # before the token, in a note that is just made


class OpenRecord:
    """The hold of this process on the notes of an import, which it has just made, saying `said`, or takes over with
    `take`.

    `notes` are the ids of the record's annotation and, where it is there, its summary's; `said` the description of the
    first.
    """

    def __init__(self, session: OmeroSession, notes: Sequence[int], group_id: int, said: str | None = None) -> None:
        self._session, self._notes, self._group = session, tuple(notes), group_id
        self.token = said.removeprefix(BEGUN) if said else new_token()
        self._written = [said, *(None for _ in notes[1:])]

    @property
    def lanes(self) -> tuple[int, ...]:
        """What is given to `next`: as many batches can be saved at the same time."""
        return tuple(range(len(self._notes)))

    def take(self) -> str:
        """Take the import over from whoever has it; the record's text. Refused where it is written on all the time."""
        for left in reversed(range(TRIES)):
            found = self._read(self._notes)
            if len(found) < len(self._notes):
                raise Refused("it was deleted meanwhile", f"Annotation:{self._notes[0]}", "repeat the command")
            said = f"gone on with; {self.token}"
            for note in found:
                note.description = rstring(said)
            try:
                self._session.save(found, "going on with the import", self._group)
            except Refused:
                if not left:
                    raise
            else:
                self._written = [said for _ in found]
                return found[0].textValue.val
        raise AssertionError("the last try returns or raises")

    def next(self, said: str, text: str | None = None, lane: int = 0) -> Any:
        """The note as it is to be saved along with a batch; `said` is how far the import is then, `text` a new text of
        the record, which the first lane writes.

        Raises Refused where another process has taken it over.
        """
        [found] = self._held([lane])
        self._written[lane] = f"{said}; {self.token}"
        found.description = rstring(self._written[lane])
        if text is not None:
            found.textValue = rstring(text)
        return found

    def closed(self, text: str) -> list:
        """The notes with the record's last text, to be saved; raises as `next`."""
        found = self._held(self.lanes)
        found[0].textValue = rstring(text)
        for note in found:
            note.description = None
        return found

    def is_held(self) -> bool:
        """Whether no other process has written on the record."""
        found = self._read(self._notes[:1])
        return bool(found) and self.token in (unwrap(found[0].description) or "")

    def _held(self, lanes: Sequence[int]) -> list:
        found = self._read([self._notes[lane] for lane in lanes])
        if [unwrap(note.description) for note in found] != [self._written[lane] for lane in lanes]:
            what = "another omero roz import has taken it over, and goes on with it"
            raise Refused(what, f"Annotation:{self._notes[0]}", "let it finish")
        return found

    def _read(self, notes: Sequence[int]) -> list:
        """Those of the notes that are there, in their order."""
        found = self._session.to_change(_NOTES, "reading the record of the import", ids=list(notes))
        by_id = {note.id.val: note for note in found}
        return [by_id[note] for note in notes if note in by_id]
