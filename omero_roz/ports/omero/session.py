"""The session with an OMERO server: who works, in which group, what the server answers when it refuses.

The other OMERO ports (filesets, new_images, planes, managed_repository) are given this one.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial

import Ice
import omero.clients
from omero.rtypes import rint, rlist, rlong, rstring, unwrap
from omero.sys import ParametersI

import omero
from omero_roz.errors import Refused, Unreachable
from omero_roz.fileset import Owner, ServersDatabase, Who
from omero_roz.ports.omero import limit, trace
from omero_roz.ports.omero.save_order import by_itself, to_save
from omero_roz.ports.omero.together import at_once, begun, once
from omero_roz.shown import one_line

ANY_GROUP = -1
SUDO_IDLE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """What another process needs to join a session; the session's uuid is as good as a password.

    `seconds` is how long a call may take.
    """

    host: str
    port: int
    uuid: str = field(repr=False)  # a task's arguments are shown where a cluster is looked at
    seconds: float = limit.NONE


class OmeroSession:
    """A logged-in omero.client, as the CLI or a script has it; closing it stays with them."""

    def __init__(self, client: omero.clients.BaseClient) -> None:
        trace.watch()
        self.client = client
        self.factory = client.getSession()

    @once
    def who(self) -> Who:
        """The user and the group in which the session works."""
        with omero_errors("asking who is logged in"):
            context = self.factory.getAdminService().getEventContext()
        return Who(context.userId, context.userName, context.groupId, bool(context.isAdmin), context.sessionId)

    @once
    def database(self) -> ServersDatabase:
        """How the server's database is told from any other."""
        with omero_errors("asking for the database's uuid"):
            uuid = self.factory.getConfigService().getDatabaseUuid()
        digest = hashlib.sha256(self.client.getSessionId().encode()).hexdigest()
        return ServersDatabase(uuid, self.who.session_id, digest)

    @once
    def _query(self):
        return self.factory.getQueryService()  # each asking for it is a call of its own

    @once
    def update(self):
        """IUpdate; what is saved goes through `save` and `save_batch`."""
        return self.factory.getUpdateService()

    @once
    def managed_repository(self):
        """The proxy of the ManagedRepository, which takes some calls to find."""
        with omero_errors("looking for the ManagedRepository"):
            known = self.factory.sharedResources().repositories().proxies
            cast = omero.grid.ManagedRepositoryPrx.checkedCast
            found = next(filter(None, at_once(*(partial(cast, one) for one in known if one is not None))), None)
        if found is None:
            raise Refused("this OMERO server shows no ManagedRepository", fix="ask its administrator")
        return found

    def prepare(self, database: bool = False) -> None:
        """Begin to ask for all that a change of a fileset takes; `database`: also which one is the server's."""
        begun(
            lambda: self.update, lambda: self.managed_repository, lambda: self.callback_category,
            lambda: self.database if database else self.who,
        )  # fmt: skip

    @once
    def callback_category(self) -> str:
        """What the router knows this client's own objects by: those that it is called back on."""
        return self.client.getCategory()

    @property
    def ticket(self) -> Ticket:
        """What another process joins this session with."""
        host, port = self.client.getProperty("omero.host"), self.client.getProperty("omero.port")
        return Ticket(host, int(port), self.client.getSessionId(), limit.seconds())

    @property
    def server(self) -> str:
        """HOST:PORT of the server."""
        return f"{self.client.getProperty('omero.host')}:{self.client.getProperty('omero.port')}"

    def group_context(self, group_id: int) -> dict[str, str]:
        """The call context for work in one group: the session's own with the group over it; every save needs one.

        A context that is given replaces Ice's implicit one, and the repository's servants take the session's and the
        client's uuid from it (facts: omero_replacement c, real_server P1).
        """
        return self.client.getContext(group_id)

    def objects(self, hql: str, what: str, group_id: int = ANY_GROUP, **values: object) -> list:
        """The omero.model objects that a query finds; `what` says in an error what was asked for.

        What refers to an abstract class (an annotation link, light settings) comes without its values unless the query
        fetches that too (facts: real_server P3): Refused, for what is not there must not be taken for empty.
        """
        with omero_errors(what):
            found = self._query.findAllByQuery(hql, _parameters(values), self.group_context(group_id))
        for one in found:
            if not one.isLoaded():
                where = f"{type(one).__name__.removesuffix('I')}:{one.id.val}"
                raise Refused("OMERO sent it without its values", where, "report it to omero-roz")
        return found

    def to_change(self, hql: str, what: str, group_id: int = ANY_GROUP, **values: object) -> list:
        """The same for a save: each by itself, without what OMERO sends along (save_order.by_itself)."""
        return [by_itself(one) for one in self.objects(hql, what, group_id, **values)]

    def rows(self, hql: str, what: str, group_id: int = ANY_GROUP, **values: object) -> list[list]:
        """The rows of a projection, as plain Python values.

        OMERO sends an empty row for a null where one column is selected (contract: test_loading).
        """
        with omero_errors(what):
            rows = self._query.projection(hql, _parameters(values), self.group_context(group_id))
        return [[unwrap(value) for value in row] or [None] for row in rows]

    def save(self, objects: Sequence, what: str, group_id: int) -> list[int]:
        """Save objects with all that hangs on them in one transaction; their ids, in the same order."""
        return [one.id.val for one in self.saved(objects, what, group_id)]

    def saved(self, objects: Sequence, what: str, group_id: int) -> list:
        """The same; the objects as OMERO sends them back, with the ids of all that hangs on them."""
        named = to_save(objects)
        with omero_errors(what):
            saved = self.update.saveAndReturnArray(named, self.group_context(group_id))
        made = {id(one): back for one, back in zip(named, saved, strict=True)}
        return [made.get(id(one), one) for one in objects]

    def save_batch(self, objects: Sequence, what: str, group_id: int) -> None:
        """The same without bringing the saved graph back, which costs as much again for large batches."""
        with omero_errors(what):
            self.update.saveArray(to_save(objects), self.group_context(group_id))


@cache
def join(ticket: Ticket) -> OmeroSession:
    """A session that another process began, joined once in this one and kept."""
    trace.watch()
    limit.set_limit(ticket.seconds)
    with omero_errors("joining the session"):
        client = limit.joined(ticket.uuid, ticket.host, ticket.port)
        client.enableKeepAlive(60)
    return OmeroSession(client)


@contextmanager
def as_owner(session: OmeroSession, owner: Owner, where: str) -> Iterator[OmeroSession]:
    """A session of an object's owner: the given one, or for an administrator one opened by sudo and closed at the end.

    What is made in it is the owner's, who could not delete an administrator's rows (facts: omero_replacement c).
    Raises Refused for anybody else; `where` is the object.
    """
    if session.who.user_id == owner.user_id:
        yield session
        return
    if not session.who.is_admin:
        what = f"it belongs to {owner.user_name}, and what is made for it has to be theirs"
        raise Refused(what, where, f"log in as {owner.user_name} or as an administrator")
    asked = "select g.name from ExperimenterGroup g where g.id = :id"
    [[group]] = session.rows(asked, f"reading {where}", id=owner.group_id)
    with omero_errors(f"working as {owner.user_name}"):
        principal = omero.sys.Principal(name=owner.user_name, group=group, eventType="User")
        made = session.factory.getSessionService().createSessionWithTimeouts(principal, 0, SUDO_IDLE_MS)
        client = limit.joined(made.uuid.val, session.client.getPropertyMap())
    try:
        client.enableKeepAlive(60)
        yield OmeroSession(client)
    finally:
        client.closeSession()


def _parameters(values: dict[str, object]) -> ParametersI:
    parameters = ParametersI()
    for name, value in values.items():
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
            parameters.add(name, rlist([rstring(v) for v in value]))
        elif isinstance(value, (list, tuple)):
            parameters.addLongs(name, [rlong(v) for v in value])
        elif isinstance(value, str):
            parameters.addString(name, value)
        elif name == "limit" and isinstance(value, int):
            parameters.page(rint(0), rint(value))
        else:
            parameters.addLong(name, value)
    return parameters


@contextmanager
def omero_errors(what: str) -> Iterator[None]:
    """Turn what the server or the connection raises into our errors; `what` was being done."""
    limit.check(what)
    try:
        yield
    except omero.SecurityViolation as error:
        raise Refused(f"not allowed ({said(error)})", what, "log in as the owner or in the right group") from error
    except (omero.RemovedSessionException, omero.SessionTimeoutException) as error:
        raise Unreachable(
            f"the OMERO session has ended ({said(error)})", what, "log in and repeat the command"
        ) from error
    except Ice.ObjectNotExistException as error:  # its services went with it
        raise Unreachable(
            "the OMERO session has ended (by a timeout, or closed elsewhere)", what, "log in and repeat the command"
        ) from error
    except omero.OptimisticLockException as error:
        raise Refused(
            "somebody else changed the same meanwhile", what, "look with omero roz status, then repeat"
        ) from error
    except omero.ServerError as error:
        raise Refused(f"OMERO refused ({said(error)})", what, "see the server's log for more") from error
    except Ice.InvocationTimeoutException as error:
        raise limit.exceeded(error, what) from error
    except (Ice.Exception, omero.ClientError) as error:
        fix = "check the connection and repeat the command"
        raise Unreachable(f"no answer from OMERO ({said(error)})", what, fix) from error


def said(error: Exception) -> str:
    """What an OMERO or Ice exception says, on one line and without its stack trace."""
    text = getattr(error, "message", None) or getattr(error, "reason", None) or type(error).__name__
    return one_line(" ".join(str(text).split())[:300])
