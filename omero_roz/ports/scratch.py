"""Scratch images: for a moment in OMERO, with nothing to be read from but an ExternalInfo."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ome_types import OME
from ome_types.model import Channel, Image, MetadataOnly, Pixels
from omero.model import FilesetI
from omero.rtypes import rstring

from ome_graph import graph
from omero_roz.fileset import OmeroImage
from omero_roz.ports.deletion import delete
from omero_roz.ports.enumerations import Enumerations
from omero_roz.ports.filesets import Filesets, external_info_object
from omero_roz.ports.omero_session import OmeroSession

PREFIX = "omero-roz-scratch/"
NAME = "omero-roz looks whether the server can read a Zarr (may be deleted)"
STALE = 3600.0  # seconds after which the scratch images of a killed run are deleted by the next one

_FOUND = """select f.id, f.details.creationEvent.time from Fileset f
    where f.templatePrefix = :prefix and f.details.owner.id = :user"""


@contextmanager
def scratch_images(session: OmeroSession, like: Sequence[OmeroImage], group_id: int) -> Iterator[list[OmeroImage]]:
    """Images with the sizes, pixel types and ExternalInfo of others, and no file: deleted at the end.

    What the server shows of one can only be what its ExternalInfo names; there is nothing to fall back to.
    """
    _delete_stale(session, group_id)
    made = graph(_ome(like), [NAME] * len(like), Enumerations(session))
    fileset = FilesetI()
    fileset.templatePrefix = rstring(PREFIX)
    for image, one in zip(made.images, like, strict=True):
        image.fileset = fileset
        image.details.externalInfo = one.external_info and external_info_object(one.external_info)
    number, *_ = session.save([fileset, *made.images], "making scratch images", group_id)
    try:
        found = Filesets(session).get(number).images
        yield [replace(scratch, name=one.name) for scratch, one in zip(found, like, strict=True)]
    finally:
        delete(session, {"Fileset": [number]}, group_id)


def _ome(like: Sequence[OmeroImage]) -> OME:
    return OME(images=[_image(number, one) for number, one in enumerate(like)])


def _image(number: int, one: OmeroImage) -> Image:
    sizes = one.sizes
    channels = [Channel(id=f"Channel:{number}:{c}", samples_per_pixel=1) for c in range(sizes.c)]
    pixels = Pixels(
        id=f"Pixels:{number}", dimension_order="XYZCT", type=one.pixel_type,
        size_x=sizes.x, size_y=sizes.y, size_z=sizes.z, size_c=sizes.c, size_t=sizes.t,
        channels=channels, metadata_only=MetadataOnly(),
    )  # fmt: skip
    return Image(id=f"Image:{number}", pixels=pixels)


def _delete_stale(session: OmeroSession, group_id: int) -> None:
    asking = "looking for scratch images of earlier runs"
    rows = session.rows(_FOUND, asking, group_id, prefix=PREFIX, user=session.who.user_id)
    stale = [number for number, made in rows if made / 1000 < time.time() - STALE]
    delete(session, {"Fileset": stale}, group_id)
