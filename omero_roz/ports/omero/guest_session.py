"""Sessions that are given away: whoever joined one elsewhere loses it when the work here ends."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from omero.model import SessionI
from omero.rtypes import rstring

import omero
from omero_roz.errors import Refused
from omero_roz.ports.omero.session import SUDO_IDLE_MS, OmeroSession, Ticket, omero_errors


@contextmanager
def guest_ticket(session: OmeroSession) -> Iterator[Ticket]:
    """The ticket to another session of the same user and group, which is ended with the context.

    Where the server gives none, the ticket to the session itself.
    """
    own = session.ticket
    with omero_errors("opening a session for the workers"):
        service, context = session.factory.getSessionService(), session.factory.getAdminService().getEventContext()
        try:
            uuid = service.createUserSession(0, SUDO_IDLE_MS, context.groupName).uuid.val
        except omero.SecurityViolation:
            uuid = own.uuid
    try:
        yield replace(own, uuid=uuid)
    finally:
        if uuid != own.uuid:
            _end(session, uuid)


def _end(session: OmeroSession, uuid: str) -> None:
    """Close a session however many have joined it: each of them counts."""
    given = SessionI()
    given.uuid = rstring(uuid)
    with suppress(Refused), omero_errors("ending the session of the workers"):
        service = session.factory.getSessionService()
        while service.closeSession(given) > 0:
            pass
