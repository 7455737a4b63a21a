"""Sessions: who is logged in, with which group, for how long, and over how many clients."""

import threading
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import Ice
import omero.clients
from omero.model import ExperimenterGroupI, ExperimenterI, NodeI, PermissionsI, SessionI
from omero.rtypes import rint, rlong, rstring, rtime

import omero
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.model.privileges import PRIVILEGES
from omero_sandbox.users import USER_GROUP, User, check_password, find_user, group_id, load_user, server_caller

if TYPE_CHECKING:
    from omero_sandbox.state import State

TIME_TO_IDLE = 600_000
NEVER = 0
# omero.sessions.sync_interval of a real server: how late open sessions hear of memberships, and expired ones go.
SYNC_SECONDS = 120.0
PRIVILEGES_SECONDS = 60.0  # how long a real server remembers what a restricted administrator may do
PROCESSING = "Processing"  # the event type of scripts' sessions


@dataclass
class Session:
    """One login. `clients`: uuids of the clients that created or joined it; times in ms, 0 is never.

    `references`: how often it was opened and joined, less those that left. What groups the user is in is looked up when
    the session begins, and again by `refresh`.
    """

    sessions: "Sessions"
    id: int
    uuid: str
    user_id: int
    group_id: int
    event_type: str = "User"
    time_to_idle: int = TIME_TO_IDLE
    time_to_live: int = NEVER
    agent: str | None = None
    sudoer: int | None = None
    started: float = field(default_factory=time.time)
    used: float = field(default_factory=time.time)
    clients: list[str] = field(default_factory=list)
    references: int = 1
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    _groups: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    _withheld: tuple[float, frozenset[str]] = (0.0, frozenset())

    def refresh(self) -> None:
        """Look up which groups the user is in now."""
        user = self.sessions.user(self.user_id)
        self._groups = user.member_of, user.leader_of

    @property
    def user(self) -> User:
        """The user, with the groups of the last look."""
        member_of, leader_of = self._groups
        return replace(self.sessions.user(self.user_id), member_of=member_of, leader_of=leader_of)

    def caller(self, context: dict[str, str] | None = None) -> Caller:
        """Who calls, in the group that the call context names or else the session's.

        Raises omero.RemovedSessionException when the session was closed, omero.SessionTimeoutException when it was not
        used for too long, omero.SecurityViolation when the user may not work in the group.
        """
        self.require_open()
        self.used = time.time()
        user = self.user
        group = self.group_id
        asked = (context or {}).get("omero.group", "")
        if asked:
            found = group_id(user, asked)
            if found is None:
                raise omero.SecurityViolation(message=f"Group {asked} does not exist")
            group = found
        if group != ALL_GROUPS and group not in user.member_of and not user.is_admin:
            raise omero.SecurityViolation(message=f"User {user.id} is not a member of group {group} and cannot login")
        return self._caller(user, group)

    def require_open(self) -> None:
        """Refuse a session that was closed or has expired."""
        if self.closed:
            raise omero.RemovedSessionException(message=f"No context for {self.uuid}")
        if over := self._expired():
            name, setting, exceeded = over
            raise omero.SessionTimeoutException(
                message=f"Session (started={_timestamp(self.started)}, last access={_timestamp(self.used)}) "
                f"exceeded {name} ({setting}) by {exceeded} ms"
            )

    def caller_as_is(self) -> Caller:
        """The session's user in its group, without using the session."""
        return self._caller(self.user, self.group_id)

    def _caller(self, user: User, group: int) -> Caller:
        name = user.groups[group].name if group in user.groups else ""
        return Caller(
            self.id, self.uuid, user.id, user.name, group, name, user.is_admin, user.member_of, user.leader_of,
            self.withheld,
        )  # fmt: skip

    @property
    def withheld(self) -> frozenset[str]:
        """The privileges that the user lacks as an administrator; with sudo, those too that the other one lacks."""
        looked, lacking = self._withheld
        if time.time() - looked > PRIVILEGES_SECONDS:
            lacking = self.sessions.user(self.user_id).withheld
            if self.sudoer is not None:
                lacking |= self.sessions.user(self.sudoer).withheld
            self._withheld = time.time(), lacking
        return lacking

    def event_context(self, caller: Caller) -> Any:
        """The omero.sys.EventContext of a call."""
        group = self.user.groups.get(caller.group_id)
        return omero.sys.EventContext(
            shareId=-1, sessionId=self.id, sessionUuid=self.uuid,
            userId=caller.user_id, userName=caller.user_name, groupId=caller.group_id, groupName=caller.group_name,
            sudoerId=None if self.sudoer is None else rlong(self.sudoer),
            sudoerName=None if self.sudoer is None else rstring(self.sessions.user(self.sudoer).name),
            isAdmin=caller.is_admin, adminPrivileges=sorted(set(PRIVILEGES) - self.withheld) if caller.is_admin else [],
            eventId=-1, eventType=self.event_type,
            memberOfGroups=sorted(caller.member_of), leaderOfGroups=sorted(caller.leader_of),
            groupPermissions=omero.model.PermissionsI(group.permissions if group else -1),
        )  # fmt: skip

    def as_object(self) -> SessionI:
        """The session as clients see it."""
        made = SessionI(self.id, True)
        made.uuid = rstring(self.uuid)
        made.owner = ExperimenterI(self.user_id, False)
        made.sudoer = None if self.sudoer is None else ExperimenterI(self.sudoer, False)
        made.node = NodeI(self.sessions.node_id, False)
        made.timeToIdle, made.timeToLive = rlong(self.time_to_idle), rlong(self.time_to_live)
        made.started, made.closed = rtime(int(self.started * 1000)), None
        made.defaultEventType, made.message = rstring(self.event_type), rstring("Initial message.")
        made.userAgent = None if self.agent is None else rstring(self.agent)
        made.version = rint(0)
        details = made.details
        details.owner = ExperimenterI(self.user_id, False)
        details.group = ExperimenterGroupI(self.group_id, False)
        details.permissions = PermissionsI(-52)
        return made

    def _expired(self) -> tuple[str, int, int] | None:
        """Which limit was exceeded, the limit and by how many ms; None while the session may live."""
        now = time.time()
        limits = (("timeToLive", self.time_to_live, self.started), ("timeToIdle", self.time_to_idle, self.used))
        for name, limit, since in limits:
            exceeded = int((now - since) * 1000) - limit
            if limit and exceeded > 0:
                return name, limit, exceeded
        return None

    def to_be_reaped(self) -> bool:
        """Whether it has expired long ago; a script's ends at once."""
        over = self._expired()
        return over is not None and (self.event_type == PROCESSING or over[2] > SYNC_SECONDS * 1000)


def _timestamp(moment: float) -> str:
    return str(datetime.fromtimestamp(moment))[:-3]


class Sessions:
    """Every open session of this server, by uuid."""

    def __init__(self, state: "State") -> None:
        self._state = state
        self._open: dict[str, Session] = {}
        self._users: dict[int, User] = {}
        self._changed: float | None = None
        self._lock = threading.Lock()

    @property
    def node_id(self) -> int:
        """The row of the server's start that the sessions belong to."""
        return self._state.node_id

    def user(self, user_id: int) -> User:
        """A user with his groups, remembered until `changed`."""
        user = self._users.get(user_id)
        if user is None:
            with self._state.database.read() as cursor:
                user = self._users[user_id] = load_user(cursor, user_id)
        return user

    def changed(self) -> None:
        """Users or groups were changed: read them anew; open sessions hear of it at the next `sync`."""
        self._users.clear()
        self._changed = self._changed or time.time()

    def get(self, session_uuid: str) -> Session:
        """An open session.

        Raises omero.RemovedSessionException when there is none, omero.SessionTimeoutException for an expired one.
        """
        session = self._open.get(session_uuid)
        if session is None:
            raise omero.RemovedSessionException(message=f"No context for {session_uuid}")
        session.require_open()
        return session

    def all(self) -> list[Session]:
        """Every open session."""
        with self._lock:
            return list(self._open.values())

    def login(self, name: str, password: str, context: dict[str, str]) -> Session | None:
        """Join the session whose uuid is given as name and password, or make one for a user; None when refused.

        Raises omero.WrappedCreateSessionException for a user without a group, an unknown group, an expired session. In
        a group that the user is not in a session is made, but no call of it succeeds.
        """
        if name == password and name in self._open:
            try:
                joined = self.get(name)
            except omero.SessionTimeoutException as error:  # a real server then takes it for a user's name
                raise cannot_create(f"Can't find default group for {name}") from error
            joined.references += 1
            return joined
        with self._state.database.read() as cursor:
            user = find_user(cursor, name)
            if user is None or not check_password(cursor, user.id, password):
                return None
        asked = context.get("omero.group", "")
        group = group_id(user, asked or str(user.default_group))
        if group is None:
            raise cannot_create(f"No such group: {asked}")
        if group == USER_GROUP:
            raise cannot_create(f"Can't find default group for {name}")
        return self.create(user, group, agent=context.get("omero.agent"), ip=context.get("omero.ip"))

    def create(
        self,
        user: User,
        group: int,
        *,
        event_type: str = "User",
        idle: int = TIME_TO_IDLE,
        live: int = NEVER,
        agent: str | None = None,
        ip: str | None = None,
        sudoer: int | None = None,
    ) -> Session:
        """Make a session with its row in the database."""
        name = str(uuid.uuid4())
        with self._state.database.write(server_caller(), "Sessions") as tx:
            (number,) = tx.next_ids("session", 1)
            tx.cursor.execute(
                "INSERT INTO session (id, permissions, uuid, owner, sudoer, node, started, timetoidle, timetolive,"
                " defaulteventtype, useragent, userip, message, version)"
                " VALUES (%s, -52, %s, %s, %s, %s, now(), %s, %s, %s, %s, %s, 'Initial message.', 0)",
                (number, name, user.id, sudoer, self._state.node_id, idle, live, event_type, agent, ip),
            )
        session = Session(self, number, name, user.id, group, event_type, idle, live, agent, sudoer)
        session.refresh()
        with self._lock:
            self._open[name] = session
        return session

    def close(self, session: Session) -> None:
        """End a session for all its clients: stateful services are released, its row gets its end."""
        with self._lock:
            if self._open.pop(session.uuid, None) is None:
                return
        session.closed = True
        for name in self._state.served(session.uuid):
            self._state.withdraw(Ice.Identity(name, session.uuid))
        with self._state.database.write(server_caller(), "Sessions") as tx:
            tx.cursor.execute("UPDATE session SET closed = now() WHERE id = %s", (session.id,))

    def sync(self) -> None:
        """Close what has expired; a while after users or groups were changed let every session know."""
        for session in self.all():
            if session.to_be_reaped():
                self.close(session)
        if self._changed is not None and time.time() - self._changed > SYNC_SECONDS:
            self._changed = None
            for session in self.all():
                session.refresh()


def cannot_create(reason: str) -> omero.WrappedCreateSessionException:
    """What a client is told when its login is in order but no session can be made for it."""
    return omero.WrappedCreateSessionException(reason, False, -1, "ome.conditions.ApiUsageException")
