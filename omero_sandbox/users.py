"""Users, groups and passwords as the database holds them."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Any

from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.model.privileges import PRIVILEGES

SYSTEM_GROUP, USER_GROUP, GUEST_GROUP = 0, 1, 2
ROOT = 0
PRIVILEGE = "AdminPrivilege:"  # begins the names by which experimenter_config takes privileges away


@dataclass(frozen=True)
class Group:
    """A group with its permissions as the database stores them (bits as in omero.model.Permissions.perm1)."""

    id: int
    name: str
    permissions: int


@dataclass(frozen=True)
class User:
    """An experimenter; `default_group` is the first that he is in, `groups` are all there are.

    `privileges` of an administrator (AdminPrivilege values) are all but those `withheld` by his configuration.
    """

    id: int
    name: str
    default_group: int
    groups: dict[int, Group]
    member_of: frozenset[int]
    leader_of: frozenset[int]
    privileges: frozenset[str]
    withheld: frozenset[str]

    @property
    def is_admin(self) -> bool:
        """Whether the user is in the group `system`."""
        return SYSTEM_GROUP in self.member_of


def find_user(cursor: Any, name: str) -> User | None:
    """Look a user up by login name."""
    cursor.execute("SELECT id FROM experimenter WHERE omename = %s", (name,))
    row = cursor.fetchone()
    return load_user(cursor, row[0]) if row else None


def load_user(cursor: Any, user_id: int) -> User:
    """Read a user with all groups (every group's name, so that an admin may work in any)."""
    cursor.execute("SELECT omename FROM experimenter WHERE id = %s", (user_id,))
    name = cursor.fetchone()[0]
    cursor.execute("SELECT parent, owner FROM groupexperimentermap WHERE child = %s ORDER BY child_index", (user_id,))
    rows = cursor.fetchall()
    cursor.execute("SELECT id, name, permissions FROM experimentergroup")
    groups = {group[0]: Group(*group) for group in cursor.fetchall()}
    own = [group for group, _ in rows]
    default = own[0] if own else USER_GROUP
    leader_of = frozenset(group for group, owner in rows if owner)
    privileges = frozenset(PRIVILEGES) if SYSTEM_GROUP in own else frozenset()
    withheld = _withheld(cursor, user_id)
    return User(user_id, name, default, groups, frozenset(own), leader_of, privileges - withheld, withheld)


def _withheld(cursor: Any, user_id: int) -> frozenset[str]:
    cursor.execute(
        "SELECT substr(name, %s) FROM experimenter_config"
        " WHERE experimenter_id = %s AND name LIKE %s AND lower(value) = 'false'",
        (len(PRIVILEGE) + 1, user_id, PRIVILEGE + "%"),
    )
    return frozenset(row[0] for row in cursor.fetchall())


def group_id(user: User, group: str) -> int | None:
    """The id that a client means by a group's name or number; None when there is no such group."""
    if group.lstrip("-").isdigit() and (int(group) in user.groups or int(group) == ALL_GROUPS):
        return int(group)
    return next((number for number, known in user.groups.items() if known.name == group), None)


def has_password(cursor: Any, user_id: int) -> bool:
    """Whether the user has ever been given one."""
    cursor.execute("SELECT 1 FROM password WHERE experimenter_id = %s AND hash IS NOT NULL", (user_id,))
    return cursor.fetchone() is not None


def server_caller() -> Caller:
    """The server itself, for what no user asked for (session 0 is the database's bootstrap session)."""
    groups = frozenset({SYSTEM_GROUP})
    return Caller(0, "0", ROOT, "root", SYSTEM_GROUP, "system", True, groups, groups)


def check_password(cursor: Any, user_id: int, password: str) -> bool:
    """Compare a password with the stored hash; a user without a row cannot log in, an empty hash lets all in."""
    cursor.execute("SELECT hash FROM password WHERE experimenter_id = %s", (user_id,))
    row = cursor.fetchone()
    if row is None or row[0] is None:
        return False
    salt, _, _ = row[0].partition("$")
    return row[0] == "" or hmac.compare_digest(row[0], _hash(password, salt))


def set_password(cursor: Any, user_id: int, password: str) -> None:
    """Store the hash of a new password."""
    cursor.execute("DELETE FROM password WHERE experimenter_id = %s", (user_id,))
    cursor.execute(
        "INSERT INTO password (experimenter_id, hash, changed) VALUES (%s, %s, now())",
        (user_id, _hash(password, os.urandom(12).hex())),
    )


def _hash(password: str, salt: str) -> str:
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**11, r=8, p=1)
    return f"{salt}${digest.hex()}"
