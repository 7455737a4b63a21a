"""References to the enumeration values of a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import omero.model as model
from omero.model import IObject
from omero.rtypes import rlong

from omero_roz.ports.omero.session import OmeroSession

if TYPE_CHECKING:
    from ome_graph import EnumTable

T = TypeVar("T")
Values = dict[tuple[str, str], IObject]


class Enumerations:
    """References to the server's enumeration values, each kind asked for when it is first needed."""

    def __init__(self, session: OmeroSession, known: Values | None = None) -> None:
        self._session = session
        self._table = cache(self._load)
        self._known: dict[tuple[str, str], IObject | None] = {**(known or {})}

    def __call__(self, kind: str, value: str) -> IObject | None:
        """A reference to a value such as ("Immersion", "Oil"); what the server lacks as EnumTable says."""
        if (kind, value) not in self._known:
            self._known[kind, value] = self._table(kind)(kind, value)
        return self._known[kind, value]  # one object, sent once a call

    def _load(self, kind: str) -> EnumTable:
        from ome_graph import EnumTable

        rows = self._session.rows(f"select e.value, e.id from {kind} e", f"reading the values of {kind}")
        return EnumTable({(kind, value): number for value, number in rows})


def with_enumerations(session: OmeroSession, build: Callable[[Any], T]) -> tuple[T, Enumerations]:
    """What `build(enums)` makes, and the enumerations for what comes later.

    One query looks all its values up, where the server has them by these very names; else it is built anew.
    """
    asked: Values = {}

    def reference(kind: str, value: str) -> IObject:
        if (kind, value) not in asked:
            asked[kind, value] = getattr(model, kind + "I")(0, False)
        return asked[kind, value]

    made = build(reference)
    if _found(session, asked):
        return made, Enumerations(session, asked)
    enums = Enumerations(session)
    return build(enums), enums


def _found(session: OmeroSession, asked: Values) -> bool:
    """Give all references their ids; False where the server lacks one of the values."""
    numbers = range(len(asked))
    tables = ", ".join(f"{kind} e{n}" for n, (kind, _) in zip(numbers, asked, strict=True))
    same = " and ".join(f"e{n}.value = :v{n}" for n in numbers)
    hql = f"select {', '.join(f'e{n}.id' for n in numbers)} from {tables} where {same}"
    values: dict[str, Any] = {f"v{n}": value for n, (_, value) in zip(numbers, asked, strict=True)}
    rows = session.rows(hql, "looking up enumeration values", **values) if asked else [[]]
    if len(rows) != 1:
        return False
    for one, number in zip(asked.values(), rows[0], strict=True):
        one.setId(rlong(number))
    return True
