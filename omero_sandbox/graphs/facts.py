"""The tables of what becomes of rows (deleting.txt, moving.txt, giving.txt, using.txt), read into values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from omero_sandbox.graphs.references import Edge, edge_at
from omero_sandbox.model.mapping import Reference, entities

IDLE, ASKED, HELD, FREE, GOES, MOVES, APART = "idle", "asked", "held", "free", "goes", "moves", "apart"
REFUSED = "refused"
STAYS = frozenset((IDLE, ASKED, HELD, FREE))
STATES = STAYS | {GOES, MOVES, APART}
_STEP = re.compile(r"(?:<(?P<cls>\w+))?\.(?P<property>\w+|\*)(?::(?P<states>[\w|]+))?")
_MANY = {"AnnotationLink"}  # classes that only share the end of their names


@dataclass(frozen=True)
class Term:
    """Names of concrete classes, and states."""

    classes: frozenset[str]
    states: frozenset[str]

    @property
    def concerned(self) -> bool:
        """Whether all such rows have something to do with the deletion already."""
        return IDLE not in self.states


@dataclass(frozen=True)
class Step:
    """From rows along edges to others: to what they refer to (`forward`), or to what refers to them."""

    edges: tuple[Edge, ...]
    forward: bool
    term: Term


@dataclass(frozen=True)
class Way:
    """Steps from a row, and what must be at their end."""

    steps: tuple[Step, ...]
    end: Term


@dataclass(frozen=True)
class Fact:
    """One line: what such a row becomes. `asks`: the caller must have the right to do that with the row. `classes`: of
    all rows that the line speaks of."""

    classes: frozenset[str]
    row: Term
    becomes: str
    asks: bool
    ways: tuple[Way, ...]
    words: frozenset[str]
    refusal: str


@cache
def facts(table: str) -> tuple[Fact, ...]:
    """The lines of a table, such as `deleting`.

    Raises ValueError for a line that names what the model does not have.
    """
    text = (files(__package__) / f"{table}.txt").read_text()
    groups: dict[str, str] = {}
    found = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if " = " in line:
            name, classes = line.split(" = ")
            groups[name] = ",".join(groups.get(c, c) for c in classes.split(","))
        else:
            try:
                found.append(_fact(line, groups))
            except (KeyError, StopIteration) as error:
                raise ValueError(f"{table}.txt: {line}") from error
    return tuple(found)


def _fact(line: str, groups: dict[str, str]) -> Fact:
    said, _, refusal = line.partition('"')
    row_text, becomes, *rest = said.split()
    row = _term(row_text, groups)
    ways, words = [], []
    while rest:
        part = rest.pop(0)
        if part.startswith((".", "<")):
            ways.append(_way(row, part, rest.pop(0), groups))
        elif part != "-":
            words.append(part)
    classes = row.classes.union(*(t.classes for way in ways for t in (way.end, *(s.term for s in way.steps))))
    asks = not becomes.endswith("!")
    return Fact(classes, row, becomes.removesuffix("!"), asks, tuple(ways), frozenset(words), refusal.rstrip('"'))


def _term(text: str, groups: dict[str, str], known: frozenset[str] | None = None) -> Term:
    names, _, states = text.partition(":")
    classes = frozenset(entities()) if known is None else known
    if names.startswith("!"):
        classes -= _concrete(names[1:], groups)
    elif names not in ("", "*"):
        classes &= _concrete(names, groups)
    return Term(classes, _states(states))


def _states(text: str) -> frozenset[str]:
    if not text:
        return STATES
    found = frozenset(text.split("|"))
    return found - {"stays"} | STAYS if "stays" in found else found


def _concrete(names: str, groups: Mapping[str, str]) -> frozenset[str]:
    found: list[str] = []
    for name in (n for part in names.split(",") for n in groups.get(part, part).split(",")):
        found += [n for n in entities() if n.endswith(name)] if name in _MANY else entities()[name].concrete
    return frozenset(found)


def _way(row: Term, text: str, end: str, groups: dict[str, str]) -> Way:
    here = row.classes
    steps: list[Step] = []
    for match in _STEP.finditer(text):
        cls, name = match["cls"], match["property"]
        found, there = _backward(here, cls, name) if cls else _forward(here, name)
        if not found:
            raise KeyError(match.group())
        edges = tuple(edge_at(p.table, p.column) for p in found)
        steps.append(Step(edges, not cls, Term(there, _states(match["states"] or ""))))
        here = there
    return Way(tuple(steps), _term(end, groups, here))


def _forward(here: frozenset[str], name: str) -> tuple[set[Reference], frozenset[str]]:
    found = {p for cls in here for p in entities()[cls].of(Reference) if p.name == name}
    return found, frozenset(c for p in found for c in entities()[p.target].concrete)


def _backward(here: frozenset[str], cls: str, name: str) -> tuple[set[Reference], frozenset[str]]:
    kinds = {kind for one in here for kind in (one, *entities()[one].parents)}
    there = _concrete(cls, {})
    found = {p for c in there for p in entities()[c].of(Reference) if p.target in kinds and name in (p.name, "*")}
    return found, there
