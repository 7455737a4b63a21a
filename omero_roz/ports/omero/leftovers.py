"""What nothing in OMERO refers to any more: omero-roz's empty directories and files in such, rows of ExternalInfo."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from omero_roz.places import KNOWN, Place
from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.together import at_once

AGE = 6 * 3600.0  # seconds, by this machine's clock: what is younger may be somebody's who is at it
AT_ONCE = 500
_IN = "o.repo is not null and o.details.owner.id = :owner and o.path like :prefix"
_EMPTY = f"""select o.id, o.details.group.id, o.path, o.name, o.details.creationEvent.time from OriginalFile o
    where {_IN} and o.mimetype = 'Directory'
    and not exists (select c.id from OriginalFile c where c.repo = o.repo and c.path = o.path || o.name || '/')"""
_FILES = f"""select o.id, o.details.group.id, o.path, o.name, o.details.creationEvent.time
    from OriginalFile o left outer join o.filesetEntries e
    where {_IN} and (o.mimetype is null or o.mimetype <> 'Directory') and e.id is null"""
_INFOS = """select e.id, e.details.group.id, e.details.creationEvent.time from ExternalInfo e
    where e.details.owner.id = :owner and e.entityType = :kind
    and not exists (select i.id from Image i where i.details.externalInfo.id = e.id)
    and not exists (select p.id from Pixels p where p.details.externalInfo.id = e.id)
    and not exists (select f.id from Fileset f where f.details.externalInfo.id = e.id) order by e.id"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that may go: its kind, id and group, and of a file its path."""

    kind: str
    id: int
    group: int
    path: str = ""


def files(session: OmeroSession, owner: int, top: str) -> list[Row]:
    """The empty directories of a user's in which omero-roz writes, and files in such that no fileset has.

    Only those that are some hours old: others may be a command's that is at work.
    """
    asking, old = f"looking for what is left in {top}", time.time() - AGE
    prefix = f"{top}/{KNOWN}/".replace("\\", "\\\\") + "%"
    both = at_once(*(partial(session.rows, hql, asking, owner=owner, prefix=prefix) for hql in (_FILES, _EMPTY)))
    rows = [row for some in both for row in some]
    found = [Row("OriginalFile", row[0], row[1], f"{row[2]}{row[3]}") for row in rows if row[4] / 1000 < old]
    return [row for row in found if _is_ours(row.path, top)]  # _ and % in it match more


def external_infos(session: OmeroSession, owner: int, kind: str) -> list[Row]:
    """The rows of ExternalInfo of a user's and a kind that are some hours old and no object's."""
    old = time.time() - AGE
    rows = session.rows(_INFOS, "looking for rows of ExternalInfo that no object has", owner=owner, kind=kind)
    return [Row("ExternalInfo", number, group) for number, group, made in rows if made / 1000 < old]


def portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows that can be removed together: of one group and, the deepest first, of one level of directories."""
    for _, some in groupby(sorted(rows, key=_order), key=_order):
        same = list(some)
        for start in range(0, len(same), AT_ONCE):
            yield same[start : start + AT_ONCE]


def remove(session: OmeroSession, rows: Sequence[Row]) -> None:
    """Let OMERO delete a portion; Refused where it does not."""
    delete(session, {rows[0].kind: [row.id for row in rows]}, rows[0].group)


def _order(row: Row) -> tuple[str, int, int]:
    return row.kind, -row.path.count("/"), row.group


def _is_ours(path: str, top: str) -> bool:
    """Whether it is a place, a file in one, or the directory of places of one fileset."""
    inside = Place.parse(f"{path}/") or Place.parse(f"{path.rpartition('/')[0]}/")
    return path.startswith(f"{top}/{KNOWN}/") and (inside is not None or _has_places(path, top))


def _has_places(path: str, top: str) -> bool:
    return Place.parse(f"{path}/2000-01-01_00-00-00.000000/") is not None and path != f"{top}/{KNOWN}"
