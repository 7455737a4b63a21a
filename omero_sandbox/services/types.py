"""ITypes: enumerations."""

from typing import Any

import omero
from omero_sandbox import hql, model
from omero_sandbox.services.base import Call, Service, service


@service
class TypesService(Service):
    """Read enumerations and add to them."""

    interface = "omero.api.ITypes"

    def allEnumerations(self, call: Call, name: str) -> list[Any]:
        """Every value of an enumeration, such as "Format" or "omero.model.Format"."""
        with self.state.database.read() as cursor:
            return hql.find(cursor, call.caller, f"select e from {_short(name)} e order by e.id", None)

    def getEnumeration(self, call: Call, name: str, value: str) -> Any:
        """One value of an enumeration.

        Raises omero.ApiUsageException when it has no such value.
        """
        params = omero.sys.ParametersI().addString("value", value)
        with self.state.database.read() as cursor:
            query = f"select e from {_short(name)} e where e.value = :value"
            found = hql.find(cursor, call.caller, query, params)
        if not found:
            raise omero.ApiUsageException(message=f"An {name} enum does not exist with the value: {value}")
        return found[0]

    def createEnumeration(self, call: Call, value: Any) -> Any:
        """Add a value; only for administrators."""
        if not call.caller.is_admin:
            raise omero.SecurityViolation(message="Only administrators may create enumerations")
        with self.state.database.write(call.caller) as tx:
            return model.save(tx, [value])[0]


def _short(name: str) -> str:
    """The class's own name, which must be one."""
    short = name.rpartition(".")[2]
    if not short.isidentifier():
        raise omero.ApiUsageException(message=f"{name!r} is no enumeration")
    return short
