"""Taking a fill back: its values, then what it made, the record last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omero.rtypes import rstring

from omero_roz.errors import Problem, Refused
from omero_roz.ports.omero.deletion import delete, delete_rows, targets_of, would_delete
from omero_roz.ports.omero.fill_record import Filled, Put, followed
from omero_roz.ports.omero.fills import Fills, proxy
from omero_roz.ports.omero.model_shape import kind
from omero_roz.ports.omero.plain_values import is_same, plain, put
from omero_roz.ports.omero.save_order import referred_first
from omero_roz.ports.omero.session import OmeroSession

BEGUN = "undoing"  # said by a record of which a part may be taken back already
_MADE = """select o.id, o.details.updateEvent.id from {kind} o where o.details.creationEvent.id = :event"""
_RECORD = "select a from CommentAnnotation a where a.id = :id"
_LINKS = "select l.id from {kind} l where l.child.id = :id"

Made = dict[str, set[int]]


class Undo:
    """Takes fills back as one user in one group."""

    def __init__(self, session: OmeroSession, group_id: int) -> None:
        self._session, self._group = session, group_id
        self._fills = Fills(session, group_id)

    def run(self, filled: Filled) -> None:
        """Take a fill back: in one transaction if OMERO's delete takes all that was made, else in some, the record in
        the last, so that an undo that was stopped goes on.

        Raises Refused with all that was changed since, and for anything of others that would go.
        """
        made, problems = self._made(filled)
        rows = self._fills.rows(proxy(one.kind, one.id) for one in filled.puts)
        todo = [one for one in filled.puts if _is(rows, one, one.before, {}) is False]
        for one in todo:
            if (row := rows.get((one.kind, one.id))) is None:
                problems.append(Problem(one.where, "it was deleted since"))
            elif not is_same(now := plain(getattr(row, f"_{one.name}")), one.after, made):
                problems.append(Problem(one.where, f"it was changed since, to {_short(now)}"))
        if problems:
            raise Refused.of([*problems, Problem("", "nothing was taken back", "mend these by hand, or leave them")])
        named = targets_of(self._session, made)
        now = [(one, plain(getattr(rows[one.kind, one.id], f"_{one.name}"))) for one in todo]
        with followed(filled):
            self._put([(one, one.before) for one in todo], rows)
        targets = {name: sorted(made[name]) for name in named}
        would = would_delete(self._session, targets, self._group, alone=True)
        strangers = _strangers(would, made)
        if strangers:
            self._put(now, self._fills.rows(proxy(one.kind, one.id) for one in todo))
            what = f"{', '.join(strangers)} would go with it: made since, or used elsewhere"
            raise Refused(what, "what was filled", "remove these first")
        left = {name: made[name] - set(would.get(name, ())) for name in made.keys() - named}
        if any(left.values()):
            self._piecemeal(filled, targets, left)
        else:
            delete(self._session, targets, self._group, alone=True)

    def _piecemeal(self, filled: Filled, targets: Mapping[str, Sequence[int]], left: Made) -> None:
        """Delete what OMERO's delete takes but the record, then rows by themselves, then the record."""
        self._begin(filled)
        kept: Made = {"CommentAnnotation": {filled.annotation}}
        for name in targets:
            if name.endswith("AnnotationLink"):
                links = self._session.rows(_LINKS.format(kind=name), "reading the record", id=filled.annotation)
                kept[name] = {number for [number] in links}
        without = {name: [n for n in ids if n not in kept.get(name, ())] for name, ids in targets.items()}
        delete(self._session, without, self._group, alone=True)
        rows = self._fills.rows(proxy(name, number) for name, ids in left.items() for number in sorted(ids))
        last = [proxy(kind(row), row.id.val) for row in reversed(referred_first(list(rows.values())))]
        delete_rows(self._session, last, self._group)
        delete(self._session, {"CommentAnnotation": [filled.annotation]}, self._group, alone=True)

    def _put(self, values: Sequence[tuple[Put, Any]], rows: dict[Any, Any]) -> None:
        for one, value in values:
            put(rows[one.kind, one.id], one.name, value)
        touched = {(one.kind, one.id): rows[one.kind, one.id] for one, _ in values}
        if touched:
            self._session.save_batch(list(touched.values()), "taking back what was filled", self._group)

    def _begin(self, filled: Filled) -> None:
        """Let the record say that what it has made may be gone."""
        if not filled.said.get(BEGUN):
            [record] = self._session.to_change(_RECORD, "reading the record", self._group, id=filled.annotation)
            record.textValue = rstring(json.dumps({**filled.said, BEGUN: True}, ensure_ascii=False))
            self._session.save_batch([record], "taking back what was filled", self._group)

    def _made(self, filled: Filled) -> tuple[Made, list[Problem]]:
        """The rows that the transaction made, and those of them that are gone or were changed."""
        made: Made = {}
        problems: list[Problem] = []
        begun = bool(filled.said.get(BEGUN))
        for name, count in filled.made.items():
            asking = f"reading what was filled ({name})"
            rows = self._session.rows(_MADE.format(kind=name), asking, self._group, event=filled.event)
            made[name] = {number for number, _ in rows}
            if len(rows) < count and not begun:
                problems.append(Problem(name, f"{count - len(rows)} of {count} were deleted since"))
            own = ("CommentAnnotation", filled.annotation) if begun else None
            changed = [number for number, event in rows if event != filled.event and (name, number) != own]
            problems += [Problem(f"{name}:{number}", "it was changed since") for number in changed]
        return made, problems


def _is(rows: dict[Any, Any], one: Put, value: Any, new: Made) -> bool | None:
    row = rows.get((one.kind, one.id))
    return False if row is None else is_same(plain(getattr(row, f"_{one.name}")), value, new)


def _strangers(would: dict[str, list[int]], made: Made) -> list[str]:
    found = ((name, number) for name, ids in would.items() for number in ids if number not in made.get(name, ()))
    return [f"{name}:{number}" for name, number in found][:10]


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]
