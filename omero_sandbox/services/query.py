"""IQuery: objects by id, by a property, or by HQL."""

from typing import Any

import omero
from omero import RType
from omero.model import IObject
from omero.rtypes import rstring
from omero_sys_ParametersI import ParametersI

from omero_sandbox.hql import find, project
from omero_sandbox.model import load
from omero_sandbox.model.mapping import Scalar, entity, find_property
from omero_sandbox.services.base import Call, Service, service


@service
class QueryService(Service):
    """omero.api.IQuery; operations that are not here refuse by name."""

    interface = "omero.api.IQuery"

    def get(self, call: Call, klass: str, id: int) -> IObject:  # noqa: A002
        """The object with an id.

        Raises omero.ValidationException when there is none.
        """
        found = self.find(call, klass, id)
        if found is None:
            raise omero.ValidationException(
                message=f"The requested object ({entity(klass).java},{id}) is not available.\n"
                "Please use IQuery.find to deduce existance.\n"
            )
        return found

    def find(self, call: Call, klass: str, id: int) -> IObject | None:  # noqa: A002
        """The object with an id, or None."""
        with self.state.database.read() as cursor:
            return next(iter(load(cursor, call.caller, klass, [id])), None)

    def findAll(self, call: Call, klass: str, page: Any) -> list[IObject]:  # noqa: N802
        """All objects of a class."""
        return self._find(call, f"select x from {entity(klass).name} x order by x.id", _paged(page))

    def findByString(self, call: Call, klass: str, field: str, value: str) -> IObject | None:  # noqa: N802
        """The one object whose property is `value`, or None."""
        return _one(self.findAllByString(call, klass, field, value, True, None), f"{klass}.{field} = {value}")

    def findAllByString(  # noqa: N802
        self, call: Call, klass: str, field: str, value: str, case_sensitive: bool, page: Any
    ) -> list[IObject]:
        """The objects whose property is `value`."""
        cls = entity(klass)
        if not isinstance(find_property(cls.name, field), Scalar):
            raise omero.ApiUsageException(message=f"{cls.java} has no property {field} of text")
        params = _paged(page)
        params.map["value"] = rstring(value if case_sensitive else value.lower())
        compared = f"x.{field}" if case_sensitive else f"lower(x.{field})"
        return self._find(call, f"select x from {cls.name} x where {compared} = :value order by x.id", params)

    def findByQuery(self, call: Call, query: str, params: Any) -> IObject | None:  # noqa: N802
        """The one object that a query selects, or None.

        Raises omero.ApiUsageException when there are several.
        """
        return _one(self._find(call, query, params), query)

    def findAllByQuery(self, call: Call, query: str, params: Any) -> list[IObject]:  # noqa: N802
        """The objects that a query selects first."""
        return self._find(call, query, params)

    def projection(self, call: Call, query: str, params: Any) -> list[list[RType]]:
        """The rows that a query selects."""
        with self.state.database.read() as cursor:
            return project(cursor, call.caller, query, params)

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
        raise omero.ApiUsageException(message=f"query did not return a unique result: {len(different)}: {query}")
    return different[0] if different else None


def _paged(page: Any) -> ParametersI:
    params = ParametersI()
    params.map = {}
    params.theFilter = page
    return params
