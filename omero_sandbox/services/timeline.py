"""ITimeline: what was made or changed when."""

from collections.abc import Sequence
from typing import Any

import omero
from omero_sandbox import hql
from omero_sandbox.services.base import Call, Service, service

PAGE = 100
# What is shown with an object of a class `o`.
_FETCHED = {
    "Project": "",
    "Dataset": "",
    "Image": " left outer join fetch o.pixels p left outer join fetch p.pixelsType",
    "RenderingDef": " join fetch o.pixels p join fetch p.image",
}

# Where event, owner and group are.
_OBJECTS = ("o.details.updateEvent", "o.details.owner", "o.details.group")
_LOGS = ("o.event", "o.event.experimenter", "o.event.experimenterGroup")


@service
class TimelineService(Service):
    """Objects by the time of their last change, the newest first, of one owner or group where the filter says so."""

    interface = "omero.api.ITimeline"

    def getMostRecentObjects(self, call: Call, types: Sequence[str], params: Any, merge: bool) -> dict[str, list[Any]]:
        """The newest objects by class; with `merge` the newest of all classes together."""
        return self._found(call, types, params, merge, {})

    def getByPeriod(
        self, call: Call, types: Sequence[str], start: Any, end: Any, params: Any, merge: bool
    ) -> dict[str, list[Any]]:
        """The objects that were last changed between two times, by class."""
        return self._found(call, types, params, merge, {"start": start, "end": end})

    def countByPeriod(self, call: Call, types: Sequence[str], start: Any, end: Any, params: Any) -> dict[str, int]:
        """How many objects were last changed between two times, by class."""
        counts = {}
        for name in types:
            where, given = _conditions(_OBJECTS, params, {"start": start, "end": end})
            with self.state.database.read() as cursor:
                query = f"select count(o.id) from {_known(name)} o{where}"
                [[count]] = hql.project(cursor, call.caller, query, given)
            counts[name] = count.val
        return counts

    def getEventLogsByPeriod(self, call: Call, start: Any, end: Any, params: Any) -> list[Any]:
        """What was made or changed of projects, datasets, images and rendering settings between two times."""
        where, given = _conditions(_LOGS, params, {"start": start, "end": end})
        classes = ("core.Image", "containers.Dataset", "containers.Project", "display.RenderingDef")
        given.map["classes"] = omero.rtypes.rlist([omero.rtypes.rstring(f"ome.model.{name}") for name in classes])
        query = (
            f"select o from EventLog o join fetch o.event{where} and o.entityType in (:classes)"
            " and o.action in ('INSERT', 'UPDATE') order by o.event.time desc, o.id desc"
        )
        with self.state.database.read() as cursor:
            return hql.find(cursor, call.caller, query, given)

    def _found(
        self, call: Call, types: Sequence[str], params: Any, merge: bool, period: dict[str, Any]
    ) -> dict[str, list[Any]]:
        found = {}
        for name in types:
            where, given = _conditions(_OBJECTS, params, period)
            query = (
                f"select distinct o from {_known(name)} o join fetch o.details.updateEvent{_FETCHED[name]}{where}"
                " order by o.details.updateEvent.time desc, o.id desc"
            )
            with self.state.database.read() as cursor:
                found[name] = hql.find(cursor, call.caller, query, given)
        return _newest(found, params) if merge else found


def _newest(found: dict[str, list[Any]], params: Any) -> dict[str, list[Any]]:
    """Of several classes as many as the filter allows, the newest of all."""
    limit = params.theFilter.limit.val if params and params.theFilter and params.theFilter.limit else None
    every = [(obj.details.updateEvent.time.val, name, obj) for name, objects in found.items() for obj in objects]
    every.sort(key=lambda one: -one[0])
    kept: dict[str, list[Any]] = {name: [] for name in found}
    for _, name, obj in every[:limit]:
        kept[name].append(obj)
    return kept


def _known(name: str) -> str:
    if name not in _FETCHED:
        raise omero.ApiUsageException(message=f"ITimeline: {name} is not in this sandbox")
    return name


def _conditions(of: tuple[str, str, str], params: Any, period: dict[str, Any]) -> tuple[str, Any]:
    """A `where` for an owner, a group and a time, and its parameters with the filter's page; `of`: where these are."""
    event, owner, group = of
    given = omero.sys.ParametersI()
    limits = params.theFilter if params else None
    parts = ["1 = 1"]
    for name, path in (("ownerId", owner), ("groupId", group)):
        value = getattr(limits, name, None)
        if value is not None and value.val >= 0:
            parts.append(f"{path}.id = :{name}")
            given.addLong(name, value.val)
    if period:
        parts.append(f"{event}.time between :start and :end")
        given.map.update(period)
    if limits is not None and (limits.limit or limits.offset):
        given.page(limits.offset.val if limits.offset else 0, limits.limit.val if limits.limit else PAGE)
    return f" where {' and '.join(parts)}", given
