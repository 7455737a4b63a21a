"""ISession: sessions as objects; sudo; closing."""

import time
from typing import Any

from omero.model import SessionI

import omero
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.sessions import TIME_TO_IDLE
from omero_sandbox.users import USER_GROUP, User, find_user, group_id


@service
class SessionService(Service):
    """What clients may know of sessions, and how an administrator works as another user."""

    interface = "omero.api.ISession"

    def getSession(self, call: Call, uuid: str) -> SessionI:
        """One open session, whoever's it is: the uuid is as good as a password.

        Raises omero.RemovedSessionException when there is none, omero.SessionTimeoutException for one that has expired.
        """
        session = self.state.sessions.get(uuid)
        session.used = time.time()
        return session.as_object()

    def getReferenceCount(self, call: Call, uuid: str) -> int:
        """How often the session was opened and joined, less those that left."""
        return self.state.sessions.get(uuid).references

    def closeSession(self, call: Call, session: SessionI) -> int:
        """Let a session go once and return how often it is still held; by nobody it is closed (-2, and -1 after it)."""
        try:
            found = self.state.sessions.get(session.uuid.val)
        except omero.SessionException:
            return -1
        found.references -= 1
        if found.references > 0:
            return found.references
        self.state.sessions.close(found)
        return -2

    def createSessionWithTimeouts(self, call: Call, principal: Any, live: int, idle: int) -> SessionI:
        """Open a session for any user: for administrators, and in groups that the caller owns. Times in ms.

        Raises omero.AuthenticationException for unknown users and groups, omero.SecurityViolation for all others.
        """
        user, group = self._user_and_group(principal)
        if not call.caller.holds("Sudo") and group not in call.caller.leader_of:
            name = user.groups[group].name
            raise omero.SecurityViolation(message=f"Group sudo is not permitted for group {name} (gid={group})")
        return self._created(user, group, principal.eventType, live, idle, self.session.sudoer or call.caller.user_id)

    def _user_and_group(self, principal: Any) -> tuple[User, int]:
        with self.state.database.read() as cursor:
            user = find_user(cursor, principal.name)
        if user is None:
            raise omero.AuthenticationException(reason="Error creating session.")
        group = group_id(user, principal.group or str(user.default_group))
        if group is None or group == USER_GROUP:
            raise omero.AuthenticationException(reason="Error creating session.")
        return user, group

    def _created(self, user: User, group: int, event_type: str, live: int, idle: int, sudoer: int | None) -> SessionI:
        kind = event_type or "User"
        return self.state.sessions.create(user, group, event_type=kind, idle=idle, live=live, sudoer=sudoer).as_object()

    def createSessionWithTimeout(self, call: Call, principal: Any, live: int) -> SessionI:
        """The same with the server's idle time."""
        return self.createSessionWithTimeouts(call, principal, live, TIME_TO_IDLE)

    def createUserSession(self, call: Call, live: int, idle: int, group: str) -> SessionI:
        """Another session of the caller himself."""
        user, number = self._user_and_group(omero.sys.Principal(call.caller.user_name, group, "User"))
        return self._created(user, number, "User", live, idle, self.session.sudoer)

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
        _put(self.state.sessions.get(uuid).inputs, key, value)

    def getInput(self, call: Call, uuid: str, key: str) -> Any:
        """A value kept in a session, or None."""
        return self.state.sessions.get(uuid).inputs.get(key)

    def getInputKeys(self, call: Call, uuid: str) -> list[str]:
        """Names of the values kept."""
        return list(self.state.sessions.get(uuid).inputs)

    def getInputs(self, call: Call, uuid: str) -> dict[str, Any]:
        """Every value kept."""
        return dict(self.state.sessions.get(uuid).inputs)

    def setOutput(self, call: Call, uuid: str, key: str, value: Any) -> None:
        """The same for results."""
        _put(self.state.sessions.get(uuid).outputs, key, value)

    def getOutput(self, call: Call, uuid: str, key: str) -> Any:
        """A result, or None."""
        return self.state.sessions.get(uuid).outputs.get(key)

    def getOutputKeys(self, call: Call, uuid: str) -> list[str]:
        """Names of the results."""
        return list(self.state.sessions.get(uuid).outputs)

    def getOutputs(self, call: Call, uuid: str) -> dict[str, Any]:
        """Every result."""
        return dict(self.state.sessions.get(uuid).outputs)


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
