"""What a save is refused for: references that are missing or not to be linked to, and what only servers may set."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import omero
from omero_sandbox.model.graph import Graph
from omero_sandbox.model.mapping import Entity, Reference, entities, entity_of
from omero_sandbox.model.privileges import deletion_privilege, writing_privilege
from omero_sandbox.model.security import ANNOTATE, READ, SYSTEM_GROUP, USER_GROUP, WRITE, Access, require_group_of

_USER = "ome.model.meta.Experimenter:Id_"
UPDATING, DELETING = "Updating", "Deleting"
_GROUP = "ome.model.meta.ExperimenterGroup:Id_"


def needed_right(cls: Entity, linked: Entity) -> int:
    """The right on an object that it takes to link a `cls` to it."""
    if "RenderingDef" in (cls.name, linked.name) or (cls.name, linked.name) == ("Thumbnail", "Pixels"):
        return READ
    if cls.name.endswith("AnnotationLink") or (cls.name, linked.name) == ("Roi", "Image"):
        return ANNOTATE
    return WRITE


def sent(obj: Any, name: str) -> int | None:
    """The id of details.owner or details.group that came with an object."""
    found = obj._details.__dict__[f"_{name}"] if obj._details is not None else None
    return found._id._val if found is not None and found._id is not None else None


class Checks:
    """The checks of one save; `trusted` is the server's own work."""

    def __init__(self, cursor: Any, rights: Access, trusted: bool) -> None:
        self.cursor = cursor
        self.rights = rights
        self.trusted = trusted
        self.owners: dict[tuple[str, int], tuple[int, int]] = {}

    def references(self, graph: Graph) -> None:
        """Refuse references to rows that are missing, that may not be read, or that new objects may not link to."""
        tables: dict[str, dict[int, Any]] = defaultdict(dict)
        for (table, id_), obj in graph.referred.items():
            tables[table][id_] = obj
        for table, wanted in tables.items():
            self._look_up(table, wanted)
        new = {id(obj) for obj in graph.new}
        for obj, _, target in graph.linked:
            if id(obj) in new and target._id is not None:
                cls = entity_of(target)
                owner_group = self.owners.get((cls.table, target._id._val))
                if owner_group:
                    self.link(entity_of(obj), cls, target._id._val, *owner_group)

    def _look_up(self, table: str, wanted: dict[int, Any]) -> None:
        cls = entity_of(next(iter(wanted.values())))
        owned = "owner_id" in cls.columns
        columns = "owner_id, group_id" if owned else "NULL, NULL"
        self.cursor.execute(f"SELECT id, {columns} FROM {table} WHERE id = ANY(%s)", (list(wanted),))
        found = {row[0]: row[1:] for row in self.cursor.fetchall()}
        for id_, obj in wanted.items():
            if id_ not in found:
                java = entity_of(obj).java
                raise omero.ValidationException(message=f"No row with the given identifier exists: [{java}#{id_}]")
            if owned:
                self.readable(entity_of(obj), id_, *found[id_])

    def readable(self, cls: Entity, id_: int, owner: int, group: int) -> None:
        """Refuse a row that the caller may not read, and remember whose it is."""
        if not (self.trusted or self.rights.may_load(owner, group)):
            raise omero.SecurityViolation(message=f"Cannot read {cls.java}:Id_{id_}")
        self.owners[cls.table, id_] = (owner, group)

    def link(self, cls: Entity, linked: Entity, target: int, owner: int, group: int) -> None:
        """Refuse to link an object of the caller's group to a row, `target`, which belongs to `owner` in `group`."""
        if self.trusted or cls.is_system or group in (SYSTEM_GROUP, USER_GROUP):
            return
        name = f"{linked.java}:Id_{target}"
        here = self.rights.caller.group_id
        if group != here:
            raise omero.GroupSecurityViolation(
                message=f"MIXED GROUP: {cls.java}(group={_GROUP}{here}) and {name}(group={_GROUP}{group}) "
                "cannot be linked."
            )
        right = needed_right(cls, linked)
        if not self.rights.may(right, owner, group):
            raise omero.SecurityViolation(
                message=f"Group is {self.rights.name_of(group)}. Cannot link to object: {name}"
            )
        if not self.rights.may_link(right, owner, group):
            raise omero.ReadOnlyGroupSecurityViolation(
                message=f"Cannot link to {name}\nCurrent user ({self.rights.caller.user_name}) is an admin or the "
                f"owner of\nthe private group ({group}={self.rights.name_of(group)}). It is not allowed to\n"
                "link to users' data."
            )

    def new(self, objects: Iterable[Any], id_of: Callable[[Any], int]) -> None:
        """Refuse new rows that only the server or an administrator makes."""
        for obj in objects:
            cls = entity_of(obj)
            if cls.is_system and not (self.trusted or self.rights.caller.holds(writing_privilege(cls.name))):
                raise omero.SecurityViolation(
                    message=f"{cls.java} is a System-type, and may be created only through privileged APIs."
                )
            if cls.name == "OriginalFile" and obj._repo is not None:
                self.repo(cls, id_of(obj))

    def belongs_to(self, cls: Entity, obj: Any, id_: int) -> tuple[int, int]:
        """Owner and group of a new row: the caller's, but administrators may give it to others and to all users."""
        caller = self.rights.caller
        owner, group = sent(obj, "owner"), sent(obj, "group")
        free = self.trusted or caller.holds(writing_privilege(cls.name))
        if owner not in (None, caller.user_id) and not free:
            raise omero.SecurityViolation(
                message=f"You are not authorized to set the Experimenter for {cls.java}:Id_{id_} to {_USER}{owner}"
            )
        if group not in (None, caller.group_id) and not (self.trusted or (free and group == USER_GROUP)):
            raise omero.SecurityViolation(
                message="You are not authorized to set the ExperimenterGroup for "
                f"{cls.java}:Id_{id_} to {_GROUP}{group}"
            )
        return caller.user_id if owner is None else owner, caller.group_id if group is None else group

    def given(self, cls: Entity, id_: int, before: tuple[int, int], after: tuple[int, int]) -> None:
        """Refuse to give a row to another owner or group, if that is not the caller's to do."""
        caller = self.rights.caller
        if before[0] != after[0] and not (self.trusted or caller.holds("Chown")):
            raise omero.SecurityViolation(
                message=f"You are not authorized to change the owner for {cls.java}:Id_{id_} from {_USER}{before[0]} "
                f"to {_USER}{after[0]}"
            )
        mine = after[1] != USER_GROUP and after[1] in caller.member_of
        if before[1] != after[1] and not (self.trusted or mine or caller.holds("Chgrp")):
            raise omero.SecurityViolation(
                message=f"You are not authorized to change the group for {cls.java}:Id_{id_} from {_GROUP}{before[1]} "
                f"to {_GROUP}{after[1]}"
            )

    def repo(self, cls: Entity, id_: int) -> None:
        """Refuse to set a file's repository, if a client does it (facts/omero_api_calls.md)."""
        if not self.trusted:
            raise omero.SecurityViolation(message=f"cannot set repo property of {cls.java}:Id_{id_} via ORM")

    def renamed(self, path: str | None, name: str | None) -> None:
        """Refuse another path or name of a file with steps up or in place (facts/trust.md: only administrators may)."""
        steps = f"{path}{name}".split("/")
        if path is not None and name is not None and not self.rights.caller.is_admin and {".", ".."} & set(steps):
            raise omero.SecurityViolation(
                message="only administrators may introduce non-canonical OriginalFile path or name"
            )

    def writable(self, cls: Entity, id_: int, whose: tuple[int | None, int | None], what: str = UPDATING) -> None:
        """Refuse to change a row that is not the caller's to change, or that is in another group than the call."""
        if self.trusted:
            return
        owner, group = whose
        if group is not None:
            require_group_of(self.rights.caller, group)
        needed = deletion_privilege if what == DELETING else writing_privilege
        privilege = needed(cls.name, self._repository(cls, id_))
        if owner is None or group is None:
            allowed = self.rights.caller.holds(privilege)
        else:
            allowed = self.rights.may(WRITE, owner, group, privilege)
        if not allowed:
            if what == UPDATING:
                self._links_of(cls, id_)
            raise omero.SecurityViolation(message=f"{what} {cls.java}:Id_{id_} not allowed.")

    def _links_of(self, cls: Entity, id_: int) -> None:
        """Refuse a row by what it refers to, as a real server does before it asks for the row itself."""
        for p in cls.of(Reference):
            to = entities()[p.target]
            if "owner_id" not in to.columns:
                continue
            key = dict(cls.tables)[p.table]
            self.cursor.execute(
                f"SELECT t.id, t.owner_id, t.group_id FROM {p.table} o JOIN {to.table} t ON t.id = o.{p.column}"
                f" WHERE o.{key} = %s",
                (id_,),
            )
            for number, owner, group in self.cursor.fetchall():
                self.link(cls, to, number, owner, group)

    def _repository(self, cls: Entity, id_: int) -> str | None:
        if cls.name != "OriginalFile" or not self.rights.caller.withheld:
            return None
        self.cursor.execute("SELECT repo FROM originalfile WHERE id = %s", (id_,))
        found: str | None = self.cursor.fetchone()[0]
        return found

    def files_of(self, moves: dict[int, list[int]]) -> None:
        """Refuse to move images in one save to new filesets that name files of the filesets which they leave.

        `moves`: id of a fileset left -> ids of the files named by the new one. A real server fails so too
        (facts/omero_replacement.md, b).
        """
        for fileset, files in moves.items():
            self.cursor.execute(
                "SELECT 1 FROM filesetentry WHERE fileset = %s AND originalfile = ANY(%s) LIMIT 1", (fileset, files)
            )
            if self.cursor.fetchone():
                raise omero.ValidationException(message="object no longer exists in database")
