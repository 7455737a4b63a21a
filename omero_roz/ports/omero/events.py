"""OMERO's log of events: what was changed in which transaction. Nobody can write it but the server, and SQL."""

from collections.abc import Collection
from datetime import UTC, datetime

from omero_roz.ports.omero.session import OmeroSession

_CHANGED = """select distinct l.entityId from EventLog l where l.event.id = :event
    and l.entityType = 'ome.model.core.Image' and l.entityId in (:ids)"""
_DELETED = """select e.experimenter.omeName, e.time from EventLog l join l.event e where l.entityId = :fileset
    and l.entityType = 'ome.model.fs.Fileset' and l.action = 'DELETE' order by l.id"""
AT_ONCE = 1000


def images_changed(session: OmeroSession, event: int, images: Collection[int]) -> set[int]:
    """Those of the images that an event has changed, made or had indexed anew."""
    ids, found = sorted(images), set[int]()
    for start in range(0, len(ids), AT_ONCE):
        asking = f"reading what Event:{event} changed"
        rows = session.rows(_CHANGED, asking, event=event, ids=ids[start : start + AT_ONCE])
        found |= {image for [image] in rows}
    return found


def deleted(session: OmeroSession, fileset: int) -> str:
    """Who deleted a fileset and when, as people read it; "" for one that was never deleted, or that nobody had."""
    found = session.rows(_DELETED, f"looking who deleted Fileset:{fileset}", fileset=fileset)
    if not found:
        return ""
    user, when = found[-1]
    return f"by {user} at {datetime.fromtimestamp(when / 1000, UTC).isoformat(timespec='seconds')}"
