"""Users by their names."""

from omero_roz.errors import Refused
from omero_roz.fileset import Owner
from omero_roz.ports.omero.session import OmeroSession

_CALLED = """select e.id, m.parent.id from Experimenter e join e.groupExperimenterMap m
    where e.omeName = :name and m.parent.name not in ('user', 'guest') order by m.id"""


def owner_called(session: OmeroSession, name: str) -> Owner:
    """A user with the group that they log in to; Refused where there is no such user."""
    found = session.rows(_CALLED, f"looking for the user {name}", name=name)
    if not found:
        raise Refused("there is no such user with a group", name, "check the name")
    user, group = found[0]
    return Owner(user, name, group)
