"""The Glacier2 router: the one object that a client knows before it is logged in."""

from typing import Any

import Glacier2
import Ice

import omero
from omero_sandbox.context import CLIENT, SESSION
from omero_sandbox.service_factory import ServiceFactory
from omero_sandbox.services.base import Call, Service
from omero_sandbox.sessions import Session
from omero_sandbox.state import State
from omero_sandbox.users import server_caller

IDENTITY = Ice.Identity("router", "OMERO.Glacier2")


class Router(Service):
    """Glacier2.Router: login, logout, and where the server is (facts/ice.md).

    All servants are in the router's own object adapter, so nothing is forwarded.
    """

    interface = "Glacier2.Router"

    def __init__(self, state: State) -> None:
        self.state = state

    def call(self, current: Ice.Current) -> Call:
        """Nobody is logged in yet: the server itself acts."""
        return Call(server_caller(), current)

    def getClientProxy(self, call: Call) -> None:
        """Clients reach all over this very connection."""

    def getServerProxy(self, call: Call) -> Any:
        """The router itself: its endpoints are the server's."""
        return self.state.adapter.createProxy(IDENTITY)

    def addProxies(self, call: Call, proxies: list) -> list:
        """Nothing to remember, nothing evicted."""
        return []

    def getCategoryForClient(self, call: Call) -> str:
        """The category of the client's callback identities."""
        return call.current.ctx.get(CLIENT, "client")

    def createSession(self, call: Call, user: str, password: str) -> Any:
        """Log in with name and password, or join with a session's uuid as both.

        Raises Glacier2.PermissionDeniedException.
        """
        context = call.current.ctx
        session = self.state.sessions.login(user, password, context)
        if session is None:
            raise Glacier2.PermissionDeniedException("Password check failed")
        client = context.get(CLIENT) or Ice.generateUUID()
        session.clients.append(client)
        factory = ServiceFactory(self.state, session, client)
        return self.state.serve(factory, session.uuid, f"session-{client}")

    def destroySession(self, call: Call) -> None:
        """End the client's part in its session; the session ends with its last client."""
        client = call.current.ctx.get(CLIENT, "")
        session = next((s for s in self.state.sessions.all() if client in s.clients), None)
        if session is None:
            raise Glacier2.SessionNotExistException()
        leave(self.state, session, client)

    def refreshSession(self, call: Call) -> None:
        """Keep the client's session from becoming idle."""
        try:
            self.state.sessions.get(call.current.ctx.get(SESSION, "")).caller()
        except omero.SessionException as error:
            raise Glacier2.SessionNotExistException() from error

    def getSessionTimeout(self, call: Call) -> int:
        """Seconds; clients keep their session alive themselves."""
        return 600

    def getACMTimeout(self, call: Call) -> int:
        """Seconds; 0: idle connections stay open."""
        return 0


def leave(state: State, session: Session, client: str) -> None:
    """Take out all that one client had; close the session when nobody holds it any more and none asked to keep it."""
    factory = state.find(session.uuid, f"session-{client}")
    keep = isinstance(factory, ServiceFactory) and factory.detached
    state.withdraw(Ice.Identity(session.uuid, f"session-{client}"))
    for name in state.served(session.uuid, client):
        state.withdraw(Ice.Identity(name, session.uuid))
    session.clients.remove(client)
    session.references -= 1
    if session.references < 1 and not keep:
        state.sessions.close(session)
