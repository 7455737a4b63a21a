"""What of all that OMERO says of a fileset counts: the types that verbs act on, and the rules without asking anybody.

Annotations, their names and links, template prefixes and ExternalInfo are *claims*: users write them by the API. A
claim is shown, and looked up by; it is acted on only as part of a `Settled`, which `settling.py` alone makes by what no
user can write: owners, groups, events, ids. What SQL writes and what is removed from a disk is settled once more where
it is done (`applying/swap.py`, `ports/repository/disk.py`). See docs/decisions/012.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import Fileset, Who
from omero_roz.record import OPEN, Record, from_json


@dataclass(frozen=True, slots=True)
class Written:
    """A record that the owner of its fileset put there: the id of its annotation, and the event that made that one.

    `said` is what its note has for a description: of an open import, how far it is and who is at it.
    """

    fileset: int
    annotation: int
    record: Record
    event: int
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A fileset with what counts of it.

    `written` are its records, oldest first, `unread` what its owner wrote in a record's place that is none. `followers`
    are the records, of the same owner and group and in force, that name this fileset as their source: asked for only
    where it has no images; `unclear` is what stands in the place of one and cannot be read.
    """

    fileset: Fileset
    written: tuple[Written, ...] = ()
    unread: tuple[Problem, ...] = ()
    followers: tuple[Written, ...] = ()
    unclear: tuple[Problem, ...] = ()

    @property
    def where(self) -> str:
        """The fileset, for an error."""
        return f"Fileset:{self.fileset.id}"

    @property
    def records(self) -> tuple[Written, ...]:
        """The records, oldest first; Refused where one of them cannot be read, for it might be the one that counts."""
        if self.unread:
            raise Refused.of(self.unread)
        return self.written

    @property
    def last(self) -> Written | None:
        """The newest record in force; raises as `records`."""
        return next((one for one in reversed(self.records) if one.record.in_force), None)

    @property
    def undoes(self) -> Written:
        """The record that a rollback undoes: that of the fileset's replacement, else that of a rollback to it.

        Raises Refused where there is none in force, and as `records`.
        """
        in_force = [one for one in self.records if one.record.in_force]
        if not in_force:
            fix = "give the id of the new Fileset that a replacement made"
            raise Refused("omero-roz has no record on it", self.where, fix)
        return max(in_force, key=lambda one: (one.record.kind != "rollback", one.annotation))

    @property
    def is_rolled_back(self) -> bool:
        """Whether a replacement made it and was undone; raises as `records`."""
        records = [one.record for one in self.records]
        return any(record.kind == "replace" for record in records) and not any(record.in_force for record in records)

    @property
    def follower(self) -> Written | None:
        """The record of the fileset that got the images, None where nobody says so.

        Raises Refused, with all of them, where several say so or one cannot be read.
        """
        if self.unclear:
            raise Refused.of(self.unclear)
        if len({one.fileset for one in self.followers}) > 1:
            named = ", ".join(f"Fileset:{one.fileset} ({_told(one.record)})" for one in self.followers)
            what = f"several records in force say that they have its images: {named}"
            raise Refused(what, self.where, "delete the records (annotations) of all but the right one")
        return self.followers[-1] if self.followers else None

    def is_in(self, run: str) -> bool:
        """Whether it is a replacement of a bulk run, by its record in force; raises as `records`."""
        return any(one.record.in_force for one in self.records if _is_of(run, one.record))

    def sources_in(self, run: str) -> set[int]:
        """The source of what it is a replacement of in a bulk run, by its record in force; raises as `records`."""
        records = [one.record for one in self.records if one.record.in_force and _is_of(run, one.record)]
        return {record.source for record in records if record.source is not None}

    def may_be_changed_by(self, who: Who) -> bool:
        """Whether a user is its owner, or an administrator."""
        return who.is_admin or self.fileset.owner.user_id == who.user_id

    def was_in(self, run: str) -> bool:
        """Whether a bulk run made it, undone or not."""
        return any(_is_of(run, one.record) for one in self.written)


def unchanged(written: Iterable[Written]) -> Callable[[int, str], bool]:
    """Tells of an annotation and its text whether that is still one of these records: it may be undone meanwhile."""
    known = {one.annotation: one.record for one in written}

    def still(annotation: int, text: str) -> bool:
        try:
            return from_json(text, f"Annotation:{annotation}") == known[annotation]
        except Refused:
            return False

    return still


def followed(source: Settled, candidates: Iterable[Settled]) -> Settled:
    """A fileset with what follows it, of filesets that have a note which is named after it.

    The name only leads there. What counts: the same owner and group, and a record in force that says so itself.
    """
    followers, unclear = list[Written](), list[Problem]()
    for one in candidates:
        if one.fileset.owner == source.fileset.owner and one.fileset.id != source.fileset.id:
            followers += [w for w in one.written if w.record.source == source.fileset.id and w.record.in_force]
            unclear += one.unread
    followers.sort(key=lambda written: written.annotation)
    return Settled(source.fileset, source.written, source.unread, tuple(followers), tuple(unclear))


def is_open(written: Written) -> bool:
    """Whether it is an import that was never finished."""
    return written.record.kind == "import" and written.record.state == OPEN


def _is_of(run: str, record: Record) -> bool:
    return record.kind == "replace" and record.run == run


def _told(record: Record) -> str:
    return f"{record.kind}, {record.state}, by {record.user} at {record.when}"[:200]
