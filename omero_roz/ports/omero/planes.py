"""Planes as OMERO shows them: RawPixelsStore, whatever reader the server uses."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from omero_roz.errors import Refused, Unreachable
from omero_roz.fileset import OmeroImage
from omero_roz.ports.omero.session import OmeroSession, omero_errors
from omero_roz.ports.omero.together import at_once

# RawPixelsStore is big-endian (facts: omero_api_calls).
DTYPES = {
    "int8": "i1",
    "uint8": "u1",
    "int16": ">i2",
    "uint16": ">u2",
    "int32": ">i4",
    "uint32": ">u4",
    "float": ">f4",
    "double": ">f8",
    "complex": ">c8",
    "double-complex": ">c16",
}
TILE = 2048
IMAGES = 64  # that a store is opened on: it keeps what it knows of each in the server's memory


class PlaneReader:
    """Reads the planes of one image."""

    def __init__(self, store, image: OmeroImage, context: dict[str, str]) -> None:
        self._store, self._image, self._context = store, image, context

    def read(self, z: int, c: int, t: int, rows: slice = slice(None), columns: slice = slice(None)) -> np.ndarray:
        """One full-resolution plane, or some of its rows and columns, an array of (y, x).

        Large ones come in tiles, for the pixel buffer gives nothing for more than 3192 x 3192 pixels at once.
        """
        (top, bottom, _), (left, right, _) = rows.indices(self._image.sizes.y), columns.indices(self._image.sizes.x)
        plane = np.empty((bottom - top, right - left), DTYPES[self._image.pixel_type])
        for y in range(0, bottom - top, TILE):
            for x in range(0, right - left, TILE):
                self._fill(plane[y : y + TILE, x : x + TILE], (z, c, t), left + x, top + y)
        return plane

    def timepoint(self, t: int) -> np.ndarray:
        """All planes of a timepoint, an array of (c, z, y, x): with one call, or plane by plane where there is no such.

        A pixel buffer may lack that call; ROMIO's, Bio-Formats' and the one for Zarr have it.
        """
        sizes, dtype = self._image.sizes, np.dtype(DTYPES[self._image.pixel_type])
        shape = (sizes.c, sizes.z, sizes.y, sizes.x)
        try:
            with omero_errors(f"reading Image:{self._image.id} t={t}"):
                raw = self._store.getTimepoint(t, self._context)
        except Unreachable:
            raise
        except Refused:
            raw = b""
        if len(raw) == math.prod(shape) * dtype.itemsize:
            return np.frombuffer(raw, dtype).reshape(shape)
        return np.array([[self.read(z, c, t) for z in range(sizes.z)] for c in range(sizes.c)])

    def levels(self) -> list[tuple[int, int]]:
        """Width and height of each level of the pyramid that the server sees, the largest first."""
        with omero_errors(f"reading the levels of Image:{self._image.id}"):
            found = self._store.getResolutionDescriptions(self._context)
        return sorted(((one.sizeX, one.sizeY) for one in found), reverse=True)

    def _fill(self, part: np.ndarray, place: tuple[int, int, int], x: int, y: int) -> None:
        height, width = part.shape
        where = "reading Image:{} z={} c={} t={}".format(self._image.id, *place)
        with omero_errors(where):
            raw = self._store.getTile(*place, x, y, width, height, self._context)
        if len(raw) != part.nbytes:
            raise Refused(f"OMERO gave {len(raw)} bytes where {part.nbytes} are due", where, "see the server's log")
        part[:] = np.frombuffer(raw, part.dtype).reshape(part.shape)


@dataclass(eq=False, slots=True)
class _Store:
    """A RawPixelsStore, and the pixels that it has been opened on."""

    proxy: Any
    seen: set[int]


class PlaneReaders:
    """Readers of planes, for several threads to share.

    To make a RawPixelsStore and to close it costs a server as much as to read twenty planes, so one that is not needed
    any more is opened on the next image. Never on one that it was opened on before: it goes on with what it knows of
    that image, whatever was bound meanwhile, even after others (seen on a real server).
    """

    def __init__(self, session: OmeroSession, group_id: int) -> None:
        self._session, self._context = session, session.group_context(group_id)
        self._idle: list[_Store] = []
        self._lock = Lock()

    @contextmanager
    def of(self, image: OmeroImage) -> Iterator[PlaneReader]:
        """A reader of one image, for one thread."""
        where = f"opening the pixels of Image:{image.id}"
        with omero_errors(where):
            store = self._taken(image.pixels_id) or self._made()
        try:
            with omero_errors(where):
                store.proxy.setPixelsId(image.pixels_id, True, self._context)
            store.seen.add(image.pixels_id)
            yield PlaneReader(store.proxy, image, self._context)
        except BaseException:
            self._close(store)  # in what state it is nobody knows
            raise
        if len(store.seen) >= IMAGES:
            self._close(store)
            return
        with self._lock:
            self._idle.append(store)

    def prepare(self, count: int) -> None:
        """Have as many new stores idle, for images that others have met."""
        with omero_errors("preparing to read pixels"):
            made = at_once(*[self._made] * count)
        with self._lock:
            self._idle += made

    def close(self) -> None:
        """Close what is idle, all at once."""
        with self._lock:
            idle, self._idle = self._idle, []
        at_once(*(partial(self._close, store) for store in idle))

    def _made(self) -> _Store:
        return _Store(self._session.factory.createRawPixelsStore(self._context), set())

    def _taken(self, pixels_id: int) -> _Store | None:
        with self._lock:
            found = next((store for store in self._idle if pixels_id not in store.seen), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _close(self, store: _Store) -> None:
        with suppress(Refused), omero_errors("closing the pixels"):  # it ends with the session at the latest
            store.proxy.close(self._context)


@contextmanager
def plane_readers(session: OmeroSession, group_id: int) -> Iterator[PlaneReaders]:
    """Readers that are closed at the end."""
    readers = PlaneReaders(session, group_id)
    try:
        yield readers
    finally:
        readers.close()
