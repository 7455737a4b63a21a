"""IAdmin: users, groups and memberships."""

from collections.abc import Sequence
from typing import Any

import omero
from omero_sandbox import accounts, model
from omero_sandbox.accounts import text
from omero_sandbox.model.privileges import PRIVILEGES
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.users import GUEST_GROUP, ROOT, SYSTEM_GROUP, USER_GROUP, check_password, set_password


@service
class AdminService(Service):
    """What omero-py's login, BlitzGateway and `omero user`, `omero group` use."""

    interface = "omero.api.IAdmin"

    def getEventContext(self, call: Call) -> Any:
        """Who the caller is, in the session's own group; asking brings the session up to date with memberships."""
        self.session.refresh()
        return self.session.event_context(self.session.caller_as_is())

    def getSecurityRoles(self, call: Call) -> Any:
        """Names and ids of the built-in users and groups."""
        return omero.sys.Roles(
            rootId=ROOT, rootName="root", guestId=1, guestName="guest", systemGroupId=SYSTEM_GROUP,
            systemGroupName="system", userGroupId=USER_GROUP, userGroupName="user", guestGroupId=GUEST_GROUP,
            guestGroupName="guest",
        )  # fmt: skip

    def getCurrentAdminPrivileges(self, call: Call) -> list[Any]:
        """What the caller may do as an administrator; nothing for others."""
        return self._privileges(call.caller.user_id)

    def getAdminPrivileges(self, call: Call, user: Any) -> list[Any]:
        """The same for any user."""
        return self._privileges(user.id.val)

    def _privileges(self, user_id: int) -> list[Any]:
        held = self.state.sessions.user(user_id).privileges
        with self.state.database.read() as cursor:
            cursor.execute("SELECT id FROM adminprivilege WHERE value = ANY(%s) ORDER BY id", (list(held),))
            return model.load(cursor, self.session.caller_as_is(), "AdminPrivilege", _ids(cursor))

    # users
    def lookupExperimenters(self, call: Call) -> list[Any]:
        """Every user with his groups."""
        with self.state.database.read() as cursor:
            return accounts.experimenters(cursor)

    def lookupExperimenter(self, call: Call, name: str) -> Any:
        """One user by login name.

        Raises omero.ApiUsageException when there is none.
        """
        with self.state.database.read() as cursor:
            cursor.execute("SELECT id FROM experimenter WHERE omename = %s", (name,))
            return _one(accounts.experimenters(cursor, _ids(cursor)), f"No such experimenter: {name}")

    def getExperimenter(self, call: Call, user_id: int) -> Any:
        """One user by id."""
        with self.state.database.read() as cursor:
            return _one(accounts.experimenters(cursor, [user_id]), f"No such experimenter: {user_id}")

    def lookupLdapAuthExperimenters(self, call: Call) -> Any:
        """None: the sandbox has no LDAP."""
        return omero.rtypes.rlist([])

    def lookupLdapAuthExperimenter(self, call: Call, user_id: int) -> None:
        """None: the sandbox has no LDAP."""

    def containedExperimenters(self, call: Call, group_id: int) -> list[Any]:
        """The members of a group."""
        with self.state.database.read() as cursor:
            cursor.execute("SELECT child FROM groupexperimentermap WHERE parent = %s", (group_id,))
            return accounts.experimenters(cursor, _ids(cursor))

    def createUser(self, call: Call, user: Any, group: str) -> int:
        """Add a plain user with one default group."""
        with self.state.database.read() as cursor:
            cursor.execute("SELECT id FROM experimentergroup WHERE name = %s", (group,))
            ids = _ids(cursor)
        _one(ids, f"No such group: {group}")
        return self._create(call, user, None, accounts.privileged_groups(False, ids[0], []))

    def createSystemUser(self, call: Call, user: Any) -> int:
        """Add an administrator."""
        return self._create(call, user, None, accounts.privileged_groups(True, SYSTEM_GROUP, []))

    def createExperimenter(self, call: Call, user: Any, default: Any, others: Sequence[Any]) -> int:
        """Add a user with all his groups; no password yet."""
        return self._create(call, user, None, [g.id.val for g in [default, *others]])

    def createExperimenterWithPassword(
        self, call: Call, user: Any, password: Any, default: Any, others: Sequence[Any]
    ) -> int:
        """Add a user with all his groups and a password."""
        return self._create(call, user, password.val, [g.id.val for g in [default, *others]])

    def createRestrictedSystemUser(self, call: Call, user: Any, privileges: Sequence[Any]) -> int:
        """Add an administrator with some privileges only."""
        return self._create_restricted(call, user, None, privileges)

    def createRestrictedSystemUserWithPassword(
        self, call: Call, user: Any, privileges: Sequence[Any], password: Any
    ) -> int:
        """The same, with a password."""
        return self._create_restricted(call, user, password.val, privileges)

    def _create_restricted(self, call: Call, user: Any, password: str | None, privileges: Sequence[Any]) -> int:
        groups = accounts.privileged_groups(True, SYSTEM_GROUP, [])
        with self._change(call, "ModifyUser") as tx:
            number = accounts.create_experimenter(tx, user, password, groups)
            accounts.restrict(tx, number, _named(call, tx, privileges))
            return number

    def setAdminPrivileges(self, call: Call, user: Any, privileges: Sequence[Any]) -> None:
        """Leave an administrator these privileges only; nobody gives what he does not have."""
        with self._change(call, "ModifyUser") as tx:
            accounts.restrict(tx, user.id.val, _named(call, tx, privileges))

    def _create(self, call: Call, user: Any, password: str | None, groups: Sequence[int]) -> int:
        if SYSTEM_GROUP in groups:
            _require(call, "ModifyGroupMembership")
        with self._change(call, "ModifyUser") as tx:
            if SYSTEM_GROUP in groups:  # the database lets nobody give privileges that he does not have
                tx.hold_privileges(set(PRIVILEGES) - call.caller.withheld)
            number = accounts.create_experimenter(tx, user, password, groups)
            if SYSTEM_GROUP in groups and call.caller.withheld:
                accounts.restrict(tx, number, set(PRIVILEGES) - call.caller.withheld)
            return number

    def updateSelf(self, call: Call, user: Any) -> None:
        """Change one's own names and addresses."""
        self._update_user(call, call.caller.user_id, user)

    def updateExperimenter(self, call: Call, user: Any) -> None:
        """The same for any user, by an administrator."""
        _require(call, "ModifyUser")
        self._update_user(call, user.id.val, user)

    def _update_user(self, call: Call, user_id: int, user: Any) -> None:
        values = (user.firstName, user.middleName, user.lastName, user.email, user.institution)
        with self.state.database.write(call.caller) as tx:
            tx.cursor.execute(
                "UPDATE experimenter SET firstname = %s, middlename = %s, lastname = %s, email = %s,"
                " institution = %s, version = version + 1 WHERE id = %s",
                (*map(text, values), user_id),
            )
        self.state.sessions.changed()

    # groups
    def lookupGroups(self, call: Call) -> list[Any]:
        """Every group with its members."""
        with self.state.database.read() as cursor:
            return accounts.groups(cursor)

    def lookupGroup(self, call: Call, name: str) -> Any:
        """One group by name.

        Raises omero.ApiUsageException when there is none.
        """
        with self.state.database.read() as cursor:
            cursor.execute("SELECT id FROM experimentergroup WHERE name = %s", (name,))
            return _one(accounts.groups(cursor, _ids(cursor)), f"No such group: {name}")

    def getGroup(self, call: Call, group_id: int) -> Any:
        """One group by id."""
        with self.state.database.read() as cursor:
            return _one(accounts.groups(cursor, [group_id]), f"No such group: {group_id}")

    def containedGroups(self, call: Call, user_id: int) -> list[Any]:
        """The groups of a user by their ids, that of all users among them."""
        with self.state.database.read() as cursor:
            cursor.execute("SELECT parent FROM groupexperimentermap WHERE child = %s", (user_id,))
            return accounts.groups(cursor, _ids(cursor))

    def getDefaultGroup(self, call: Call, user_id: int) -> Any:
        """The first of a user's groups.

        Raises omero.ValidationException when that is the group of all users.
        """
        with self.state.database.read() as cursor:
            cursor.execute(
                "SELECT parent FROM groupexperimentermap WHERE child = %s AND child_index = 0 AND parent <> %s",
                (user_id, USER_GROUP),
            )
            found = accounts.groups(cursor, _ids(cursor))
        if not found:
            raise omero.ValidationException(message=f"The user {user_id} has no default group set.")
        return found[0]

    def getMemberOfGroupIds(self, call: Call, user: Any) -> list[int]:
        """Ids of a user's groups."""
        return sorted(self.state.sessions.user(user.id.val).member_of)

    def getLeaderOfGroupIds(self, call: Call, user: Any) -> list[int]:
        """Ids of the groups that a user owns."""
        return sorted(self.state.sessions.user(user.id.val).leader_of)

    def createGroup(self, call: Call, group: Any) -> int:
        """Add a group; private unless its details say otherwise."""
        with self._change(call, "ModifyGroup") as tx:
            return accounts.create_group(tx, group)

    def updateGroup(self, call: Call, group: Any) -> None:
        """Change a group's name and description, and its permissions."""
        with self._change(call, "ModifyGroup", group.id.val) as tx:
            accounts.update_group(tx, group)

    def changePermissions(self, call: Call, target: Any, permissions: Any) -> None:
        """Change a group's permissions, for what is in it too."""
        if not isinstance(target, omero.model.ExperimenterGroup):
            raise omero.ApiUsageException(message="Only groups have permissions of their own")
        with self._change(call, "ModifyGroup", target.id.val) as tx:
            accounts.change_permissions(tx, target.id.val, accounts.stored_permissions(permissions))

    # memberships
    def addGroups(self, call: Call, user: Any, groups: Sequence[Any]) -> None:
        """Make a user a member of groups."""
        ids = [group.id.val for group in groups]
        with self._change(call, "ModifyGroupMembership", *ids) as tx:
            if SYSTEM_GROUP in ids:
                tx.hold_privileges(set(PRIVILEGES) - call.caller.withheld)
            accounts.add_to_groups(tx, user.id.val, ids)
            if SYSTEM_GROUP in ids and call.caller.withheld:
                accounts.restrict(tx, user.id.val, set(PRIVILEGES) - call.caller.withheld)

    def removeGroups(self, call: Call, user: Any, groups: Sequence[Any]) -> None:
        """Take a user out of groups, but not out of all.

        Raises omero.ValidationException where no group but that of all users would be left.
        """
        ids = [group.id.val for group in groups]
        self._require_another(user.id.val, ids)
        with self._change(call, "ModifyGroupMembership", *ids) as tx:
            accounts.remove_from_groups(tx, user.id.val, ids)

    def _require_another(self, user_id: int, left: Sequence[int]) -> None:
        with self.state.database.read() as cursor:
            cursor.execute("SELECT parent FROM groupexperimentermap WHERE child = %s", (user_id,))
            staying = set(_ids(cursor)) - set(left)
        if not staying:
            raise omero.ValidationException(message="experimenter must remain a member of some group")
        if staying == {USER_GROUP}:
            raise omero.ValidationException(
                message="experimenter cannot be a member of only the 'user' group,"
                " a different default group is also required"
            )

    def setDefaultGroup(self, call: Call, user: Any, group: Any) -> None:
        """Put one of a user's groups first; users may do this for themselves."""
        if call.caller.user_id != user.id.val:
            _require(call, "ModifyGroupMembership")
        with self.state.database.write(call.caller) as tx:
            tx.cursor.execute(
                "SELECT parent FROM groupexperimentermap WHERE child = %s ORDER BY parent <> %s, child_index",
                (user.id.val, group.id.val),
            )
            accounts.reorder(tx, user.id.val, _ids(tx.cursor))
        self.state.sessions.changed()

    def addGroupOwners(self, call: Call, group: Any, users: Sequence[Any]) -> None:
        """Make members owners of a group."""
        self._owners(call, group, users, True)

    def removeGroupOwners(self, call: Call, group: Any, users: Sequence[Any]) -> None:
        """Make owners plain members."""
        self._owners(call, group, users, False)

    def setGroupOwner(self, call: Call, group: Any, user: Any) -> None:
        """Make one member an owner."""
        self._owners(call, group, [user], True)

    def unsetGroupOwner(self, call: Call, group: Any, user: Any) -> None:
        """Make one owner a plain member."""
        self._owners(call, group, [user], False)

    def _owners(self, call: Call, group: Any, users: Sequence[Any], owner: bool) -> None:
        with self._change(call, "ModifyGroupMembership", group.id.val) as tx:
            ids = [user.id.val for user in users]
            for user_id in ids if owner else []:
                accounts.add_to_groups(tx, user_id, [group.id.val])
            accounts.set_owners(tx, group.id.val, ids, owner)

    # passwords
    def reportForgottenPassword(self, call: Call, name: str, email: str) -> None:
        """Not to be had: there is no mail.

        Raises omero.AuthenticationException for who is not known so, omero.InternalException for all others.
        """
        with self.state.database.read() as cursor:
            cursor.execute("SELECT email FROM experimenter WHERE omename = %s", (name,))
            found = cursor.fetchone()
        if found is None:
            raise omero.AuthenticationException(reason="Unknown user.")
        if found[0] is None:
            raise omero.AuthenticationException(reason="User has no email address.")
        if found[0] != email:
            raise omero.AuthenticationException(reason="Email address does not match.")
        raise omero.InternalException(
            message=f"Password was not changed because email could not be sent to user:{name}"
        )

    def changePassword(self, call: Call, password: Any) -> None:
        """Change one's own password."""
        self._set_password(call, call.caller.user_id, password)

    def changePasswordWithOldPassword(self, call: Call, old: Any, new: Any) -> None:
        """The same, with proof.

        Raises omero.SecurityViolation when the old one is wrong.
        """
        with self.state.database.read() as cursor:
            if not check_password(cursor, call.caller.user_id, old.val):
                raise omero.SecurityViolation(message="Old password is invalid")
        self._set_password(call, call.caller.user_id, new)

    def changeUserPassword(self, call: Call, name: str, password: Any) -> None:
        """Change any user's password, by an administrator."""
        _require(call, "ModifyUser")
        self._set_password(call, self.lookupExperimenter(call, name).id.val, password)

    def _set_password(self, call: Call, user_id: int, password: Any) -> None:
        with self.state.database.write(call.caller) as tx:
            set_password(tx.cursor, user_id, password.val)

    def _change(self, call: Call, privilege: str, *groups: int) -> "_Change":
        """A transaction for administrators with a privilege, and for the owners of the groups that it is about."""
        if not groups or not call.caller.leader_of.issuperset(groups):
            _require(call, privilege)
        return _Change(self.state, call)


class _Change:
    """A transaction after which users and groups are read anew."""

    def __init__(self, state: Any, call: Call) -> None:
        self._state = state
        self._transaction = state.database.write(call.caller)

    def __enter__(self) -> Any:
        return self._transaction.__enter__()

    def __exit__(self, *error: Any) -> Any:
        try:
            return self._transaction.__exit__(*error)
        finally:
            self._state.sessions.changed()


def _require(call: Call, privilege: str) -> None:
    if not call.caller.holds(privilege):
        raise omero.SecurityViolation(message=f"Only administrators with the privilege {privilege} may do this")


def _named(call: Call, tx: Any, privileges: Sequence[Any]) -> set[str]:
    """The values of AdminPrivilege objects, which clients give by value or by id."""
    tx.cursor.execute(
        "SELECT value FROM adminprivilege WHERE value = ANY(%s) OR id = ANY(%s)",
        ([p.value.val for p in privileges if p.loaded and p.value], [p.id.val for p in privileges if p.id]),
    )
    found = set(_ids(tx.cursor))
    lacking = sorted(found & call.caller.withheld)
    if lacking:
        raise omero.SecurityViolation(message=f"Cannot give the privilege {lacking[0]}: you do not have it")
    return found


def _ids(cursor: Any) -> list[Any]:
    return [row[0] for row in cursor.fetchall()]


def _one(found: Sequence[Any], message: str) -> Any:
    if not found:
        raise omero.ApiUsageException(message=message)
    return found[0]
