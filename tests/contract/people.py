"""Users and groups of a test's own, on a server where others work beside."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from uuid import uuid4

import omero.clients
from omero.model import ExperimenterGroupI, ExperimenterI, PermissionsI
from omero.rtypes import rbool, rstring

import omero
from tests.support.accounts import empty, leave_directories
from tests.support.servers import Server


@dataclass(frozen=True)
class Person:
    """An ordinary user: name, password, id, and the group of the first login."""

    name: str
    password: str = field(repr=False)
    id: int
    group: int


class People:
    """Makes groups, users and their clients; `leave` closes the clients and takes away what the users made.

    Users and groups stay: sessions and events name them.
    """

    def __init__(self, server: Server, root: omero.clients.BaseClient) -> None:
        self._server, self._root = server, root
        self._open = ExitStack()
        self._groups: list[int] = []
        self._directories: list[str] = []

    def group(self, permissions: str = "rwra--") -> int:
        """A new group."""
        group = ExperimenterGroupI()
        group.name, group.ldap = rstring(f"contract-{uuid4().hex[:8]}"), rbool(False)
        group.details.permissions = PermissionsI(permissions)
        self._groups.append(self._root.sf.getAdminService().createGroup(group))
        return self._groups[-1]

    def name_of(self, group: int) -> str:
        """A group's name."""
        return str(self._root.sf.getAdminService().getGroup(group).name.val)

    def user(self, *groups: int) -> Person:
        """A new user in groups, the first of them for logging in; in a new group where none is named."""
        first, *others = groups or (self.group(),)
        name, password = f"contract-{uuid4().hex[:8]}", uuid4().hex
        admin = self._root.sf.getAdminService()
        user = ExperimenterI()
        user.omeName, user.firstName, user.lastName = rstring(name), rstring("Con"), rstring("Tract")
        user.ldap = rbool(False)
        everyone = admin.getSecurityRoles().userGroupId
        member = [ExperimenterGroupI(number, False) for number in (everyone, first, *others)]
        home = ExperimenterGroupI(first, False)
        number = admin.createExperimenterWithPassword(user, rstring(password), home, member)
        self._directories.append(f"{name}_{number}")
        return Person(name, password, number, first)

    def known(self, name: str, password: str, number: int) -> Person:
        """A user whom a test has made, whose data are the test's to take away."""
        return Person(name, password, number, self._root.sf.getAdminService().getDefaultGroup(number).id.val)

    def directory(self) -> str:
        """A new name at the root of the ManagedRepository, for a directory of root's."""
        self._directories.append(f"contract-{uuid4().hex[:8]}")
        return self._directories[-1]

    def login(self, person: Person) -> omero.clients.BaseClient:
        """A client of a user's, closed at the end."""
        return self._open.enter_context(self._server.client(person.name, person.password))

    def client(self, *groups: int) -> omero.clients.BaseClient:
        """A client of a new user's."""
        return self.login(self.user(*groups))

    def leave(self) -> None:
        """Close every client, delete what is in the groups, and the directories in the ManagedRepository."""
        with suppress(omero.ServerError):  # a test may have closed a session itself
            self._open.close()
        empty(self._root, self._groups)
        leave_directories(self._root, self._directories, self._server.repository)


def delete(client: omero.clients.BaseClient, targets: dict[str, list[int]], context: dict[str, str] | None = None):
    """Delete2; its response, omero.cmd.ERR included."""
    return ask(client, omero.cmd.Delete2(targetObjects=targets), context)


def ask(client: omero.clients.BaseClient, request: omero.cmd.Request, context: dict[str, str] | None = None):
    """Submit a request and wait up to a minute; its response, omero.cmd.ERR included."""
    handle = client.sf.submit(request, context) if context else client.sf.submit(request)
    callback = omero.callbacks.CmdCallbackI(client, handle)
    try:
        callback.loop(600, 100)
        return callback.getResponse()
    finally:
        callback.close(True)


def own_directory(client: omero.clients.BaseClient) -> str:
    """Where a user may make directories in the ManagedRepository, with the template that servers come with."""
    context = client.sf.getAdminService().getEventContext()
    return f"{context.userName}_{context.userId}"
