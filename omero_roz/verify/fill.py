"""`completeness --fill` and `--undo`: what an object of OMERO lacks, taken from another side, with a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from omero_roz.change import Note
from omero_roz.errors import Refused
from omero_roz.fileset import Owner
from omero_roz.ports.omero import model_objects, sharing
from omero_roz.ports.omero.fill_record import FORMAT, Filled, Put
from omero_roz.ports.omero.fills import Fills
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.unfill import Undo
from omero_roz.shown import as_json
from omero_roz.verify.filling import Filling, plan
from omero_roz.verify.sides import Side, in_omero, parse

NS_FILL = "omero-roz/fill"
SAID = ("object", "from", "user", "when", "fields")
NS_SUMMARY = "omero-roz/fill-summary"
_OWNER = """select w.id, w.omeName, g.id from {kind} o join o.details.owner w join o.details.group g where o.id = :id"""


def owner_of(session: OmeroSession, text: str) -> Owner:
    """Who has an object KIND:ID; Refused where there is none that the user may see."""
    name, number = parse(text)
    rows = session.rows(_OWNER.format(kind=name), f"reading {text}", id=number)
    if not rows:
        raise Refused("it does not exist, or you may not see it", text, "check the id and the user")
    return Owner(*rows[0])


@dataclass(frozen=True, slots=True)
class Planned:
    """What would be filled: A as it was read (by its owner's session), B, and the changes."""

    a: Side
    b: Side
    filling: Filling


def prepare(a: Side, b: Side) -> Planned:
    """Plan to fill A from B; Refused where they are not the same images, or others share what would be changed."""
    one, other = a.only(b.series), b.only(a.series)
    planned = Planned(a, b, plan(one.tree(), other.tree(), (a.name, b.name)))
    names = {sharing.holder(c.target, c.path) for c in planned.filling.changes if c.how != "split"} - {None}
    assert a.session is not None
    images = a.objects.images
    if others := sharing.others_with(a.session, images, sorted(filter(None, names))):
        told = ", ".join(f"Image:{number}" for number in others[:5]) + (" …" if others[5:] else "")
        what = f"what would be filled is also of {told}"
        raise Refused(what, a.name, "fill the Fileset or Plate that has them all")
    return planned


def fill(planned: Planned, owner: Owner, user: str) -> None:
    """Do it in one transaction. Raises Refused where A is not as it was when it was planned; nothing is filled then."""
    a, session = planned.a, planned.a.session
    assert session is not None
    fills = Fills(session, owner.group_id)
    rows = fills.rows(change.target for change in planned.filling.changes if change.how != "item")
    name, number = parse(a.name)
    again = prepare(in_omero(a.name, session), planned.b)
    if _what(again.filling) != _what(planned.filling):
        raise Refused("it was changed meanwhile, and nothing was filled", a.name, "look again, then repeat")

    def note(puts: Sequence[Put], made: dict[str, int]) -> Note:
        return _note(planned, user, puts, made)

    fills.fill(rows, again.filling.changes, again.filling.pairs, note, (name, number))


def _what(filling: Filling) -> list[Any]:
    targets = [(type(change.target), change.target.id.val, *change.key) for change in filling.changes]
    return sorted(targets, key=str)


def _note(planned: Planned, user: str, puts: Sequence[Put], made: dict[str, int]) -> Note:
    when, fields = datetime.now(UTC).isoformat(timespec="seconds"), len(planned.filling.fields)
    said = {
        "format": FORMAT, "object": planned.a.name, "from": planned.b.name, "user": user, "when": when,
        "version": version("omero-roz"), "fields": fields, "made": made, "put": [astuple(one) for one in puts],
    }  # fmt: skip
    summary = [("What", "fill"), ("From", planned.b.name), ("Fields", str(fields)), ("By", user), ("When", when)]
    return Note(NS_FILL, as_json(said, None, separators=(",", ":")), NS_SUMMARY, summary)


def last(session: OmeroSession, text: str, owner: Owner) -> Filled:
    """The last fill of an object; Refused where there is none, or a later omero-roz wrote it."""
    found = Fills(session, owner.group_id).last(*parse(text), NS_FILL)
    if found is None:
        raise Refused("nothing was filled in it, or it was taken back", text, "nothing is left to do")
    return found


def filled_last(session: OmeroSession, kind: str, number: int) -> list[dict[str, Any]]:
    """What the record of an object's last fill says (SAID), if it was filled; Refused where it cannot be read."""
    if kind not in model_objects.KINDS:
        return []
    owner = owner_of(session, f"{kind}:{number}")
    found = Fills(session, owner.group_id).last(kind, number, NS_FILL)
    return [] if found is None else [{name: found.said[name] for name in SAID}]


def undo(session: OmeroSession, filled: Filled, owner: Owner) -> None:
    """Take a fill back: exactly what it filled; Refused with all that was changed since."""
    Undo(session, owner.group_id).run(filled)
