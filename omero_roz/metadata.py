"""Metadata of images and plates as one plain tree, whether it comes from OMERO or from a file; frozen values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NEAR = 1e-9  # one number in two units, or in two types, is the same but for its last digits


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit as stated; `base` is the same in `base_unit`, which all units of its kind lead to."""

    value: float
    unit: str
    base: float
    base_unit: str

    def __str__(self) -> str:
        return (
            f"{self.value:g} {self.unit}" if float(f"{self.value:g}") == self.value else f"{self.value!r} {self.unit}"
        )


@dataclass(frozen=True, slots=True)
class Term:
    """A value of an enumeration: case and punctuation do not count (EMCCD is a server's EM-CCD)."""

    value: str

    def __str__(self) -> str:
        return self.value


Value = str | int | float | bool | Quantity | Term | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the OME model: its class, values by field, and the objects in it.

    `parts` have a place of their own ("Channel[0]", "objectiveSettings"); `bags` have none that would mean anything
    (annotations, the objectives of an instrument): they are the same in any order. `waiting` names values and parts
    that are only known later: OMERO has a place for them and nothing in it yet. `of` is what it was made of.
    """

    kind: str
    values: Mapping[str, Value] = field(default_factory=dict)
    parts: Mapping[str, Node] = field(default_factory=dict)
    bags: Mapping[str, Sequence[Node]] = field(default_factory=dict)
    of: Any = field(default=None, compare=False, repr=False)
    waiting: frozenset[str] = frozenset()


def same(a: Value, b: Value) -> bool:
    """Whether two values say the same."""
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return a.base_unit == b.base_unit and _near(a.base, b.base)
    if isinstance(a, Term) and isinstance(b, Term):
        return plain(a.value) == plain(b.value)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return _near(a, b)
    return a == b


def plain(text: str) -> str:
    """An enumeration's value without what does not count in it."""
    return re.sub(r"[^0-9a-z]", "", text.lower())


def _near(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=NEAR) or (math.isnan(a) and math.isnan(b))
