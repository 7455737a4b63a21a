"""Scratch images: for a moment in OMERO, with nothing to be read from but an ExternalInfo."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from omero.model import FilesetI
from omero.rtypes import rstring

from omero_roz.errors import Refused
from omero_roz.fileset import OmeroImage
from omero_roz.ports import process
from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.enumerations import with_enumerations
from omero_roz.ports.omero.filesets import external_info_object
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.together import at_once

PREFIX = "omero-roz-scratch/"
NAME = "omero-roz looks whether the server can read a Zarr (may be deleted)"
STALE = 3600.0  # seconds after which those of a run on another machine are deleted, dead or not

_FOUND = """select f.id, f.templatePrefix, f.details.creationEvent.time, f.details.group.id from Fileset f
    where f.templatePrefix like :prefix and f.details.owner.id = :user"""


@contextmanager
def scratch_images(
    session: OmeroSession, like: Sequence[OmeroImage], group_id: int, beside: Executor | None = None
) -> Iterator[list[OmeroImage]]:
    """Images with the sizes, pixel types and ExternalInfo of others, in their order, and no file: deleted at the end.

    What the server shows of one can only be what its ExternalInfo names; there is nothing to fall back to. All are
    saved and deleted at once, with `beside` while the work goes on. Those that a dead process of this user left are
    deleted before.
    """
    if not like:
        delete_left(session)
        yield []
        return
    from ome_graph import graph
    from omero_roz.ports.omero.bare_ome import bare_ome

    looked: list[Any] = at_once(
        lambda: with_enumerations(session, lambda enums: graph(bare_ome(like), [NAME] * len(like), enums))[0],
        lambda: delete_left(session),
    )
    made = looked[0]
    fileset = FilesetI()
    fileset.templatePrefix = rstring(f"{PREFIX}{process.machine()}/{os.getpid()}/")
    for image, one in zip(made.images, like, strict=True):
        image.fileset = fileset
        image.details.externalInfo = one.external_info and external_info_object(one.external_info)
        image.getPrimaryPixels().clearChannels()  # nothing is drawn: half as much is saved and deleted
    saved, *images = session.saved([fileset, *made.images], "making scratch images", group_id)
    try:
        yield [
            replace(one, id=image.id.val, series=0, pixels_id=image.getPrimaryPixels().id.val)
            for image, one in zip(images, like, strict=True)
        ]
    finally:
        if beside is None:
            _delete(session, saved.id.val, group_id)
        else:
            beside.submit(_delete, session, saved.id.val, group_id)


def delete_left(session: OmeroSession) -> None:
    """Delete the user's scratch images whose process is dead, and those of other machines that are an hour old."""
    asking = "looking for scratch images of earlier runs"
    rows = session.rows(_FOUND, asking, prefix=PREFIX + "%", user=session.who.user_id)
    for number, prefix, made, group_id in rows:
        if _is_left(prefix, made / 1000):
            _delete(session, number, group_id)  # another process may be doing the same


def _delete(session: OmeroSession, fileset: int, group_id: int) -> None:
    with suppress(Refused):  # what was seen counts; the next run deletes them
        delete(session, {"Fileset": [fileset]}, group_id)


def _is_left(prefix: str, made: float) -> bool:
    machine, _, number = prefix.removeprefix(PREFIX).strip("/").partition("/")
    if machine == process.machine() and number.isdecimal():
        return not process.is_running(int(number))
    return made < time.time() - STALE
