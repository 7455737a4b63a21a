"""IUpdate: whole graphs of objects into the database, one transaction a call."""

from collections.abc import Sequence
from typing import Any

from omero.model import IObject

import omero
from omero_sandbox.model import save
from omero_sandbox.model.checks import Checks
from omero_sandbox.model.mapping import entity_of
from omero_sandbox.model.remove import remove
from omero_sandbox.model.security import access, require_group
from omero_sandbox.services.base import Call, Service, service


@service
class UpdateService(Service):
    """omero.api.IUpdate; what is refused and how: facts/omero_replacement.md, b and c."""

    interface = "omero.api.IUpdate"

    def saveObject(self, call: Call, obj: IObject) -> None:
        """Save a graph."""
        self._save(call, [obj])

    def saveAndReturnObject(self, call: Call, obj: IObject) -> IObject:
        """Save a graph and return it with its ids."""
        return self._save(call, [obj])[0]

    def saveArray(self, call: Call, objects: Sequence[IObject]) -> None:
        """Save graphs in one transaction."""
        self._save(call, objects)

    def saveCollection(self, call: Call, objects: Sequence[IObject]) -> None:
        """Save graphs in one transaction."""
        self._save(call, objects)

    def saveAndReturnArray(self, call: Call, objects: Sequence[IObject]) -> list[IObject]:
        """Save graphs in one transaction and return them with their ids."""
        return self._save(call, objects)

    def saveAndReturnIds(self, call: Call, objects: Sequence[IObject]) -> list[int]:
        """Save graphs in one transaction and return the ids of `objects`."""
        return [obj.id.val for obj in self._save(call, objects)]

    def deleteObject(self, call: Call, obj: IObject) -> None:
        """Delete one row; others that refer to it keep it from being deleted."""
        if obj is None:
            return
        if obj.id is None:
            raise omero.ApiUsageException(message="Non-managed IObject entity cannot be deleted. Must have an id.")
        with self.state.database.write(call.caller) as tx:
            require_group(call.caller)
            checks = Checks(tx.cursor, access(tx.cursor, call.caller), trusted=False)
            remove(tx, checks, entity_of(obj), [obj.id.val])

    def _save(self, call: Call, objects: Sequence[Any]) -> list[IObject]:
        if any(obj is None for obj in objects):
            raise omero.ApiUsageException(message="null cannot be saved")
        with self.state.database.write(call.caller) as tx:
            return save(tx, objects, trusted=False)
