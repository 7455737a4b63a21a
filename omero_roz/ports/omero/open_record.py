"""The note with the record of an import under way: whoever wrote on it last has the import, and nobody else saves.

It is saved along with each batch, as it was read before. A server refuses a row that was changed since it was read, and
all of the batch with it: of two processes that go on with one import the later has it, and nothing is there twice.
"""

from omero.model import CommentAnnotationI
from omero.rtypes import rstring, unwrap

from omero_roz.errors import Refused
from omero_roz.ports.omero.heartbeat import new_token
from omero_roz.ports.omero.session import OmeroSession

_NOTE = "select a from CommentAnnotation a where a.id = :id"
TRIES = 5
BEGUN = "begun; "  # before the token, in a note that is just made


class OpenRecord:
    """The hold of this process on a note, which it has just made, saying `said`, or takes over with `take`."""

    def __init__(self, session: OmeroSession, annotation_id: int, group_id: int, said: str | None = None) -> None:
        self._session, self._annotation, self._group = session, annotation_id, group_id
        self.token = said.removeprefix(BEGUN) if said else new_token()
        self._written = said

    def take(self) -> str:
        """Take the import over from whoever has it; the note's text. Refused where it is written on all the time."""
        for left in reversed(range(TRIES)):
            found = self._read()
            if found is None:
                raise Refused("it was deleted meanwhile", f"Annotation:{self._annotation}", "repeat the command")
            found.description = rstring(f"gone on with; {self.token}")
            try:
                self._session.save([found], "going on with the import", self._group)
            except Refused:
                if not left:
                    raise
            else:
                self._written = found.description.val
                return found.textValue.val
        raise AssertionError("the last try returns or raises")

    def next(self, said: str, text: str | None = None) -> CommentAnnotationI:
        """The note as it is to be saved along with a batch; `said` is how far the import is then, `text` a new text.

        Raises Refused where another process has taken it over.
        """
        found = self._read()
        if found is None or unwrap(found.description) != self._written:
            what = "another omero roz import has taken it over, and goes on with it"
            raise Refused(what, f"Annotation:{self._annotation}", "let it finish")
        self._written = f"{said}; {self.token}"
        found.description = rstring(self._written)
        if text is not None:
            found.textValue = rstring(text)
        return found

    def closed(self, text: str) -> CommentAnnotationI:
        """The note with its last text, to be saved; raises as `next`."""
        found = self.next("done", text)
        found.description = None
        return found

    def is_held(self) -> bool:
        """Whether no other process has written on the note."""
        found = self._read()
        if found is None:
            return False
        return self.token in (unwrap(found.description) or "")

    def _read(self) -> CommentAnnotationI | None:
        found = self._session.objects(_NOTE, "reading the record of the import", id=self._annotation)
        return found[0] if found else None
