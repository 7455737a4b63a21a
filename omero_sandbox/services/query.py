"""IQuery: objects by id, by a property, or by HQL."""

from typing import Any

import omero.clients
from omero.model import IObject
from omero.rtypes import rstring

import omero
from omero import RType
from omero_sandbox.hql import find, project
from omero_sandbox.model import load
from omero_sandbox.model.mapping import Scalar, entity, find_property
from omero_sandbox.services.base import Call, Service, service


@service
class QueryService(Service):
    """omero.api.IQuery; operations that are not here refuse by name."""

    interface = "omero.api.IQuery"

    def get(self, call: Call, klass: str, id: int) -> IObject:
        """The object with an id.

        Raises omero.ValidationException when there is none.
        """
        found = self.find(call, klass, id)
        if found is None:
            raise omero.ValidationException(
                message=f"The requested object ({entity(klass).java},{id}) is not available.\n"
                "Please use IQuery.find to deteremine existance.\n"
            )
        return found

    def find(self, call: Call, klass: str, id: int) -> IObject | None:
        """The object with an id, or None."""
        with self.state.database.read() as cursor:
            return next(iter(load(cursor, call.caller, klass, [id])), None)

    def findAll(self, call: Call, klass: str, page: Any) -> list[IObject]:
        """All objects of a class."""
        return self._find(call, f"select x from {entity(klass).name} x order by x.id", _paged(page))

    def findByString(self, call: Call, klass: str, field: str, value: str) -> IObject | None:
        """The one object whose property is `value`, or None."""
        return _one(self._find(call, *_compared(klass, field, "x.{} = :value", value)), f"{klass}.{field} = {value}")

    def findAllByString(
        self, call: Call, klass: str, field: str, value: str, case_sensitive: bool, page: Any
    ) -> list[IObject]:
        """The objects whose property contains `value`, in which % and _ stand for any characters, as in like."""
        condition = "x.{} like :value" if case_sensitive else "lower(x.{}) like lower(:value)"
        return self._find(call, *_compared(klass, field, condition, f"%{value}%", page))

    def findByQuery(self, call: Call, query: str, params: Any) -> IObject | None:
        """The one object that a query selects, or None.

        Raises omero.ApiUsageException when there are several.
        """
        return _one(self._find(call, query, params), query)

    def findAllByQuery(self, call: Call, query: str, params: Any) -> list[IObject]:
        """The objects that a query selects first."""
        return self._find(call, query, params)

    def projection(self, call: Call, query: str, params: Any) -> list[list[RType]]:
        """The rows that a query selects. Where it selects one column, a null is an empty row, as on a real server."""
        with self.state.database.read() as cursor:
            return [[] if row == [None] else row for row in project(cursor, call.caller, query, params)]

    def refresh(self, call: Call, obj: IObject) -> IObject:
        """The object as it is now."""
        if obj is None or obj.id is None:
            raise omero.ApiUsageException(message="refresh wants an object that has been saved")
        return self.get(call, type(obj).__name__, obj.id.val)

    def _find(self, call: Call, query: str, params: Any) -> list[IObject]:
        with self.state.database.read() as cursor:
            return find(cursor, call.caller, query, params)


def _one(found: list[IObject], query: str) -> IObject | None:
    different = list({id(obj): obj for obj in found}.values())
    if len(different) > 1:
        raise omero.ApiUsageException(
            message=f"Query named:\n\n\t{query}\n\nhas returned more than one Object\n"
            "findBy methods must return a single value.\n"
            "Please try findAllBy methods for queries which return Lists."
        )
    return different[0] if different else None


def _compared(klass: str, field: str, condition: str, value: str, page: Any = None) -> tuple[str, Any]:
    cls = entity(klass)
    if not isinstance(find_property(cls.name, field), Scalar):
        raise omero.ApiUsageException(message=f"{cls.java} has no property {field} of text")
    params = _paged(page)
    params.map["value"] = rstring(value)
    return f"select x from {cls.name} x where {condition.format(field)} order by x.id", params


def _paged(page: Any) -> Any:
    return omero.sys.Parameters({}, page, None)
