"""Commands (omero.cmd): a request is submitted, works in a thread, and its Handle says how it goes."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import Ice
from omero.cmd import ERR, CmdCallbackPrx, GraphException, Request, Status
from omero.cmd import State as Flag

from omero_sandbox.context import Caller
from omero_sandbox.services.base import Call, Service

if TYPE_CHECKING:
    from omero_sandbox.sessions import Session
    from omero_sandbox.state import State

log = logging.getLogger(__name__)
CALLBACK_MS = 5_000

# A command does its work and returns the response; it calls handle.step(n) before its n-th step.
Command = Callable[["State", "Session", Caller, Any, "Handle"], Any]
COMMANDS: dict[str, Command] = {}


class CommandError(Exception):
    """A command's failure as the client gets it: `name` and the parameters of an omero.cmd.ERR."""

    def __init__(self, name: str, message: str, **parameters: str) -> None:
        super().__init__(message)
        self.name = name
        self.parameters = {"message": message, **parameters}


class GraphError(CommandError):
    """A graph that cannot be treated as wanted: an omero.cmd.GraphException, whose text is not among the parameters."""

    def __init__(self, message: str) -> None:
        super().__init__("graph-fail", "")
        self.message = message


def command(request: Any) -> Callable[[Command], Command]:
    """Register what does a request's work."""

    def register(function: Command) -> Command:
        COMMANDS[request.ice_staticId()] = function
        return function

    return register


def submit(state: "State", session: "Session", client: str, call: Call, request: Any) -> Any:
    """Start a command and return the proxy of its Handle; an unknown request ends at once with an ERR that names it."""
    request = request or Request()  # none at all is an unknown one too
    handle = Handle(state, session, request)
    proxy = handle.serve(client)
    handle.start(lambda: run(state, session, call.caller, request, handle))
    return proxy


def run(state: "State", session: "Session", caller: Caller, request: Any, handle: "Handle") -> Any:
    """Do a request's work and return the response.

    Raises CommandError for a request that the sandbox does not know (submit itself may raise nothing: its interface
    declares no exceptions), and whatever the command raises.
    """
    name = request.ice_id()
    if name not in COMMANDS:
        raise CommandError("unknown-request", f"{name} is not in this sandbox")
    return COMMANDS[name](state, session, caller, request, handle)


class Handle(Service):
    """omero.cmd.Handle of one running or finished command."""

    interface = "omero.cmd.Handle"

    def __init__(self, state: "State", session: "Session", request: Any, steps: int = 1) -> None:
        super().__init__(state, session)
        self.request = request
        self.status = Status(category=request.ice_id(), name="", flags=[], parameters={}, steps=steps)
        self.status.startTime = _now()
        self.response: Any = None
        self._callbacks: dict[tuple[str, str], Any] = {}

    def serve(self, client: str) -> Any:
        """Make the handle reachable for its client."""
        self.identity = Ice.Identity(f"{client}IHandle{Ice.generateUUID()}", self.session.uuid)
        return self.state.serve(self, self.identity.name, self.identity.category)

    def start(self, work: Callable[[], Any]) -> None:
        """Do the work in a thread of the server's; whatever it raises becomes the ERR that the client gets."""
        self.state.workers.submit(self._run, work).add_done_callback(_log_lost)

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            response = work()
            self.status.flags.append(Flag.SUCCESS)
        except Exception as error:
            response = self._failed(error)
        self.status.stopTime = _now()
        self.response = response
        self._tell(lambda callback: callback.finished(response, self.status))

    def _failed(self, error: Exception) -> ERR:
        self.status.flags.append(Flag.FAILURE)
        category = self.request.ice_id()
        if isinstance(error, GraphError):
            return GraphException(category, error.name, error.parameters, error.message)
        if isinstance(error, CommandError):
            return ERR(category, error.name, error.parameters)
        log.exception("%s failed", category)
        message = getattr(error, "message", "") or str(error)
        return ERR(category, type(error).__name__, {"message": message})

    def step(self, number: int) -> None:
        """Say that the work is at its n-th step."""
        self.status.currentStep = number
        self._tell(lambda callback: callback.step(number, self.status.steps))

    def _tell(self, tell: Callable[[Any], None]) -> None:
        for key, callback in list(self._callbacks.items()):
            try:
                tell(callback)
            except Ice.Exception:
                self._callbacks.pop(key, None)  # that client is gone

    def addCallback(self, call: Call, callback: Any) -> None:
        """Have a client told of steps and the end (it asks for a response that is there already by itself)."""
        identity = callback.ice_getIdentity()
        through = call.current.con.createProxy(identity).ice_invocationTimeout(CALLBACK_MS)
        self._callbacks[identity.category, identity.name] = CmdCallbackPrx.uncheckedCast(through)

    def removeCallback(self, call: Call, callback: Any) -> None:
        """Tell that client no more."""
        identity = callback.ice_getIdentity()
        self._callbacks.pop((identity.category, identity.name), None)

    def getRequest(self, call: Call) -> Any:
        """What was asked for."""
        return self.request

    def getResponse(self, call: Call) -> Any:
        """What came of it; None while it works."""
        return self.response

    def getStatus(self, call: Call) -> Any:
        """How far it is."""
        return self.status

    def cancel(self, call: Call) -> bool:
        """Whether the command could be stopped: no command here can."""
        return False

    def close(self, call: Call) -> None:
        """Forget the handle; the work goes on."""
        self.state.withdraw(self.identity)


def _log_lost(future: Future) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("a command's end was not told", exc_info=error)


def _now() -> int:
    return int(time.time() * 1000)
