"""Is all of one side's metadata in the other: trees compared field by field."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from omero_roz.metadata import Node, Quantity, Term, Value, plain, same
from omero_roz.verify.groups import GROUPS, OTHER, group_of_class, group_of_field

State = Literal["equal", "different", "only in A", "only in B", "not yet in B"]
LOST: frozenset[State] = frozenset(("different", "only in A"))
COMPLETENESS_VERSION = 1  # goes up when a field is renamed, taken away or changes its meaning
_NAMES = ("name", "ns", "model", "manufacturer", "serialNumber", "lotNumber", "reagentIdentifier", "type")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the OME model: where it is, and what either side says; None where it says nothing."""

    path: str
    group: str
    state: State
    a: Value | None
    b: Value | None

    @property
    def pattern(self) -> str:
        """The path without the numbers: the same for the same field of all images."""
        return re.sub(r"\[[^\]]*\]", "", self.path)


@dataclass(frozen=True, slots=True)
class Score:
    """How many fields of a group are equal, differ, or are on one side only; `not_yet` has those that B has a place for
    and will only know later, such as the SHA-1 of all pixels: they are not lost, and count for nothing."""

    group: str
    equal: int
    different: int
    only_a: int
    only_b: int
    not_yet: int = 0

    @property
    def of_a(self) -> int:
        """The fields that A has, without those that B does not know yet."""
        return self.equal + self.different + self.only_a

    @property
    def percent(self) -> float | None:
        """How much of A is in B, in percent; None where A has nothing. 100 is said of nothing less."""
        if not self.of_a:
            return None
        return 100.0 if self.equal == self.of_a else min(99.9, round(100 * self.equal / self.of_a, 1))


@dataclass(frozen=True, slots=True)
class Completeness:
    """The comparison of two sides, which are named as the user named them."""

    a: str
    b: str
    fields: tuple[Field, ...]

    @property
    def complete(self) -> bool:
        """Whether all of A is in B."""
        return not self.lost

    @property
    def lost(self) -> list[Field]:
        """What of A is not in B, or is otherwise there."""
        return [field for field in self.fields if field.state in LOST]

    @property
    def whole(self) -> Score:
        """The score of all groups together."""
        return _score("all", Counter(field.state for field in self.fields))

    def scores(self) -> tuple[Score, ...]:
        """The score of each group that either side has fields of."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for field in self.fields:
            counts[field.group][field.state] += 1
        return tuple(_score(group, counts[group]) for group in GROUPS if group in counts)

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON values; `docs/completeness.schema.json` has every field."""
        return {
            "completeness_version": COMPLETENESS_VERSION,
            "a": self.a,
            "b": self.b,
            "complete": self.complete,
            "score": _score_json(self.whole),
            "groups": [_score_json(score) for score in self.scores()],
            "fields": [field_json(field) for field in self.fields],
        }


def compare(a: Node, b: Node, names: tuple[str, str]) -> Completeness:
    """Compare two trees; `names` are what the two sides are called."""
    return Completeness(*names, tuple(_compare(a, b, "", OTHER)))


def fields_of(node: Node, path: str, inside: str = OTHER) -> Iterator[Field]:
    """The fields of a node that only B has; `path` ends with a slash."""
    return _compare(NOTHING, node, path, inside)


def _score(group: str, counts: Counter[str]) -> Score:
    states: tuple[State, ...] = ("equal", "different", "only in A", "only in B", "not yet in B")
    return Score(group, *(counts[state] for state in states))


def _score_json(score: Score) -> dict[str, Any]:
    return {**asdict(score), "percent": score.percent}


def field_json(f: Field) -> dict[str, Any]:
    """A field as JSON values."""
    return {"path": f.path, "group": f.group, "state": f.state, "a": _json(f.a), "b": _json(f.b)}


def _json(value: Value | None) -> Any:
    if isinstance(value, Quantity):
        return {"value": value.value, "unit": value.unit}
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        return value
    return value if isinstance(value, (int, str, tuple, type(None))) else str(value)


NOTHING = Node("")


def _compare(a: Node, b: Node, path: str, inside: str, waits: bool = False) -> Iterator[Field]:
    kind = a.kind or b.kind
    group = group_of_class(kind, inside)
    for name in dict.fromkeys((*a.values, *b.values)):
        one, other = a.values.get(name), b.values.get(name)
        state = _state(one, other, waits or name in b.waiting)
        yield Field(path + name, group_of_field(kind, name, group), state, one, other)
    for name in dict.fromkeys((*a.parts, *b.parts)):
        ours, theirs, later = a.parts.get(name, NOTHING), b.parts.get(name, NOTHING), waits or name in b.waiting
        yield from _compare(ours, theirs, f"{path}{name}/", group, later)
    for name in dict.fromkeys((*a.bags, *b.bags)):
        prefix = f"{path}{name}/" if name in ("excitation", "emission") else path
        for number, (left, right) in enumerate(_pairs(a.bags.get(name, ()), b.bags.get(name, ()))):
            yield from _compare(left, right, f"{prefix}{left.kind or right.kind}[{number}]/", group)


def _state(a: Value | None, b: Value | None, waits: bool) -> State:
    if a is None:
        return "only in B"
    if b is None:
        return "not yet in B" if waits else "only in A"
    return "equal" if same(a, b) else "different"


def _pairs(a: Sequence[Node], b: Sequence[Node]) -> list[tuple[Node, Node]]:
    """What of two bags belongs together: what is alike in all, in its names, or at least in its class; A's order."""
    found: dict[int, Node] = {}
    left = dict(enumerate(b))
    for alike in (everything, _named, _kind):
        waiting: defaultdict[str, list[int]] = defaultdict(list)
        for number, node in left.items():
            waiting[alike(node)].append(number)
        for number, node in enumerate(a):
            if number not in found and (numbers := waiting.get(alike(node))):
                found[number] = left.pop(numbers.pop(0))
    pairs = [(node, found.get(number, NOTHING)) for number, node in enumerate(a)]
    return pairs + [(NOTHING, node) for node in left.values()]


def _kind(node: Node) -> str:
    # An annotation of another content is another annotation.
    return everything(node) if node.kind.endswith("Annotation") else node.kind


def _named(node: Node) -> str:
    if node.kind.endswith("Annotation") and not {"ns", "name"} & {*node.values}:
        return everything(node)
    return json.dumps([node.kind, *(_text(node.values.get(name)) for name in _NAMES)])


def everything(node: Node) -> str:
    """All that a node says, as text: the same for what is the same."""
    values = sorted((name, _text(value)) for name, value in node.values.items())
    parts = sorted((name, everything(part)) for name, part in node.parts.items())
    bags = sorted((name, sorted(map(everything, bag))) for name, bag in node.bags.items())
    return json.dumps([node.kind, values, parts, bags])


def _text(value: Value | None) -> str:
    """A value so that what is the same has the same text, but for the last digits of numbers."""
    if isinstance(value, Quantity):
        return f"{value.base:.9g} {value.base_unit}"
    if isinstance(value, Term):
        return plain(value.value)
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value)
