"""The framework of every servant: plain synchronous methods in, real Ice servants out.

    @service
    class QueryService(Service):
        interface = "omero.api.IQuery"

        def findByQuery(self, call: Call, query: str, params: Parameters | None) -> IObject | None:
            with self.state.database.read() as cursor:
                ...

A service is made anew for each session (a stateful one for each `create…` of a client). What the class lacks of
its interface raises ApiUsageException naming itself at once, so that no client waits for ever.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import Ice
import omero.clients
import psycopg2

import omero
from omero_sandbox.context import Caller

if TYPE_CHECKING:
    from omero_sandbox.sessions import Session
    from omero_sandbox.state import State

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """One call of a client: who calls (the call context `omero.group` already looked at), and Ice's own view of it."""

    caller: Caller
    current: Ice.Current


class Service:
    """Base of every servant: a method per operation, `def operation(self, call, *arguments)`.

    `interface`: the dotted name of the generated class, such as "omero.api.IQuery".
    """

    interface: ClassVar[str]
    stateful: ClassVar[bool] = False

    def __init__(self, state: "State", session: "Session") -> None:
        self.state = state
        self.session = session

    def call(self, current: Ice.Current) -> Call:
        """Who calls; raises when the session is closed or may not work in the group that the call names."""
        return Call(self.session.caller(current.ctx), current)


class StatefulService(Service):
    """A service that keeps something between calls; `released` is called once, by close() or with the session."""

    stateful = True
    identity: Ice.Identity

    def close(self, call: Call) -> None:
        """Free what the service holds and forget the servant."""
        self.state.withdraw(self.identity)

    def activate(self, call: Call) -> None:
        """Nothing to do: kept for clients that call it."""

    def passivate(self, call: Call) -> None:
        """Nothing to do: kept for clients that call it."""

    def getCurrentEventContext(self, call: Call) -> Any:
        """The same as IAdmin.getEventContext."""
        return self.session.event_context(call.caller)

    def released(self) -> None:
        """Override to free files, buffers and the like."""


SERVICES: dict[str, type[Service]] = {}


def service(cls: type[Service]) -> type[Service]:
    """Register a class as the implementation of its interface for ServiceFactory."""
    SERVICES[cls.interface] = cls
    return cls


def implementation(interface: str) -> type[Service]:
    """The registered class of an interface, or one all of whose operations are missing."""
    return SERVICES.get(interface) or _empty(interface)


@cache
def _empty(interface: str) -> type[Service]:
    generated = ice_class(interface)
    base = StatefulService if issubclass(generated, omero.api.StatefulServiceInterface) else Service
    return type(generated.__name__, (base,), {"interface": interface})


def servant(impl: Service, latency_ms: float = 0.0) -> Ice.Object:
    """The Ice servant that answers with the methods of `impl`, each call (ice_isA and the like too) after a while."""
    made = _servant_class(impl.interface)()
    made.impl = impl
    made.delay = latency_ms / 1000
    made.lock = threading.RLock() if impl.stateful else None
    return made


@cache
def _servant_class(interface: str) -> type:
    """A subclass of the generated class with every operation filled in (AMD or plain, as generated)."""
    generated = ice_class(interface)
    operations: dict[str, Callable] = {}
    for attribute in dir(generated):
        if attribute.startswith("_op_") and not attribute.startswith("_op_ice_"):
            name = attribute.removeprefix("_op_")
            amd = hasattr(generated, f"{name}_async")
            operations[f"{name}_async" if amd else name] = _amd(name) if amd else _plain(name)
    operations.update((name, _own(getattr(generated, name))) for name in ("ice_isA", "ice_ping", "ice_id", "ice_ids"))
    return type(f"{interface.rpartition('.')[2]}Servant", (generated,), operations)


def ice_class(interface: str) -> type:
    """The generated class for a dotted name.

    Raises omero.ApiUsageException when there is no such interface.
    """
    found: Any = {"omero": omero, "Glacier2": omero.clients.Glacier2}.get(interface.partition(".")[0])
    for part in interface.split(".")[1:]:
        found = getattr(found, part, None)
    if not (isinstance(found, type) and issubclass(found, Ice.Object)):
        raise omero.ApiUsageException(message=f"There is no service {interface}")
    return found


def _amd(name: str) -> Callable:
    def operation(self: Any, cb: Any, *arguments: Any) -> None:
        try:
            answer = _perform(self, name, arguments)
        except Exception as error:
            cb.ice_exception(error)
            return
        cb.ice_response(answer)  # Ice ignores the None of a void operation

    return operation


def _plain(name: str) -> Callable:
    def operation(self: Any, *arguments: Any) -> Any:
        return _perform(self, name, arguments)

    return operation


def _own(inherited: Callable) -> Callable:
    """An operation of every Ice object, which has no service behind it."""

    def operation(self: Any, *arguments: Any) -> Any:
        time.sleep(self.delay)
        return inherited(self, *arguments)

    return operation


def _perform(made: Any, name: str, arguments: tuple) -> Any:
    *values, current = arguments
    time.sleep(made.delay)  # before the lock: calls of one client wait side by side, as on a wire
    impl: Service = made.impl
    try:
        method = getattr(impl, name, None)
        if method is None:
            raise omero.ApiUsageException(message=f"{impl.interface}.{name} is not in this sandbox")
        call = impl.call(current)
        if made.lock is None:
            return method(call, *values)
        with made.lock:
            return method(call, *values)
    except Exception as error:
        raise translated(error, f"{impl.interface}.{name}") from error


def translated(error: Exception, operation: str) -> Exception:
    """What the client is told of an exception; whatever is no declared answer goes to the log with its traceback."""
    if isinstance(error, omero.ServerError):
        kind = type(error).__name__
        error.serverExceptionClass = error.serverExceptionClass or f"ome.conditions.{kind}"
        log.info("%s: %s: %s", operation, kind, error.message)
        return error
    if isinstance(error, Ice.Exception):
        return error
    log.exception("%s failed", operation)
    message = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, (psycopg2.IntegrityError, psycopg2.DataError)):
        return omero.ValidationException(str(error), "ome.conditions.ValidationException", message)
    return omero.InternalException(str(error), "ome.conditions.InternalException", f"{operation}: {message}")
