"""Planes as OMERO shows them: RawPixelsStore, whatever reader the server uses."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from omero_roz.fileset import OmeroImage
from omero_roz.ports.omero_session import OmeroSession, omero_errors

DTYPES = {
    "int8": "i1", "uint8": "u1", "int16": ">i2", "uint16": ">u2", "int32": ">i4", "uint32": ">u4",
    "float": ">f4", "double": ">f8", "complex": ">c8", "double-complex": ">c16",
}  # RawPixelsStore is big-endian (facts: omero_api_calls)


class PlaneReader:
    """Reads the planes of one image."""

    def __init__(self, store, image: OmeroImage, context: dict[str, str]) -> None:
        self._store, self._image, self._context = store, image, context

    def read(self, z: int, c: int, t: int) -> np.ndarray:
        """One full-resolution plane, an array of (y, x)."""
        image = self._image
        with omero_errors(f"reading Image:{image.id} z={z} c={c} t={t}"):
            raw = self._store.getPlane(z, c, t, self._context)
        return np.frombuffer(raw, DTYPES[image.pixel_type]).reshape(image.sizes.y, image.sizes.x)


@contextmanager
def plane_reader(session: OmeroSession, image: OmeroImage, group_id: int) -> Iterator[PlaneReader]:
    """Open an image's pixels in a RawPixelsStore of its own.

    A store keeps on reading what it was opened on: after a change of the binding only a new one tells
    (facts: omero_replacement e).
    """
    context = session.group_context(group_id)
    with omero_errors(f"opening the pixels of Image:{image.id}"):
        store = session.factory.createRawPixelsStore(context)
    try:
        with omero_errors(f"opening the pixels of Image:{image.id}"):
            store.setPixelsId(image.pixels_id, True, context)
        yield PlaneReader(store, image, context)
    finally:
        store.close()
