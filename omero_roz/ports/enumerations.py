"""References to the enumeration values of a server."""

from functools import cache

from ome_graph import EnumTable
from omero_roz.ports.omero_session import OmeroSession


class Enumerations:
    """References to the server's enumeration values, each kind asked for when it is first needed."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self._table = cache(self._load)
        self._value = cache(self._resolved)  # one object, sent once a call

    def __call__(self, kind: str, value: str):
        """A reference to a value such as ("Immersion", "Oil"); what the server lacks as EnumTable says."""
        return self._value(kind, value)

    def _resolved(self, kind: str, value: str):
        return self._table(kind)(kind, value)

    def _load(self, kind: str) -> EnumTable:
        rows = self._session.rows(f"select e.value, e.id from {kind} e", f"reading the values of {kind}")
        return EnumTable({(kind, value): number for value, number in rows})
