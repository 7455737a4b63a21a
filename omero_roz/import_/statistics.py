"""Reading every pixel of new images: minima, maxima and the SHA-1, on every core, in bounded memory."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from omero_roz.layout.model import Series
from omero_roz.layout.planes import Planes, pieces
from omero_roz.layout.store import Store
from omero_roz.ports.omero.new_images import Range, Statistics


def read_all(store: Store, series: Sequence[Series]) -> Iterator[Statistics]:
    """The statistics of all series, in their order; Unreachable where pixels cannot be read.

    Threads do: decoding, hashing and looking for extremes leave Python's lock. Processes would run the script of
    whoever called us once more (spawned) or hang in Ice's threads (forked).
    """
    cores = min(os.cpu_count() or 1, len(series))
    if not series:
        return
    with ThreadPoolExecutor(cores) as pool:
        running: deque[Future[Statistics]] = deque()
        try:
            for one in series:
                running.append(pool.submit(read_one, store, one))
                if len(running) > 4 * cores:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def read_one(store: Store, series: Series) -> Statistics:
    """The statistics of one series.

    The digest is over planes in the order XYZCT, little-endian, as a server's importer hashes a little-endian
    file. NaNs and infinities are left out of the extremes, for no window can be made of them (and no JSON); a channel
    of nothing else, or of complex numbers, has none.
    """
    planes, sizes = Planes(store, series), series.sizes
    digest = hashlib.sha1(usedforsecurity=False)
    ends: list[Range | None] = [None] * sizes.c
    for t, c, z in np.ndindex(sizes.t, sizes.c, sizes.z):
        for rows, columns in pieces(series):
            part = planes.read(z, c, t, rows, columns)
            digest.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
            ends[c] = _widened(ends[c], part)
    return Statistics(tuple(ends), digest.hexdigest())


def _widened(ends: Range | None, part: np.ndarray) -> Range | None:
    if part.dtype.kind == "c":
        return None
    low, high = float(np.fmin.reduce(part, axis=None)), float(np.fmax.reduce(part, axis=None))
    if np.isinf(low) or np.isinf(high):
        finite = part[np.isfinite(part)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (np.nan, np.nan)
    if np.isnan(low):
        return ends
    return (low, high) if ends is None else (min(ends[0], low), max(ends[1], high))
