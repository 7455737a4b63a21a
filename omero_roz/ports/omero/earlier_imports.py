"""What earlier imports left in OMERO: found by the summaries on their filesets, and by the transactions of it."""

from collections.abc import Iterable, Sequence

from omero_roz.ports.omero.deletion import delete, targets_of
from omero_roz.ports.omero.session import OmeroSession

_SUMMARISED = """select distinct f.id, f.details.owner.id
    from FilesetAnnotationLink l join l.parent f, MapAnnotation a join a.mapValue v
    where l.child.id = a.id and a.ns = :ns and v.name = 'Zarr' and v.value = :uri order by f.id"""
_MADE = "select f.details.creationEvent.id from Fileset f where f.id = :id"
_NOTED = """select a.details.updateEvent.id from FilesetAnnotationLink l join l.child a
    where l.parent.id = :id and a.ns = :ns"""


def filesets_of(session: OmeroSession, uri: str, namespace: str, group_id: int) -> list[tuple[int, int]]:
    """Ids and owners of a group's filesets whose summary (a map annotation) says that they hold a Zarr."""
    asking = f"looking for earlier imports of {uri}"
    found = session.rows(_SUMMARISED, asking, group_id, ns=namespace, uri=uri)
    return [(fileset, owner) for fileset, owner in found]


def take_back(
    session: OmeroSession,
    fileset: int,
    namespace: str,
    shared: Sequence[tuple[str, int]],
    kinds: Iterable[str],
    group_id: int,
) -> None:
    """Delete the fileset of an unfinished import with all that was made for it, in one transaction.

    What the images share is known from the record (`shared`), and beyond it by the transactions that made the fileset
    and last wrote its record: each of them made a part of it and nothing else of these `kinds`. A plate is among them;
    without it the images in its wells could not be deleted (facts: omero_import_rows). What OMERO's delete does not
    take by itself goes along: with its instrument, its plate, its image.
    """
    named = targets_of(session, {*kinds, *(kind for kind, _ in shared)})
    targets: dict[str, set[int]] = {kind: set() for kind in named}
    for kind, number in shared:
        if kind in named:
            targets[kind].add(number)
    asking = f"looking what Fileset:{fileset} has"
    events = session.rows(_MADE, asking, id=fileset) + session.rows(_NOTED, asking, id=fileset, ns=namespace)
    for kind, ids in targets.items():  # classes of omero.model, never user input
        hql = f"select o.id from {kind} o where o.details.creationEvent.id in (:events) or o.id in (:ids)"
        rows = session.rows(hql, asking, events=[event for (event,) in events], ids=sorted(ids) or [-1])
        targets[kind] = {row[0] for row in rows}
    delete(session, {kind: sorted(ids) for kind, ids in targets.items()} | {"Fileset": [fileset]}, group_id)
