"""Process: a script that runs on a processor, as clients reach it, and the news of its end."""

from typing import Any

import Ice
from omero.grid import ProcessCallbackPrx

from omero_sandbox.services.base import Call, Service
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

CALLBACK_MS = 5_000


class RunningProcess(Service):
    """omero.grid.Process: the processor's process, and the clients that want to hear of its end."""

    interface = "omero.grid.Process"

    def __init__(self, state: State, session: Session, process: Any) -> None:
        super().__init__(state, session)
        self.process = process
        self._callbacks: dict[tuple[str, str], Any] = {}
        self._identity = Ice.Identity(f"Process-{Ice.generateUUID()}", session.uuid)
        self._events = _Events(state, session, self)

    def serve(self) -> Any:
        """Make it reachable for clients, and have the processor tell of its end."""
        self.process.registerCallback(self._events.serve())
        return self.state.serve(self, self._identity.name, self._identity.category)

    def withdraw(self) -> None:
        """Take it out; the process goes on."""
        self.state.withdraw(self._identity)
        self.state.withdraw(self._events.identity)

    def shut_down_later(self) -> None:
        """Tell the process to end (terminated, then killed), and do not wait for it."""
        try:
            self.process.ice_oneway().shutdown()
        except Ice.Exception:
            return  # its processor is gone, and the script with it

    def tell(self, method: str, value: Any) -> None:
        """Pass on what the processor tells."""
        for key, callback in list(self._callbacks.items()):
            try:
                getattr(callback, method)(value)
            except Ice.Exception:
                self._callbacks.pop(key, None)  # that client is gone

    def poll(self, call: Call) -> Any:
        """The exit code, or None."""
        return self.process.poll()

    def wait(self, call: Call) -> int:
        """The exit code, once there is one."""
        return int(self.process.wait())

    def cancel(self, call: Call) -> bool:
        """Send the script SIGTERM; whether it has ended already. Its job will be Cancelled."""
        return bool(self.process.cancel())

    def kill(self, call: Call) -> bool:
        """Send it and its children SIGKILL."""
        return bool(self.process.kill())

    def shutdown(self, call: Call) -> None:
        """Terminate it, and kill it if it lives on for half a minute."""
        self.process.shutdown()

    def registerCallback(self, call: Call, callback: Any) -> None:
        """Have a client told of the end."""
        identity = callback.ice_getIdentity()
        through = call.current.con.createProxy(identity).ice_invocationTimeout(CALLBACK_MS)
        self._callbacks[identity.category, identity.name] = ProcessCallbackPrx.uncheckedCast(through)

    def unregisterCallback(self, call: Call, callback: Any) -> None:
        """Tell that client no more."""
        identity = callback.ice_getIdentity()
        self._callbacks.pop((identity.category, identity.name), None)


class _Events(Service):
    """omero.grid.ProcessCallback: what the processor tells the server."""

    interface = "omero.grid.ProcessCallback"

    def __init__(self, state: State, session: Session, process: RunningProcess) -> None:
        super().__init__(state, session)
        self._process = process
        self.identity = Ice.Identity(Ice.generateUUID(), "ProcessEvents")

    def serve(self) -> Any:
        """Make it reachable for the processor."""
        return self.state.serve(self, self.identity.name, self.identity.category)

    def call(self, current: Ice.Current) -> Call:
        """Processors tell without a session."""
        return Call(self.session.caller_as_is(), current)

    def processFinished(self, call: Call, code: int) -> None:
        """It has ended."""
        self._process.tell("processFinished", code)

    def processCancelled(self, call: Call, ended: bool) -> None:
        """It was terminated."""
        self._process.tell("processCancelled", ended)

    def processKilled(self, call: Call, ended: bool) -> None:
        """It was killed."""
        self._process.tell("processKilled", ended)
