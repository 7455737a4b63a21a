"""How the server will read new images: an ExternalInfo from their first moment, or shadows that bind all at the end.

What only SQL can set (pixels.path) is set for all images in one transaction. Until then they have neither a file nor an
ExternalInfo, so nobody is shown other pixels: a server cannot read such images (facts: omero_import_speed).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.binding import external_info, zarr_reader
from omero_roz.change import Change, Move
from omero_roz.errors import Refused, Unreachable, UsageError
from omero_roz.fileset import ExternalInfo, Fileset, Owner
from omero_roz.layout.model import Series
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.places import SHADOWS, Place, default_top
from omero_roz.ports.database import Database
from omero_roz.ports.repository.disk import check_source
from omero_roz.record import ImageRecord, Record

_IMPORT = "Import-"


@dataclass(frozen=True, slots=True)
class Reader:
    """A binding, the Zarr's root as the server names it, the ExternalInfo of each series (None: it gets a shadow)."""

    binding: str
    root: str
    infos: tuple[ExternalInfo | None, ...]


def reader(means: Means, named: str, store: Store, binding: str, root: str, series: Sequence[Series]) -> Reader:
    """How series are read; `named` is the Zarr as the user named it.

    Raises Refused with all that the reader could not open, UsageError where a means is missing or has no use.
    """
    if binding == external_info.NAME:
        if means.database is not None or means.repository is not None:
            what = "an import needs neither the database nor the repository's directory"
            raise UsageError(what, f"--binding {binding}", f"leave them out, or say --binding {zarr_reader.NAME}")
        return Reader(binding, root, external_info.bind(root, series))
    if binding != zarr_reader.NAME:
        fix = f"choose {external_info.NAME} or {zarr_reader.NAME}"
        raise UsageError("there is no such binding", f"--binding {binding}", fix)
    if means.database is None or means.repository is None:
        what = "it writes into the ManagedRepository and changes which file the server opens"
        raise UsageError(what, f"--binding {binding}", "give --db and --managed-repository")
    zarr_reader.shadows(store, root, series)  # raises with all that forbids it
    if "://" not in store.uri:
        check_source(Path(store.uri if "://" in named else named), means.repository, store.follow)
    return Reader(binding, root, (None,) * len(series))


def bind_to_shadows(
    means: Means, fileset: Fileset, pairs: Sequence[Pair], store: Store, root: str, annotation: int, record: Record
) -> Record:
    """Let the server read all images of a new fileset through shadows; the record as it is written with that.

    First the files, then one transaction: the fileset's entries, which file is opened for each image, its series (0),
    the record. `root` is the Zarr as the server sees it. Raises Refused where an image is not as it was read; nothing
    is then changed.
    """
    assert means.database is not None and means.repository is not None
    trees = zarr_reader.shadows(store, root, [pair.series for pair in pairs])
    database, top = means.database, default_top(fileset.owner)
    disk = means.disk(top, fileset.owner)
    place = Place.new(top, SHADOWS, _of(fileset.id), datetime.now(UTC))
    images = _records(database, pairs, str(place), disk.uuid)
    moves = tuple(Move(image.id, image.before, image.after) for image in images)
    bound = replace(record, images=images)
    with disk.claimed(place, lambda places: swap.places_used(database, places)):
        try:
            files = disk.write_trees(place, trees)
            superseded = (annotation, bound.to_json())
            change = Change(fileset.id, fileset.id, fileset.owner, moves, None, superseded, files)
            swap.apply_one(database, change, means.session.who)
        except Unreachable:
            raise
        except Refused:
            disk.discard(place)
            raise
    return bound


def remove_shadows(means: Means, fileset: int, owner: Owner) -> None:
    """Remove what was written for a fileset that is not in OMERO any more; no link is followed."""
    if means.repository is not None:
        disk = means.disk(default_top(owner), owner)
        for place in disk.places(_of(fileset)):
            disk.discard(place)


def _records(database: Database, pairs: Sequence[Pair], directory: str, repo: str) -> tuple[ImageRecord, ...]:
    files = swap.pixels_files(database, [pair.image.id for pair in pairs])
    return tuple(
        ImageRecord(
            pair.image.id, pair.series.path, pair.image.series, 0, pair.image.external_info, None,
            files[pair.image.id], zarr_reader.pixels_file(directory, number, repo),
        )
        for number, pair in enumerate(pairs)
    )  # fmt: skip


def _of(fileset: int) -> str:
    return f"{_IMPORT}{fileset}"
