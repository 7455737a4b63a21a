"""The pixels of a Zarr against those of the file that the images had before, which OMERO kept the SHA-1 of."""

import hashlib
from typing import Literal

import numpy as np

from omero_roz.layout.model import Series
from omero_roz.layout.planes import Planes, pieces
from omero_roz.layout.store import Store

ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")


def has_sha1(store: Store, series: Series, known: str) -> bool:
    """Whether all pixels, absent chunks as their fill value, have this SHA-1; Unreachable if they cannot be read.

    A server hashes planes in the order XYZCT, in the byte order of the file that was imported: either counts.
    """
    planes, sizes = Planes(store, series), series.sizes
    digests = {order: hashlib.sha1(usedforsecurity=False) for order in ORDERS}
    for t, c, z in np.ndindex(sizes.t, sizes.c, sizes.z):
        for rows, columns in pieces(series):
            part = planes.read(z, c, t, rows, columns)
            for order, digest in digests.items():
                digest.update(np.ascontiguousarray(part, part.dtype.newbyteorder(order)).data)
    return known in {digest.hexdigest() for digest in digests.values()}
