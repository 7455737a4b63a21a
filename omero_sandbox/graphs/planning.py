"""What becomes of the rows of a graph: the lines of a table of facts, read again and again until no row changes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from omero_sandbox.commands import GraphError
from omero_sandbox.graphs.facts import (
    APART,
    ASKED,
    FREE,
    GOES,
    HELD,
    IDLE,
    MOVES,
    REFUSED,
    Fact,
    Term,
    Way,
    facts,
)
from omero_sandbox.graphs.options import Options
from omero_sandbox.graphs.rows import Row, Rows
from omero_sandbox.model.mapping import Entity, entity_of_table
from omero_sandbox.model.privileges import deletion_privilege, writing_privilege
from omero_sandbox.model.security import ANNOTATE, MEMBER, READ, USER_GROUP, WRITE, Access


@dataclass(frozen=True, order=True)
class Found:
    """A row of which a line speaks, with the rows on its ways and at their ends."""

    row: Row
    between: tuple[Row, ...]
    others: tuple[Row, ...]


class Plan:
    """What becomes of rows, from the targets on. `private`: rows move to a private group. `giving`: they do not move to
    another group but to another owner.

    `heads`: classes whose rows are left for a later request (SkipHead): what lies below them is not looked at.
    """

    def __init__(self, cursor: Any, rights: Access, options: Options, table: str = "deleting",
                 private: bool = False, heads: Iterable[str] = ()) -> None:  # fmt: skip
        self.rows = Rows(cursor, rights)
        self.rights = rights
        self.options = options
        self.facts = facts(table)
        self.giving = table == "giving"
        self.moving = self.giving or table == "moving"
        self.private = private
        self.heads = frozenset(heads)
        self.state: dict[Row, str] = {}
        self.unasked: set[Row] = set()
        self._at: dict[str, dict[str, set[Row]]] = defaultdict(lambda: defaultdict(set))
        self._changed: dict[str, int] = {}
        self._clock = 0
        self._read_at: dict[int, int] = {}

    def add(self, targets: Iterable[tuple[Entity, list[int]]]) -> None:
        """Take the targets, and find out what becomes of all else.

        Raises GraphError when a target is not there.
        """
        for cls, ids in targets:
            wanted = {(cls.table, number) for number in ids}
            self.rows.read(wanted)
            there = {row for row in wanted if row in self.rows and self.rows[row].name in cls.concrete}
            if there != wanted:
                one = min(wanted - there)[1]
                raise GraphError(
                    f"cannot read all the specified objects of class {cls.java}"
                    if cls.is_polymorphic
                    else f"cannot read {cls.java}[{one}]"
                )
            self._take(there)
        self._settle()
        self._with_external_info()

    def start(self, rows: Iterable[Row]) -> None:
        """The same for rows of any class; those that are not there are left out."""
        wanted = set(rows)
        self.rows.read(wanted)
        self._take({row for row in wanted if row in self.rows})
        self._settle()

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._become(row, MOVES if self.moving else GOES)

    def _settle(self) -> None:
        """Read the table until nothing changes; what is still asked for then is held by nothing. What was held may
        not be so any more: that is looked at again, as long as this frees something."""
        held: set[Row] | None = None
        while True:
            while self._read() or self._set(ASKED, FREE):
                pass
            now = {row for rows in self._at[HELD].values() for row in rows}
            if not now or (held is not None and not held - now):
                return
            held = now
            self._set(HELD, ASKED)

    def _set(self, before: str, after: str) -> bool:
        rows = [row for rows in self._at[before].values() for row in rows]
        for row in rows:
            self._become(row, after)
        return bool(rows)

    def _read(self) -> bool:
        """Read the table once; whether anything changed."""
        before = self._clock
        for line, fact in enumerate(self.facts):
            if fact.becomes == REFUSED or not self._concerned(fact, self._read_at.get(line, 0)):
                continue
            self._read_at[line] = self._clock
            for found in list(self.find(fact)):
                if self.state.get(found.row, IDLE) in fact.row.states:
                    self._become(found.row, fact.becomes)
                    if not fact.asks or not self.unasked.isdisjoint((*found.between, *found.others)):
                        self.unasked.add(found.row)
        return self._clock > before

    def _concerned(self, fact: Fact, since: int) -> bool:
        """Whether rows that the line speaks of have changed since it was read."""
        return any(clock > since and name in fact.classes for name, clock in self._changed.items())

    def _become(self, row: Row, state: str) -> None:
        name = self.rows[row].name
        self._at[self.state.get(row, IDLE)][name].discard(row)
        if state == ASKED:
            stays = self.options.stays(self.rows[row], self._may(row))
            state = ASKED if stays is None else HELD if stays else FREE
        self.state[row] = state
        if not (state in (GOES, MOVES) and name in self.heads):
            self._at[state][name].add(row)
            self._clock += 1
            self._changed[name] = self._clock

    def _may(self, row: Row) -> bool:
        return self.word("own" if self.moving else "deletable", row)

    def find(self, fact: Fact) -> Iterator[Found]:
        """The rows of which a line speaks now."""
        for row, walks in self._walk(fact):
            for walked in product(*walks):
                between = tuple(r for mids, _ in walked for r in mids)
                others = tuple(end for _, end in walked)
                if all(self._said(word, row, others) for word in fact.words):
                    yield Found(row, between, others)

    def _walk(self, fact: Fact) -> Iterator[tuple[Row, list[list[tuple[tuple[Row, ...], Row]]]]]:
        """Rows of which a line speaks, with all ways from them, way by way."""
        rows = self._start(fact)
        walks = [self._ways(rows, way) for way in fact.ways]
        for row in rows:
            found = [walk.get(row, []) for walk in walks]
            if all(found):
                yield row, found

    def _start(self, fact: Fact) -> list[Row]:
        if fact.row.concerned:
            return list(self._all(fact.row))
        way = next(way for way in fact.ways if way.end.concerned)
        rows = self._all(way.end)
        for step in reversed(way.steps):
            rows = self.rows.backward(rows, step)
        return [row for row in rows if self._fits(row, fact.row)]

    def _all(self, term: Term) -> set[Row]:
        return {row for s in term.states for name in self._at[s].keys() & term.classes for row in self._at[s][name]}

    def _fits(self, row: Row, term: Term) -> bool:
        return self.rows[row].name in term.classes and self.state_of(row) in term.states

    def state_of(self, row: Row) -> str:
        """What became of a row so far."""
        if self.options.ignores(self.rows[row].name):
            return APART
        return self.state.get(row, IDLE)

    def _ways(self, rows: Iterable[Row], way: Way) -> dict[Row, list[tuple[tuple[Row, ...], Row]]]:
        """Row -> what is between it and the end of a way, and that end."""
        paths: list[tuple[Row, ...]] = [(row,) for row in rows]
        for number, step in enumerate(way.steps, 1):
            term = step.term if number < len(way.steps) else way.end
            there = self.rows.step({path[-1] for path in paths}, step)
            paths = [
                (*path, row)
                for path in paths
                for row in there.get(path[-1], ())
                if row not in path and self._fits(row, term)
            ]
        found: dict[Row, list[tuple[tuple[Row, ...], Row]]] = defaultdict(list)
        for start, *between, end in paths:
            found[start].append((tuple(between), end))
        return found

    def _said(self, word: str, row: Row, others: tuple[Row, ...]) -> bool:
        """Whether a line's word is true of a row and the others."""
        if word in ("same", "differ"):
            first, second = (row, others[0]) if len(others) == 1 else others
            return (self.rows[first].owner == self.rows[second].owner) == (word == "same")
        if word in ("of-first", "of-second"):
            return self.rows[row].owner == self.rows[others[word == "of-second"]].owner
        if word.startswith("other-"):
            return self.word(word.removeprefix("other-"), others[-1])
        return self.word(word, row)

    def word(self, word: str, row: Row) -> bool:
        """Whether one of the tables' words is true of a row."""
        described = self.rows[row]
        caller = self.rights.caller
        match word:
            case "private" if self.giving:
                return not self._members(row, READ)
            case "private" | "public":
                return self.private == (word == "private")
            case "closed" | "shared":
                return self._members(row, ANNOTATE) == (word == "shared")
            case "unwritable":
                return not self._members(row, WRITE)
            case "user-group" | "elsewhere":
                return (described.group == USER_GROUP) == (word == "user-group")
            case "own" if self.giving:
                return described.owner == caller.user_id or caller.holds("Chown")
            case "own" | "movable":
                return described.owner == caller.user_id or caller.holds("Chgrp")
            case "kept":
                return not self.word("deletable", row)
            case "deletable":
                return self._allows(row, deletion_privilege(described.name, described.repo))
            case "updatable":
                return self._allows(row, writing_privilege(described.name, described.repo))
        raise ValueError(word)

    def _members(self, row: Row, right: int) -> bool:
        """Whether members of the row's group have a right to what others own there."""
        group = self.rows[row].group
        return group is not None and self.rights.granted(group, MEMBER, right)

    def _allows(self, row: Row, privilege: str) -> bool:
        described = self.rows[row]
        if described.owner is None or described.group is None:
            return self.rights.caller.holds(privilege)
        return self.rights.may(WRITE, described.owner, described.group, privilege)

    def taken(self, state: str) -> set[Row]:
        """The rows that became this."""
        return {row for row, became in self.state.items() if became == state}

    def _with_external_info(self) -> None:
        """What becomes of a row becomes of its ExternalInfo, without asking."""
        for state in (GOES, MOVES):
            for table, ids in self.tables(state).items():
                if "external_id" in entity_of_table(table).columns:
                    found = {("externalinfo", number) for number in self.rows.external_info(table, ids)}
                    self.rows.read(found)
                    for row in found:
                        self._become(row, state)
                        self.unasked.add(row)

    def tables(self, state: str) -> dict[str, list[int]]:
        """Their ids, by table."""
        found: dict[str, list[int]] = defaultdict(list)
        for table, number in self.taken(state):
            found[table].append(number)
        return found
