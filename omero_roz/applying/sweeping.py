"""What is left behind by filesets that were deleted in OMERO, and by commands that died: swept for one owner.

Directories that omero-roz has made and in which nothing is registered any more, with their rows; rows of ExternalInfo
that no object has. A rollback that misses such a row writes the same anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from omero_roz.applying.means import Means
from omero_roz.errors import Problem, Refused, Unreachable
from omero_roz.fileset import Owner
from omero_roz.places import SHADOWS, Place, default_top
from omero_roz.ports.omero import leftovers
from omero_roz.ports.omero.together import at_once
from omero_roz.ports.repository.managed import ManagedRepository

MULTISCALES = "com.glencoesoftware.ngff:multiscales"
MOST = 2000  # rows that are swept along with another command


@dataclass(frozen=True, slots=True)
class Left:
    """What may be swept of an owner's: places without any registered file, and rows."""

    places: tuple[Place, ...]
    files: Sequence[leftovers.Row]
    infos: tuple[leftovers.Row, ...]


def look(means: Means, owner: Owner, most: int | None = None) -> Left:
    """What is left of an owner's; of shadows where the database and the repository's directory are at hand.

    Only the database can say that nobody has a file registered there.
    """
    top, places = default_top(owner), list[Place]()
    if means.database is not None and means.repository is not None:
        found = means.disk(top, owner).places()
        used = means.places_used(found)
        places = [place for place in found if place not in used]
    files, infos = at_once(
        partial(leftovers.files, means.session, owner.user_id, top),
        partial(leftovers.external_infos, means.session, owner.user_id, MULTISCALES),
    )
    return Left(tuple(places[:most]), files[:most], tuple(infos[:most]))


def sweep(means: Means, owner: Owner, left: Left, most: int | None = None) -> list[Problem]:
    """Remove what was found; what could not be removed is told, and stops nothing else."""
    problems = list[Problem]()
    for place in left.places:
        _try(problems, partial(means.disk(place.top, owner).sweep, place))
    for rows in leftovers.portions(left.infos):
        _try(problems, partial(leftovers.remove, means.session, rows))
    found, tried = left.files, set[int]()
    while new := [row for row in found if row.id not in tried][: None if most is None else most - len(tried)]:
        for rows in leftovers.portions(new):
            _try(problems, partial(leftovers.remove, means.session, rows))
        tried |= {row.id for row in new}
        found = leftovers.files(means.session, owner.user_id, default_top(owner))  # what is empty now
    return problems


def sweep_along(means: Means, owner: Owner) -> None:
    """Sweep what is left of an owner's, not too much of it, after another command of theirs; nobody is told."""
    with suppress(Refused):
        sweep(means, owner, look(means, owner, MOST), MOST)


def remove_place(means: Means, owner: Owner, place: Place) -> None:
    """Remove a place of which a template prefix says that it was a fileset's, which is not in OMERO any more.

    Raises Refused where it is not the owner's, or other filesets have files there.
    """
    means.check_own(place.top, owner)
    if means.places_used([place]):
        raise Refused("files of another fileset are registered there", str(place), "it stays")
    if place.area == SHADOWS:
        means.disk(place.top, owner).remove(place)
    else:
        ManagedRepository(means.session, owner.group_id).remove(str(place))


def _try(problems: list[Problem], remove: Callable[[], object]) -> None:
    try:
        remove()
    except Unreachable:
        raise
    except Refused as error:
        problems += error.problems
