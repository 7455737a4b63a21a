"""How long a call to OMERO may take (`--timeout`): one that does not come back ends the work.

Ice by itself waits for ever. What such a call was to do may still be done, at any time: so nothing is asked of the
server any more, what was going on is left as after a kill, and the same command finds out.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import Ice
import omero.clients

import omero
from omero_roz.errors import Unreachable

NONE = 0.0  # seconds: no limit
_NOT_CONNECTED = "null object prox"  # what omero.client says after three connections of five seconds
CLOSE_MS = 500  # for what ends a connection to a server that does not answer
_MOST_MS = 2**31 - 1
_FIX = "see whether the server is well, then repeat the command; --timeout gives a call longer"


@dataclass(slots=True)
class _Limit:
    """The limit of this process, the server that is spoken to, and what is said once it did not answer in time."""

    seconds: float = NONE
    server: str = "the server"
    gave_up: str = ""

    def give_up(self, error: Exception) -> None:
        exceeded = isinstance(error, Ice.InvocationTimeoutException)  # else omero.client's own limits for connecting
        self.gave_up = f"no answer from OMERO at {self.server}" + (f" within {self.seconds:g} s" if exceeded else "")


class _NoLogin(BaseException):
    """The server does not answer a login. No Exception: OMERO's login takes those for a session that has ended, forgets
    it and asks for a password."""


_limit = _Limit()


class Client(omero.clients.BaseClient):
    """An omero.client whose calls end after the time that is set (Ice.InvocationTimeoutException)."""

    def _initData(self, id: Any) -> None:
        set_property = id.properties.setProperty
        if _limit.seconds:
            set_property("Ice.Default.InvocationTimeout", str(min(math.ceil(1000 * _limit.seconds), _MOST_MS)))
            set_property("Ice.Override.CloseTimeout", str(CLOSE_MS))  # else a minute
        super()._initData(id)

    def createSession(self, username: Any = None, password: Any = None) -> Any:
        """As omero.client's; a server that does not answer is heard of by `logging_in`."""
        _limit.server = f"{self.getProperty('omero.host')}:{self.getProperty('omero.port')}"
        try:
            return super().createSession(username, password)
        except (Ice.TimeoutException, omero.ClientError) as error:
            if isinstance(error, omero.ClientError) and _NOT_CONNECTED not in str(error):
                raise
            _limit.give_up(error)
            raise _NoLogin from error

    def getRouter(self, comm: Any) -> Any:
        """As omero.client's; it is what the end of a session is asked of."""
        router = super().getRouter(comm)
        return router.ice_invocationTimeout(CLOSE_MS) if _limit.gave_up else router

    def closeSession(self) -> None:
        """As omero.client's; a server that does not answer is left to itself."""
        with suppress(Ice.TimeoutException):
            super().closeSession()


@contextmanager
def logging_in(seconds: float) -> Iterator[None]:
    """Have the client that OMERO's own login makes be of the class above, with a limit for all its calls.

    Raises Unreachable where the login itself takes longer.
    """
    set_limit(seconds)
    usual, omero.client = omero.client, Client
    log = logging.getLogger("omero.client")  # it tells of each try
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with _answered("logging in"):
            yield
    finally:
        omero.client = usual
        log.setLevel(level)


def joined(uuid: str, *where: Any) -> Client:
    """A client, as omero.client takes it, that has joined a session; raises Unreachable as `logging_in` does."""
    client = Client(*where)
    with _answered("joining the session"):
        client.joinSession(uuid)
    return client


def seconds() -> float:
    """The limit of this process."""
    return _limit.seconds


def set_limit(seconds: float) -> None:
    """Give the clients that are made from now on a limit."""
    global _limit
    _limit = _Limit(seconds)


def check(what: str) -> None:
    """Raises Unreachable where the server has let a call wait too long; `what` was to be done next."""
    if _limit.gave_up:
        raise Unreachable(_limit.gave_up, what, _FIX)


def exceeded(error: Ice.InvocationTimeoutException, what: str) -> Unreachable:
    """What is said of a call that did not come back; nothing more is asked then."""
    _limit.give_up(error)
    return Unreachable(_limit.gave_up, what, _FIX)


@contextmanager
def _answered(what: str) -> Iterator[None]:
    try:
        yield
    except _NoLogin as error:
        raise Unreachable(_limit.gave_up, what, _FIX) from error
