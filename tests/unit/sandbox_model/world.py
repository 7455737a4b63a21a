"""A database with users and groups of every kind, for the tests of the model and of HQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.database import Database, postgres, template
from omero_sandbox.hql import find
from omero_sandbox.model import load, save
from omero_sandbox.model.mapping import Reference, entities
from omero_sandbox.model.privileges import PRIVILEGES

GROUPS = {
    "system": 0,
    "user": 1,
    "private": 10,
    "read-only": 11,
    "read-annotate": 12,
    "read-write": 13,
    "all": ALL_GROUPS,
}
PERMISSIONS = {"private": -120, "read-only": -56, "read-annotate": -40, "read-write": -8}
USERS = {"root": 0, "owner": 10, "member": 11, "leader": 12, "stranger": 13, "reader": 14, "writer": 15, "deleter": 16}
# Restricted administrators, by the one privilege that they have.
RESTRICTED = {"reader": "ReadSession", "writer": "WriteOwned", "deleter": "DeleteOwned"}


def caller(user: str = "owner", group: str = "read-annotate") -> Caller:
    """One of the users, calling in one of the groups (or in "all")."""
    everywhere = frozenset(GROUPS[g] for g in PERMISSIONS)
    admin = user == "root" or user in RESTRICTED
    member_of = frozenset((0, 1)) if admin else frozenset((1,)) if user == "stranger" else everywhere | {1}
    leader_of = everywhere if user == "leader" else frozenset()
    withheld = frozenset(PRIVILEGES) - {RESTRICTED[user]} if user in RESTRICTED else frozenset()
    return Caller(0, "uuid", USERS[user], user, GROUPS[group], group, admin, member_of, leader_of, withheld)


@dataclass(frozen=True)
class World:
    """Shorthand for what tests do with the database."""

    database: Database

    def save(self, *objects: Any, by: Caller | None = None, trusted: bool = True) -> Any:
        """Save in a transaction of its own; returns the first object."""
        with self.database.write(by or caller()) as tx:
            return save(tx, objects, trusted)[0]

    def load(self, cls: str, id_: Any, by: Caller | None = None) -> Any:
        """Load one object by its id."""
        with self.database.read() as cursor:
            [found] = load(cursor, by or caller(), cls, [getattr(id_, "val", id_)])
        return found

    def fetch(self, cls: str, id_: Any, by: Caller | None = None) -> Any:
        """The same with what it refers to of abstract classes, without which it would be unloaded."""
        abstract = [p.name for p in entities()[cls].of(Reference) if entities()[p.target].cls is None]
        fetched = "".join(f" left outer join fetch o.{name}" for name in abstract)
        with self.database.read() as cursor:
            [found] = find(cursor, by or caller(), f"select o from {cls} o{fetched} where o.id = {id_.val}")
        return found

    def sql(self, statement: str, *values: Any) -> Sequence[tuple]:
        """Rows of a statement."""
        with self.database.read() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def value(self, statement: str, *values: Any) -> Any:
        """The one value of a statement."""
        [[value]] = self.sql(statement, *values)
        return value


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A new OMERO database with the groups and users above."""
    folder = tmp_path_factory.mktemp("model")
    port = postgres.free_port()
    template.install(folder / "postgres")
    postgres.start(folder / "postgres", port, folder / "log")
    database = Database(postgres.dsn(port))
    with database.write(caller("root", "system")) as tx:
        for name, bits in PERMISSIONS.items():
            tx.cursor.execute(
                "INSERT INTO experimentergroup (id, permissions, ldap, name, version) VALUES (%s, %s, false, %s, 0)",
                (GROUPS[name], bits, name),
            )
        for name, id_ in USERS.items():
            if id_:
                tx.cursor.execute(
                    "INSERT INTO experimenter (id, permissions, firstname, lastname, ldap, omename, version) "
                    "VALUES (%s, 0, %s, %s, false, %s, 0)",
                    (id_, name, name, name),
                )
    yield World(database)
    database.close()
    postgres.stop(folder / "postgres")
