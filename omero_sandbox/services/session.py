"""ISession: sessions as objects; sudo; closing."""

from typing import Any

from omero.model import SessionI

import omero
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.sessions import TIME_TO_IDLE, Session
from omero_sandbox.users import find_user, group_id


@service
class SessionService(Service):
    """What clients may know of sessions, and how an administrator works as another user."""

    interface = "omero.api.ISession"

    def getSession(self, call: Call, uuid: str) -> SessionI:
        """One open session.

        Raises omero.RemovedSessionException when there is none; omero.SecurityViolation for another user's.
        """
        return self._find(call, uuid).as_object()

    def _find(self, call: Call, uuid: str) -> Session:
        session = self.state.sessions.get(uuid)
        if session is None:
            raise omero.RemovedSessionException(message=f"No session with uuid:{uuid}")
        if session.user_id != call.caller.user_id and not call.caller.holds("ReadSession"):
            raise omero.SecurityViolation(message=f"Session {uuid} is of another user")
        return session

    def getReferenceCount(self, call: Call, uuid: str) -> int:
        """How many clients the session has."""
        return len(self._find(call, uuid).clients)

    def closeSession(self, call: Call, session: SessionI) -> int:
        """Take one client off a session and return how many are left; without any left it is closed (-2).

        Raises omero.RemovedSessionException when it is closed already.
        """
        found = self._find(call, session.uuid.val)
        if len(found.clients) > 1:
            found.clients.pop()
            return len(found.clients)
        self.state.sessions.close(found)
        return -2

    def createSessionWithTimeouts(self, call: Call, principal: Any, live: int, idle: int) -> SessionI:
        """Open a session for any user; only for administrators, and for one's own name. Times in ms.

        Raises omero.ValidationException for unknown users and groups, omero.SecurityViolation for all others.
        """
        with self.state.database.read() as cursor:
            user = find_user(cursor, principal.name)
        if user is None:
            raise omero.ValidationException(message=f"No such user: {principal.name}")
        if not call.caller.holds("Sudo") and user.id != call.caller.user_id:
            raise omero.SecurityViolation(message="Only administrators with the privilege Sudo may work as others")
        group = group_id(user, principal.group or str(user.default_group))
        if group is None or (group not in user.member_of and not user.is_admin):
            raise omero.ValidationException(message=f"User {user.name} is not in group {principal.group}")
        sudoer = self.session.sudoer if user.id == call.caller.user_id else call.caller.user_id
        made = self.state.sessions.create(
            user, group, event_type=principal.eventType or "User", idle=idle, live=live, sudoer=sudoer
        )
        return made.as_object()

    def createSessionWithTimeout(self, call: Call, principal: Any, live: int) -> SessionI:
        """The same with the server's idle time."""
        return self.createSessionWithTimeouts(call, principal, live, TIME_TO_IDLE)

    def createUserSession(self, call: Call, live: int, idle: int, group: str) -> SessionI:
        """Another session of the caller himself."""
        principal = omero.sys.Principal(call.caller.user_name, group or call.caller.group_name, "User")
        return self.createSessionWithTimeouts(call, principal, live, idle)

    def getMyOpenSessions(self, call: Call) -> list[SessionI]:
        """Every open session of the caller."""
        return [s.as_object() for s in self.state.sessions.all() if s.user_id == call.caller.user_id]

    def getMyOpenAgentSessions(self, call: Call, agent: str) -> list[SessionI]:
        """Those that were opened by one kind of client."""
        mine = (s for s in self.state.sessions.all() if s.user_id == call.caller.user_id)
        return [s.as_object() for s in mine if s.agent == agent]

    def getMyOpenClientSessions(self, call: Call) -> list[SessionI]:
        """Those that were opened by any client."""
        return self.getMyOpenSessions(call)

    def setInput(self, call: Call, uuid: str, key: str, value: Any) -> None:
        """Keep a value in a session; None takes it out."""
        _put(self._find(call, uuid).inputs, key, value)

    def getInput(self, call: Call, uuid: str, key: str) -> Any:
        """A value kept in a session, or None."""
        return self._find(call, uuid).inputs.get(key)

    def getInputKeys(self, call: Call, uuid: str) -> list[str]:
        """Names of the values kept."""
        return list(self._find(call, uuid).inputs)

    def getInputs(self, call: Call, uuid: str) -> dict[str, Any]:
        """Every value kept."""
        return dict(self._find(call, uuid).inputs)

    def setOutput(self, call: Call, uuid: str, key: str, value: Any) -> None:
        """The same for results."""
        _put(self._find(call, uuid).outputs, key, value)

    def getOutput(self, call: Call, uuid: str, key: str) -> Any:
        """A result, or None."""
        return self._find(call, uuid).outputs.get(key)

    def getOutputKeys(self, call: Call, uuid: str) -> list[str]:
        """Names of the results."""
        return list(self._find(call, uuid).outputs)

    def getOutputs(self, call: Call, uuid: str) -> dict[str, Any]:
        """Every result."""
        return dict(self._find(call, uuid).outputs)


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
