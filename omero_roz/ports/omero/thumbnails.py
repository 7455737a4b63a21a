"""Thumbnails, which only the server itself can make."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from omero.rtypes import rint

from omero_roz.errors import Refused
from omero_roz.ports.omero.session import OmeroSession, omero_errors

LONGEST = 96
FIRST, MOST = 4, 500  # images of the first call, and of any
SECONDS = 1.5  # that a call shall take: a server draws one after another


def make_thumbnails(session: OmeroSession, pixels_ids: Sequence[int], group_id: int) -> Iterator[int]:
    """Let the server draw and keep the thumbnails of pixels, as an import has them; yields how many are done.

    In small portions: each as large as the time of the one before says.
    """
    context = session.group_context(group_id)
    with omero_errors("making thumbnails"):
        store = session.factory.createThumbnailStore(context)
        done, count = 0, FIRST
        try:
            while some := list(pixels_ids[done : done + count]):
                began = time.perf_counter()
                store.createThumbnailsByLongestSideSet(rint(LONGEST), some, context)
                done, count = done + len(some), next_portion(len(some), time.perf_counter() - began)
                yield done
        finally:
            with suppress(Refused), omero_errors("closing the thumbnails"):  # it ends with the session at the latest
                store.close(context)


def next_portion(count: int, seconds: float) -> int:
    """How many to ask for next when so many have taken so long; never more than four times as many."""
    return max(1, min(MOST, 4 * count, int(count * SECONDS / max(seconds, 1e-6))))
