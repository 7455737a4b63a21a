"""How a change is made: a session of the owner's, and where there are the database and the repository's directory."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.change import Change
from omero_roz.errors import Refused
from omero_roz.fileset import Claim, Owner
from omero_roz.places import KNOWN, Place, claimed_top, default_top, is_top
from omero_roz.ports.database import Database
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.repository.disk import RepositoryDisk
from omero_roz.ports.repository.managed import ManagedRepository


@contextmanager
def database_of(session: OmeroSession, address: str | None) -> Iterator[Database | None]:
    """The database at an address, None without one; asked before anything else whether it is the session's.

    Raises UsageError for a wrong address, Refused where it is another server's, Unreachable where nothing answers.
    """
    if address is None:
        yield None
        return
    database = Database(address, lambda: session.database)
    try:
        database.check()
        yield database
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class Means:
    """How a change is made; `disks` keeps what was found of the repository, by the owner's directory and the group."""

    session: OmeroSession
    database: Database | None = None
    repository: Path | None = None
    disks: dict[tuple[str, int], RepositoryDisk] = field(default_factory=dict, compare=False)

    def top(self, owner: Owner, prefix: Claim) -> str:
        """The owner's own directory in the repository, in which what is made for them is put.

        It is called as OMERO calls it, unless OMERO says that it is not theirs: where it was configured otherwise, a
        fileset's template prefix shows how, and OMERO has the last word when something is made there.
        """
        default, claimed = default_top(owner), claimed_top(prefix)
        if claimed in (None, default) or not is_top(default):
            return claimed or default
        try:
            ManagedRepository(self.session, owner.group_id).make(f"{default}/{KNOWN}/")
        except Refused:
            return claimed
        return default

    def check_own(self, top: str, owner: Owner) -> None:
        """Raise Refused where a directory is not the owner's own, as OMERO shows by making one in it, or not.

        OMERO lets nobody make a directory below another's (facts: omero_replacement a) but administrators, whose own is
        known by its name.
        """
        if self.session.who.is_admin and top != default_top(owner):
            raise Refused("it is not the directory of the fileset's owner", top, "look at its template prefix")
        ManagedRepository(self.session, owner.group_id).make(f"{top}/{KNOWN}/")

    def disk(self, top: str, owner: Owner) -> RepositoryDisk:
        """The owner's own directory in the repository's. Looked at once.

        Raises Refused where it is another's, or the directory of another repository.
        """
        assert self.repository is not None
        if (top, owner.group_id) not in self.disks:
            self.check_own(top, owner)
            known = f"{top}/{KNOWN}/"
            if not (self.repository / known).is_dir():
                what = f"it has no {known}, which OMERO just made in its ManagedRepository"
                raise Refused(what, f"--managed-repository {self.repository}", "give that repository's directory")
            uuid = swap.repository_uuid(self.database, known) if self.database is not None else ""
            self.disks[top, owner.group_id] = RepositoryDisk(self.repository, uuid, top)
        return self.disks[top, owner.group_id]

    def places_used(self, places: Collection[Place]) -> set[Place]:
        """Those of the places in which a file of a fileset is registered: of all, or without the database of those
        that the user sees."""
        if self.database is not None:
            return swap.places_used(self.database, places)
        found = {path: place for place in places for path in place.registered_in}
        return {found[path] for path in Filesets(self.session).paths_used(list(found))}

    def apply(self, change: Change) -> int:
        """Do a change, through the database where there is one, else through OMERO's API; the fileset with the images.

        All of it or nothing: raises Refused where it cannot be done.
        """
        if self.database is None:
            return Filesets(self.session).apply(change)
        return swap.apply_one(self.database, change, self.session.who)
