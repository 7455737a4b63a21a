"""Where the repository is that shadows for the binding `zarr-reader` are written to."""

from pathlib import Path

from omero_roz.errors import Refused
from omero_roz.ports.database import Database
from omero_roz.ports.managed_repository import ManagedRepository
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.ports.repository_disk import KNOWN, RepositoryDisk
from omero_roz.replace import swap


def repository_disk(session: OmeroSession, database: Database, root: Path, top: str, group_id: int) -> RepositoryDisk:
    """The repository's directory, after OMERO has shown by making one in it that it is the right one.

    `top` is the user's own directory in it. Raises Refused where it is another.
    """
    known = f"{top}/{KNOWN}/"
    ManagedRepository(session, group_id).make(known)
    if not (root / known).is_dir():
        what = f"it has no {known}, which OMERO just made in its ManagedRepository"
        raise Refused(what, f"--managed-repository {root}", "give that repository's directory")
    return RepositoryDisk(root, swap.repository_uuid(database, known))
