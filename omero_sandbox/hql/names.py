"""What the names and paths of a query stand for."""

from __future__ import annotations

from dataclasses import dataclass, field

import omero
from omero_sandbox.model.mapping import Collection, Entity, NamedValues, Quantity


def refused(what: str) -> omero.QueryException:
    """The exception for a query that is not right, or more than the sandbox can do."""
    return omero.QueryException(message=f"Illegal query: {what}")


@dataclass(eq=False)
class Alias:
    """A class (or a map of named values) under a name; `root` is what its joins are appended to.

    `parent` and `property`: where it was joined from. `fetched`: its objects are part of the answer.
    """

    sql: str
    entity: Entity | None
    root: Root
    parent: Alias | None = None
    property: str | None = None
    index: str | None = None
    fetched: bool = False
    tables: dict[str, str] = field(default_factory=dict)
    joined: dict[str, Alias] = field(default_factory=dict)

    def lineage(self) -> list[Alias]:
        """The alias and those that it was joined from, the nearest first."""
        return [self, *(self.parent.lineage() if self.parent else ())]


@dataclass(eq=False)
class Root:
    """One element of `from` with the joins that hang on it; `scope` is the select that it belongs to."""

    scope: object
    table: str
    joins: list[str] = field(default_factory=list)

    def sql(self) -> str:
        """The element of FROM."""
        return " ".join([self.table, *self.joins])


@dataclass(frozen=True)
class Value:
    """A plain value."""

    sql: str


@dataclass(frozen=True)
class Object:
    """An object by the column of its id; `property` of `owner` leads to it when it has not been joined."""

    sql: str
    entity: Entity
    alias: Alias | None
    owner: Alias | None = None
    property: str | None = None


@dataclass(frozen=True)
class WithUnit:
    """A quantity."""

    sql: str
    unit: str
    property: Quantity


@dataclass(frozen=True)
class Permissions:
    """details.permissions of an alias."""

    alias: Alias


@dataclass(frozen=True)
class Class:
    """The class of an alias's objects."""

    alias: Alias


@dataclass(frozen=True)
class Many:
    """A collection of an alias."""

    alias: Alias
    property: Collection | NamedValues


@dataclass(frozen=True)
class Pair:
    """A named value: an element of a map that was joined."""

    alias: Alias


Found = Value | Object | WithUnit | Permissions | Class | Many | Pair
