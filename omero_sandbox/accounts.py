"""Experimenters and groups as objects of omero.model, read and written by SQL."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from omero.model import ExperimenterGroupI, ExperimenterI, GroupExperimenterMapI, PermissionsI
from omero.rtypes import rbool, rint, rstring

import omero
from omero_sandbox.model.mapping import entities
from omero_sandbox.model.privileges import PRIVILEGES
from omero_sandbox.users import PRIVILEGE, SYSTEM_GROUP, USER_GROUP, set_password

PRIVATE = -120


def experimenters(cursor: Any, ids: Iterable[int] | None = None) -> list[ExperimenterI]:
    """Users (all of them without `ids`), each with his groups, the default one first."""
    cursor.execute(
        "SELECT id, omename, firstname, middlename, lastname, email, institution, ldap, permissions, version"
        " FROM experimenter WHERE %(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s) ORDER BY id",
        {"ids": None if ids is None else list(ids)},
    )
    found = {row[0]: _experimenter(row) for row in cursor.fetchall()}
    known: dict[int, Any] = {}
    for link in _links(cursor, "child", list(found)):
        group = known.get(link[1]) or known.setdefault(link[1], _groups_by_id(cursor, [link[1]])[link[1]])
        _connect(link, group, found[link[2]])
    for group in known.values():
        group.unloadGroupExperimenterMap()
    return list(found.values())


def groups(cursor: Any, ids: Iterable[int] | None = None) -> list[ExperimenterGroupI]:
    """Groups (all of them without `ids`), each with its members."""
    found = _groups_by_id(cursor, ids)
    members: dict[int, Any] = {}
    for link in _links(cursor, "parent", list(found)):
        if link[2] not in members:
            members[link[2]] = experimenters_alone(cursor, [link[2]])[0]
        _connect(link, found[link[1]], members[link[2]])
    for member in members.values():
        member.unloadGroupExperimenterMap()
    return list(found.values())


def experimenters_alone(cursor: Any, ids: list[int]) -> list[ExperimenterI]:
    """Users without their groups."""
    cursor.execute(
        "SELECT id, omename, firstname, middlename, lastname, email, institution, ldap, permissions, version"
        " FROM experimenter WHERE id = ANY(%s) ORDER BY id",
        (ids,),
    )
    return [_experimenter(row) for row in cursor.fetchall()]


def _groups_by_id(cursor: Any, ids: Iterable[int] | None) -> dict[int, ExperimenterGroupI]:
    cursor.execute(
        "SELECT id, name, description, ldap, permissions, version FROM experimentergroup"
        " WHERE %(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s) ORDER BY id",
        {"ids": None if ids is None else list(ids)},
    )
    return {row[0]: _group(row) for row in cursor.fetchall()}


def _experimenter(row: tuple) -> ExperimenterI:
    made = ExperimenterI(row[0], True)
    names = ("omeName", "firstName", "middleName", "lastName", "email", "institution")
    for name, value in zip(names, row[1:7], strict=True):
        setattr(made, name, None if value is None else rstring(value))
    made.ldap = rbool(row[7])
    return _finish(made, *row[8:])


def _group(row: tuple) -> ExperimenterGroupI:
    made = ExperimenterGroupI(row[0], True)
    made.name = rstring(row[1])
    made.description = None if row[2] is None else rstring(row[2])
    made.ldap = rbool(row[3])
    return _finish(made, *row[4:])


def _finish(made: Any, permissions: int, version: int | None) -> Any:
    made.details.permissions = PermissionsI(permissions)
    made.version = None if version is None else rint(version)
    return made


def _links(cursor: Any, column: str, ids: list[int]) -> Sequence[tuple]:
    cursor.execute(
        f"SELECT id, parent, child, owner, permissions, version FROM groupexperimentermap"
        f" WHERE {column} = ANY(%s) ORDER BY child_index, id",
        (ids,),
    )
    return cursor.fetchall()


def _connect(link: tuple, group: ExperimenterGroupI, member: ExperimenterI) -> None:
    made = GroupExperimenterMapI(link[0], True)
    made.parent, made.child, made.owner = group, member, rbool(link[3])
    _finish(made, link[4], link[5])
    group.addGroupExperimenterMap(made)
    member.addGroupExperimenterMap(made)


def text(value: Any) -> str | None:
    """The string of an rstring, None of None."""
    return None if value is None else value.val


def create_group(tx: Any, group: ExperimenterGroupI) -> int:
    """Insert a group; its permissions are those of its details, private where they are not given.

    Raises omero.ValidationException when the name is taken, or `ldap` is not said.
    """
    name = text(group.name)
    ldap = _ldap(group)
    tx.cursor.execute("SELECT 1 FROM experimentergroup WHERE name = %s", (name,))
    if tx.cursor.fetchone():
        raise omero.ValidationException(message=f"Group name exists: {name}")
    given = group.details.permissions if group.details else None
    permissions = PRIVATE if given is None or given.perm1 == -1 else stored_permissions(given)
    (number,) = tx.next_ids("experimentergroup", 1)
    tx.cursor.execute(
        "INSERT INTO experimentergroup (id, name, description, ldap, permissions, version)"
        " VALUES (%s, %s, %s, %s, %s, 0)",
        (number, name, text(group.description), ldap, permissions),
    )
    tx.log("INSERT", "ome.model.meta.ExperimenterGroup", [number])
    return number


def _ldap(made: Any) -> bool:
    if made.ldap is None:
        kind = type(made).__name__.removesuffix("I")
        raise omero.ValidationException(
            message=f"not-null property references a null or transient value: ome.model.meta.{kind}.ldap"
        )
    return bool(made.ldap.val)


def update_group(tx: Any, group: ExperimenterGroupI) -> None:
    """Store a group's name, description and permissions."""
    tx.cursor.execute(
        "UPDATE experimentergroup SET name = %s, description = %s, version = version + 1 WHERE id = %s",
        (text(group.name), text(group.description), group.id.val),
    )
    given = group.details.permissions if group.details else None
    if given is not None:
        change_permissions(tx, group.id.val, stored_permissions(given))


def restrict(tx: Any, user_id: int, privileges: Collection[str]) -> None:
    """Leave an administrator these privileges; the database keeps those that are taken away."""
    tx.hold_privileges(privileges)
    tx.cursor.execute(
        "DELETE FROM experimenter_config WHERE experimenter_id = %s AND name LIKE %s", (user_id, PRIVILEGE + "%")
    )
    tx.cursor.execute(
        "SELECT coalesce(max(index) + 1, 0) FROM experimenter_config WHERE experimenter_id = %s", (user_id,)
    )
    start = tx.cursor.fetchone()[0]
    for index, value in enumerate((value for value in PRIVILEGES if value not in privileges), start):
        tx.cursor.execute(
            "INSERT INTO experimenter_config (experimenter_id, name, value, index) VALUES (%s, %s, 'false', %s)",
            (user_id, PRIVILEGE + value, index),
        )


def stored_permissions(given: PermissionsI) -> int:
    """The long that the database holds for a group's permissions (private is -120, rwra-- is -40)."""
    made = PermissionsI(PRIVATE)
    made.setGroupRead(given.isGroupRead())
    made.setGroupWrite(given.isGroupWrite())
    made.setGroupAnnotate(given.isGroupAnnotate())
    return made.perm1


def create_experimenter(tx: Any, user: ExperimenterI, password: str | None, group_ids: Sequence[int]) -> int:
    """Insert a user with his groups, the default one first.

    Raises omero.ValidationException when the login name is taken, or `ldap` is not said.
    """
    name, ldap = text(user.omeName), _ldap(user)
    tx.cursor.execute("SELECT 1 FROM experimenter WHERE omename = %s", (name,))
    if tx.cursor.fetchone():
        raise omero.ValidationException(message=f"User name exists: {name}")
    (number,) = tx.next_ids("experimenter", 1)
    tx.cursor.execute(
        "INSERT INTO experimenter (id, omename, firstname, middlename, lastname, email, institution, ldap,"
        " permissions, version) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, -52, 0)",
        (number, name, text(user.firstName), text(user.middleName), text(user.lastName), text(user.email),
         text(user.institution), ldap),
    )  # fmt: skip
    tx.log("INSERT", "ome.model.meta.Experimenter", [number])
    add_to_groups(tx, number, group_ids)
    if password is not None:
        set_password(tx.cursor, number, password)
    return number


def add_to_groups(tx: Any, user_id: int, group_ids: Sequence[int]) -> None:
    """Make a user a member of more groups, after those that he is in."""
    tx.cursor.execute("SELECT parent, child_index FROM groupexperimentermap WHERE child = %s", (user_id,))
    present = dict(tx.cursor.fetchall())
    new = [group for group in dict.fromkeys(group_ids) if group not in present]
    ids = tx.next_ids("groupexperimentermap", len(new)) if new else []
    start = max(present.values(), default=-1) + 1
    for number, (index, group) in zip(ids, enumerate(new, start), strict=True):
        tx.cursor.execute(
            "INSERT INTO groupexperimentermap (id, permissions, owner, version, child, parent, child_index)"
            " VALUES (%s, -52, false, 0, %s, %s, %s)",
            (number, user_id, group, index),
        )
    if new:
        tx.log("INSERT", "ome.model.meta.GroupExperimenterMap", ids)


def remove_from_groups(tx: Any, user_id: int, group_ids: Sequence[int]) -> None:
    """End memberships; the others keep their order without a gap."""
    tx.cursor.execute(
        "DELETE FROM groupexperimentermap WHERE child = %s AND parent = ANY(%s)", (user_id, list(group_ids))
    )
    tx.cursor.execute("SELECT parent FROM groupexperimentermap WHERE child = %s ORDER BY child_index", (user_id,))
    reorder(tx, user_id, [row[0] for row in tx.cursor.fetchall()])


def reorder(tx: Any, user_id: int, group_ids: Sequence[int]) -> None:
    """Give a user's groups this order; the first is the default."""
    for offset in (1_000_000, 0):  # (child, child_index) is unique at every moment
        for index, group in enumerate(group_ids):
            tx.cursor.execute(
                "UPDATE groupexperimentermap SET child_index = %s WHERE child = %s AND parent = %s",
                (offset + index, user_id, group),
            )


def set_owners(tx: Any, group_id: int, user_ids: Sequence[int], owner: bool) -> None:
    """Make members owners of their group, or plain members again."""
    tx.cursor.execute(
        "UPDATE groupexperimentermap SET owner = %s WHERE parent = %s AND child = ANY(%s)",
        (owner, group_id, list(user_ids)),
    )


def privileged_groups(is_system: bool, default: int, others: Sequence[int]) -> list[int]:
    """The groups of a new user: the default one, the others, and `user` (and `system`) that all are in."""
    return [default, *others, *([SYSTEM_GROUP] if is_system else []), USER_GROUP]


def change_permissions(tx: Any, group_id: int, permissions: int) -> None:
    """Set a group's permissions, and those of every row in the group, which repeat them."""
    tx.cursor.execute("UPDATE experimentergroup SET permissions = %s WHERE id = %s", (permissions, group_id))
    for table in sorted({cls.table for cls in entities().values() if "group_id" in cls.columns}):
        tx.cursor.execute(f'UPDATE "{table}" SET permissions = %s WHERE group_id = %s', (permissions, group_id))
