"""What a caller may see and change, by the permissions of the groups (OMERO has no others)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from omero.model import PermissionsI

import omero
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.model.mapping import Entity

SYSTEM_GROUP = 0
USER_GROUP = 1
# Rights in a group's permissions (facts/omero_import_rows.md: -40 is rwra--), and where each one's bits begin.
READ, WRITE, ANNOTATE = 4, 2, 1
OWNER, MEMBER, WORLD = 8, 4, 0
PRIVATE = -120


@dataclass(frozen=True)
class Access:
    """The rights of one caller. `groups`: permissions of every group by its id."""

    caller: Caller
    groups: dict[int, int]

    @cached_property
    def shared(self) -> frozenset[int]:
        """The groups in which the caller sees rows of others too, in this call."""
        if self.caller.group_id != ALL_GROUPS:
            group = self.caller.group_id
            seen = self.rules(group) or self._open_to(group)
            return frozenset((group, USER_GROUP)) if seen else frozenset((USER_GROUP,))
        return self.caller.leader_of | frozenset(g for g in self.groups if self._open_to(g))

    def _open_to(self, group: int) -> bool:
        """Whether the group lets the caller, as a member or as anybody, read the rows of others."""
        member = group in self.caller.member_of and self.granted(group, MEMBER, READ)
        return member or self.granted(group, WORLD, READ)

    def granted(self, group: int, role: int, right: int) -> bool:
        """Whether a group's permissions give a right to a role."""
        return bool(self.groups.get(group, 0) >> role & right)

    def rules(self, group: int) -> bool:
        """Whether the caller is an administrator or an owner of the group."""
        return self.caller.is_admin or group in self.caller.leader_of

    def readable(self, alias: str, entity: Entity) -> str | None:
        """An SQL condition on the table `alias`; None where everybody sees everything."""
        if entity.table == "session":
            return self.own_sessions(alias, entity)
        if "owner_id" not in entity.columns or (self.caller.is_admin and self.caller.group_id == ALL_GROUPS):
            return None
        shared = ", ".join(str(int(g)) for g in sorted(self.shared)) or "NULL"
        mine = f"{alias}.owner_id = {int(self.caller.user_id)}"
        if self.caller.group_id != ALL_GROUPS:
            if self.caller.group_id in self.shared:
                return f"{alias}.group_id IN ({shared})"
            mine += f" AND {alias}.group_id = {int(self.caller.group_id)}"
        return f"({alias}.group_id IN ({shared}) OR ({mine}))"

    def own_sessions(self, alias: str, entity: Entity) -> str | None:
        """A condition that hides sessions of others (the uuid is as good as a password); None for who may read them."""
        if entity.table != "session" or self.caller.holds("ReadSession"):
            return None
        return f"{alias}.owner = {int(self.caller.user_id)}"

    def may_load(self, owner: int, group: int) -> bool:
        """Whether one row may be read by its id; those of the group `user` may be by everybody."""
        if group == USER_GROUP or group in self.shared:
            return True
        if self.caller.group_id == ALL_GROUPS:
            return self.caller.is_admin or owner == self.caller.user_id
        return group == self.caller.group_id and owner == self.caller.user_id

    def may(self, right: int, owner: int, group: int, privilege: str = "WriteOwned") -> bool:
        """Whether one row may be changed (WRITE) or annotated (ANNOTATE); `privilege` is what administrators need."""
        if group in self.caller.leader_of or self.caller.holds(privilege):
            return True
        bits = PRIVATE if group == USER_GROUP else self.groups.get(group, 0)
        roles = [WORLD]
        roles += [OWNER] if owner == self.caller.user_id else []
        roles += [MEMBER] if group in self.caller.member_of else []
        return any(bits >> role & right for role in roles)

    def may_link(self, right: int, owner: int, group: int) -> bool:
        """Whether a row may be linked to. Who rules a private group must not link to its members' data."""
        if group in (SYSTEM_GROUP, USER_GROUP):
            return True
        return self.may(right, owner, group) and not self._exposes(owner, group)

    def _exposes(self, owner: int, group: int) -> bool:
        others = owner != self.caller.user_id and group != USER_GROUP
        return others and self.rules(group) and not self.granted(group, MEMBER, READ)

    def permissions(self, owner: int | None, group: int | None, own_bits: int) -> PermissionsI:
        """What the server tells of a row: the group's permissions and what the caller is kept from."""
        admin = self.caller.is_admin
        if owner is None or group is None:
            made = PermissionsI(own_bits)
            allowed = [True, admin, admin, True, admin, admin]
        else:
            made = PermissionsI(self.groups.get(group, own_bits))
            write = self.may(WRITE, owner, group)
            delete = self.may(WRITE, owner, group, "DeleteOwned")
            link, annotate = (self.may_link(right, owner, group) for right in (WRITE, ANNOTATE))
            mine = owner == self.caller.user_id
            chown = self.caller.holds("Chown") or group in self.caller.leader_of
            allowed = [link, write, delete, annotate, mine or self.caller.holds("Chgrp"), chown]
        made._restrictions = [not a for a in allowed]
        return made

    def name_of(self, group: int) -> str:
        """The permissions of a group as rwra--."""
        return str(PermissionsI(self.groups[group]))


def access(cursor: Any, caller: Caller) -> Access:
    """Look up what `caller` may see and do at this moment."""
    cursor.execute("SELECT id, permissions FROM experimentergroup")
    return Access(caller, dict(cursor.fetchall()))


def require_group_of(caller: Caller, group: int) -> None:
    """Refuse to change a row that is in another group than the call; rows of the group `user` are in every one.

    Raises omero.SecurityViolation, omero.ApiUsageException in all groups at once.
    """
    require_group(caller)
    if group not in (caller.group_id, USER_GROUP):
        raise omero.SecurityViolation(
            message=f"Currently logged into group {caller.group_id}. Cannot alter object in group {group}"
        )


def require_group(caller: Caller) -> None:
    """Refuse to write without one concrete group.

    Raises omero.ApiUsageException (facts/omero_replacement.md, c).
    """
    if caller.group_id == ALL_GROUPS:
        raise omero.ApiUsageException(
            message="No valid permissions available! DUMMY permissions are not intended for copying. "
            "Make sure that you have not passed omero.group=-1 for a save without context"
        )
