"""Shadows for the binding `zarr-reader`: where the repository is, and the last step of an import with that binding."""

from datetime import UTC, datetime
from pathlib import Path

from omero_roz.binding import zarr_reader
from omero_roz.change import Change, Move, Reading
from omero_roz.errors import Refused, Unreachable
from omero_roz.fileset import Fileset
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.database import Database
from omero_roz.ports.managed_repository import ManagedRepository
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.ports.repository_disk import KNOWN, SHADOWS, RepositoryDisk, check_source
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


def bind_to_shadows(
    session: OmeroSession, database: Database, repository: Path, fileset: Fileset, pairs: tuple[Pair, ...],
    store: Store, root: str,
) -> None:  # fmt: skip
    """Let the server read the images of a fileset through shadows; they stay in it, and it gets the shadows' files.

    For images that were just imported: every image of the fileset is among the `pairs`; `root` is the Zarr as the
    server sees it. One transaction, after the files. Raises Refused where the reader could not open the Zarr, or an
    image is not as it was read; nothing is then changed.
    """
    check_source(Path(store.uri), repository)
    trees = zarr_reader.shadows(store, root, [pair.series for pair in pairs])
    top = fileset.template_prefix.partition("/")[0]
    disk = repository_disk(session, database, repository, top, fileset.owner.group_id)
    files = swap.pixels_files(database, [pair.image.id for pair in pairs])
    parent = f"{top}/{SHADOWS}/Import-{fileset.id}/"
    directory = f"{parent}{datetime.now(UTC):%Y-%m-%d_%H-%M-%S.%f}/"
    in_use = {str(Path(file.path).parent) for file in files.values() if file.path}
    moves = tuple(
        Move(
            pair.image.id,
            Reading(pair.image.series, pair.image.external_info, files[pair.image.id]),
            Reading(0, None, zarr_reader.pixels_file(directory, number, disk.uuid)),
        )
        for number, pair in enumerate(pairs)
    )
    with disk.claimed(parent, lambda: in_use):
        try:
            written = disk.write_trees(directory, trees)
            change = Change(fileset.id, fileset.id, fileset.owner, moves, files=written)
            swap.apply_one(database, change, session.who)
        except Unreachable:
            raise
        except Refused:
            disk.remove(directory)
            raise
