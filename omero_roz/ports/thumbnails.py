"""Thumbnails, which only the server itself can make."""

from collections.abc import Sequence

from omero.rtypes import rint

from omero_roz.ports.omero_session import OmeroSession, omero_errors

LONGEST = 96


def make_thumbnails(session: OmeroSession, pixels_ids: Sequence[int], group_id: int) -> None:
    """Let the server draw and keep the thumbnails of pixels, as an import has them, in one call."""
    context = session.group_context(group_id)
    with omero_errors("making thumbnails"):
        store = session.factory.createThumbnailStore(context)
        try:
            store.createThumbnailsByLongestSideSet(rint(LONGEST), list(pixels_ids), context)
        finally:
            store.close()
