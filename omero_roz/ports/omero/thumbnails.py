"""Thumbnails, which only the server itself can make."""

from collections.abc import Iterator, Sequence

from omero.rtypes import rint

from omero_roz.ports.omero.session import OmeroSession, omero_errors

LONGEST = 96
AT_ONCE = 500  # a call: a server draws them one after another


def make_thumbnails(session: OmeroSession, pixels_ids: Sequence[int], group_id: int) -> Iterator[int]:
    """Let the server draw and keep the thumbnails of pixels, as an import has them; yields how many were asked for."""
    context = session.group_context(group_id)
    with omero_errors("making thumbnails"):
        store = session.factory.createThumbnailStore(context)
        try:
            for start in range(0, len(pixels_ids), AT_ONCE):
                some = list(pixels_ids[start : start + AT_ONCE])
                store.createThumbnailsByLongestSideSet(rint(LONGEST), some, context)
                yield start + len(some)
        finally:
            store.close(context)
