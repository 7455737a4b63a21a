"""The means to change filesets of many owners: a session of each owner's, opened once."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from omero_roz.applying.means import Means, database_of
from omero_roz.applying.sweeping import sweep_along
from omero_roz.errors import UsageError
from omero_roz.fileset import Owner
from omero_roz.ports.database import Database
from omero_roz.ports.omero.session import OmeroSession, as_owner


class Owners:
    """Gives the means for each owner; `session` is the user's own, the database and repository are where there are."""

    def __init__(self, session: OmeroSession, database: Database | None, repository: Path | None) -> None:
        self.session, self.database, self.repository = session, database, repository
        self._means: dict[Owner, Means] = {}
        self._open = ExitStack()

    def means(self, owner: Owner, where: str) -> Means:
        """The means to change what is an owner's; raises Refused where the user may not."""
        if owner not in self._means:
            session = self._open.enter_context(as_owner(self.session, owner, where))
            self._means[owner] = Means(session, self.database, self.repository)
        return self._means[owner]

    def sweep(self) -> None:
        """Sweep what earlier commands have left of the owners for whom something was done."""
        for owner, means in self._means.items():
            sweep_along(means, owner)

    def close(self) -> None:
        """Close the sessions; the database is who opened it's."""
        self._open.close()


@contextmanager
def owners_for(session: OmeroSession, database: str | None, repository: str | None) -> Iterator[Owners]:
    """The means to change filesets, with the database at an address and the repository's directory.

    Raises UsageError where the one is given without the other.
    """
    if repository is not None and database is None:
        raise UsageError("files that are written there are registered by SQL", "--managed-repository", "give --db too")
    with database_of(session, database) as opened:
        owners = Owners(session, opened, Path(repository) if repository is not None else None)
        try:
            yield owners
        finally:
            owners.close()
