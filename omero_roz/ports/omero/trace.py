"""Every remote call, written down for a bug report (`OMERO_ROZ_TRACE=FILE`) or counted.

IcePy has no instrumentation. So the methods of Ice's generated proxy classes are wrapped, once it is asked for: every
proxy is of such a class, whoever made it and whichever thread calls it. No argument is written down but the text of a
query and the class of a request; of contexts only the keys, and which group it is.
"""

import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, wraps
from typing import Any

import Ice

from omero_roz.errors import UsageError
from omero_roz.shown import one_line, without_secrets

VARIABLE = "OMERO_ROZ_TRACE"
MOST = 300  # characters of a message or a query
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Call:
    """A remote call that has ended.

    `about` is the text of a query or the class of a request, `context` the keys of the context that it went with and
    `given` whether that was given with the call (it replaces the session's own); `began` and `ended` are of the clock
    `time.perf_counter`. `error` is class and message of what was raised.
    """

    service: str
    operation: str
    about: str
    context: tuple[str, ...]
    given: bool
    group: str
    began: float
    ended: float
    error: str = ""


Listener = Callable[[Call], None]
_listeners: list[Listener] = []
_lock = threading.RLock()


def watch() -> None:
    """Write down the calls from now on if the environment says so.

    Raises UsageError where the file that it names cannot be written.
    """
    with _lock:
        if file := os.environ.get(VARIABLE):
            _write_to(file)
        if _listeners:
            _wrap_all()  # classes of Slice files that were loaded meanwhile are new


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell every remote call of this process to a listener, in the thread that called."""
    with _lock:
        _listeners.append(listener)
        _wrap_all()
    try:
        yield
    finally:
        _listeners.remove(listener)


@cache
def _write_to(file: str) -> None:
    """Append a line for each call to a file that only the user can read."""
    try:
        number = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if stat.S_ISREG(os.fstat(number).st_mode):
            os.fchmod(number, 0o600)
    except OSError as error:
        raise UsageError(f"it cannot be written ({error.strerror})", f"{VARIABLE}={file}") from error
    origin = time.time() - time.perf_counter()

    def write(call: Call) -> None:
        with suppress(OSError):  # a full disk stops no work
            os.write(number, (_line(call, origin) + "\n").encode())  # one write: lines of several threads stay whole

    _listeners.append(write)


def _line(call: Call, origin: float) -> str:
    at = datetime.fromtimestamp(origin + call.began, UTC)
    told = {
        "at": at.isoformat(timespec="milliseconds"),
        "process": os.getpid(),
        "thread": threading.get_native_id(),
        "service": call.service,
        "operation": call.operation,
        "about": call.about,
        "context": list(call.context),
        "context given": call.given,
        "group": call.group,
        "ms": round(1000 * (call.ended - call.began), 3),
        "error": call.error,
    }
    return json.dumps({key: value for key, value in told.items() if value not in ("", None)}, ensure_ascii=False)


def _wrap_all() -> None:
    waiting = list(Ice.ObjectPrx.__subclasses__())
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if "_roz_traced" not in vars(one):
            one._roz_traced = True
            _wrap(one)


def _wrap(proxy_class: Any) -> None:
    own, service = dict(vars(proxy_class)), f"{proxy_class.__module__}.{proxy_class.__name__}".removesuffix("Prx")
    for name, function in own.items():
        if f"begin_{name}" in own or name.startswith("begin_"):
            # The context is the last parameter; it may be given by its place.
            setattr(proxy_class, name, _traced(function, service, name, function.__code__.co_argcount - 1))
    if "checkedCast" in own:  # asks the server
        cast = own["checkedCast"].__func__
        proxy_class.checkedCast = staticmethod(_traced(cast, service, "ice_isA", 2))


def _traced(function: Any, service: str, operation: str, place: int) -> Any:
    @wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        if not _listeners or not isinstance(values[0], Ice.ObjectPrx):  # a cast of None asks nobody
            return function(*values, **named)
        given = values[place] if len(values) > place else named.get("_ctx")
        error = ""
        began = time.perf_counter()
        try:
            return function(*values, **named)
        except BaseException as raised:
            error = _said(raised)
            raise
        finally:
            ended = time.perf_counter()
            context = _context(values[0], given)
            done = Call(
                service, operation, _about(service, values[1:]), tuple(sorted(context)), given is not None,
                context.get("omero.group", ""), began, ended, error,
            )  # fmt: skip
            for listener in tuple(_listeners):
                listener(done)

    return call


def _context(proxy: Any, given: dict[str, str] | None) -> dict[str, str]:
    """The context that a call went with: the given one, else the communicator's with the proxy's over it."""
    if given is not None:
        return given
    with suppress(Ice.Exception):  # the communicator was ended by this very call
        implicit = proxy.ice_getCommunicator().getImplicitContext()
        return (implicit.getContext() if implicit is not None else {}) | proxy.ice_getContext()
    return {}


def _about(service: str, values: tuple) -> str:
    """What a call is about, without what a user has typed: a query has its values apart."""
    first = values[0] if values else None
    if isinstance(first, str):
        return " ".join(first.split())[:MOST] if service == "omero.api.IQuery" else ""
    return type(first).__module__ + "." + type(first).__name__ if isinstance(first, Ice.Object) else ""


def _said(error: BaseException) -> str:
    """Class and message, without what opens a door: uuids of sessions, secrets in addresses."""
    text = getattr(error, "message", None) or getattr(error, "reason", None) or ""
    return one_line(f"{type(error).__module__}.{type(error).__qualname__}: {scrubbed(str(text))[:MOST]}".strip(": "))


def scrubbed(text: str) -> str:
    """A text on one line without uuids and the secrets of addresses."""
    return without_secrets(_UUID.sub("<uuid>", " ".join(text.split())))
