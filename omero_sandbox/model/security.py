"""What a caller may see and change, by the permissions of the groups (OMERO has no others)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import omero
from omero.model import PermissionsI

from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.model.mapping import Entity

SYSTEM_GROUP = 0
USER_GROUP = 1
# The bits of a group's permissions that speak of its members (facts/omero_import_rows.md: -40 is rwra--).
READ, WRITE, ANNOTATE = 0x40, 0x20, 0x10


@dataclass(frozen=True)
class Access:
    """The rights of one caller. `groups`: permissions of every group by its id."""

    caller: Caller
    groups: dict[int, int]

    @cached_property
    def context(self) -> frozenset[int]:
        """The groups whose rows the call may see at all."""
        if self.caller.group_id != ALL_GROUPS:
            return frozenset((self.caller.group_id, USER_GROUP)) & self._reachable
        return self._reachable

    @cached_property
    def _reachable(self) -> frozenset[int]:
        return frozenset(self.groups) if self.caller.is_admin else self.caller.member_of | {USER_GROUP}

    @cached_property
    def shared(self) -> frozenset[int]:
        """The groups in which the caller sees other members' rows too."""
        return frozenset(
            g for g in self.context
            if self.rules(g) or g == USER_GROUP or self.groups.get(g, 0) & READ
        )  # fmt: skip

    def rules(self, group: int) -> bool:
        """Whether the caller is an administrator or an owner of the group."""
        return self.caller.is_admin or group in self.caller.leader_of

    def readable(self, alias: str, entity: Entity) -> str | None:
        """An SQL condition on the table `alias`; None where everybody sees everything."""
        if "owner_id" not in entity.columns:
            return None
        if self.caller.is_admin and self.caller.group_id == ALL_GROUPS:
            return None
        shared = _ids(self.shared)
        own = _ids(self.context - self.shared)
        condition = f"{alias}.group_id IN ({shared})"
        if own:
            mine = f"{alias}.owner_id = {int(self.caller.user_id)}"
            condition = f"({condition} OR ({alias}.group_id IN ({own}) AND {mine}))"
        return condition

    def may_read(self, owner: int, group: int) -> bool:
        """Whether one row may be seen."""
        if self.caller.is_admin and self.caller.group_id == ALL_GROUPS:
            return True
        return group in self.shared or (group in self.context and owner == self.caller.user_id)

    def may(self, right: int, owner: int, group: int) -> bool:
        """Whether one row may be changed (WRITE) or annotated (ANNOTATE) by the caller."""
        if owner == self.caller.user_id or self.rules(group):
            return True
        return group in self.caller.member_of and bool(self.groups.get(group, 0) & right)

    def permissions(self, owner: int | None, group: int | None, own_bits: int) -> PermissionsI:
        """What the server tells of a row: the group's permissions and what the caller is kept from."""
        made = PermissionsI(self.groups.get(group, own_bits) if group is not None else own_bits)
        if owner is None or group is None:
            write = annotate = change = give = self.caller.is_admin
        else:
            write, annotate = self.may(WRITE, owner, group), self.may(ANNOTATE, owner, group)
            change = owner == self.caller.user_id or self.caller.is_admin
            give = self.rules(group)
        made._restrictions = [not write, not write, not write, not annotate, not change, not give]
        return made

    def name_of(self, group: int) -> str:
        """The permissions of a group as rwra--."""
        return str(PermissionsI(self.groups[group]))


def access(cursor: Any, caller: Caller) -> Access:
    """Look up what `caller` may see and do at this moment."""
    cursor.execute("SELECT id, permissions FROM experimentergroup")
    return Access(caller, dict(cursor.fetchall()))


def require_group(caller: Caller) -> None:
    """Refuse to write without one concrete group.

    Raises omero.ApiUsageException (facts/omero_replacement.md, c).
    """
    if caller.group_id == ALL_GROUPS:
        raise omero.ApiUsageException(
            message="No valid permissions available! DUMMY permissions are not intended for copying. "
            "Make sure that you have not passed omero.group=-1 for a save context"
        )


def _ids(values: frozenset[int]) -> str:
    return ", ".join(str(int(v)) for v in sorted(values))
