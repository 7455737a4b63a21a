"""How a change is made: a session of the owner's, and where there are the database and the repository's directory."""

from dataclasses import dataclass, field
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.change import Change
from omero_roz.errors import Refused
from omero_roz.ports.database import Database
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.repository.disk import KNOWN, RepositoryDisk
from omero_roz.ports.repository.managed import ManagedRepository


@dataclass(frozen=True, slots=True)
class Means:
    """How a change is made; `disks` keeps what was found of the repository, by the owner's directory and the group."""

    session: OmeroSession
    database: Database | None = None
    repository: Path | None = None
    disks: dict[tuple[str, int], RepositoryDisk] = field(default_factory=dict, compare=False)

    def disk(self, top: str, group_id: int) -> RepositoryDisk:
        """The repository's directory, after OMERO has shown by making one in it that it is the right one.

        `top` is the user's own directory in it. Asked for once. Raises Refused where it is another.
        """
        assert self.database is not None and self.repository is not None
        if (top, group_id) not in self.disks:
            known = f"{top}/{KNOWN}/"
            ManagedRepository(self.session, group_id).make(known)
            if not (self.repository / known).is_dir():
                what = f"it has no {known}, which OMERO just made in its ManagedRepository"
                raise Refused(what, f"--managed-repository {self.repository}", "give that repository's directory")
            uuid = swap.repository_uuid(self.database, known)
            self.disks[top, group_id] = RepositoryDisk(self.repository, uuid)
        return self.disks[top, group_id]

    def apply(self, change: Change) -> int:
        """Do a change, through the database where there is one, else through OMERO's API; the fileset with the images.

        All of it or nothing: raises Refused where it cannot be done.
        """
        if self.database is None:
            return Filesets(self.session).apply(change)
        return swap.apply_one(self.database, change, self.session.who)
