"""Every plane of images, as any OMERO client reads them, by its hash."""

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from omero.gateway import BlitzGateway

Hashes = dict[tuple[int, int, int, int], str]


def shown(client, image_ids: Iterable[int]) -> Hashes:
    """SHA-1 of each plane's little-endian bytes by (position of the image, z, c, t)."""
    gateway = BlitzGateway(client_obj=client)
    hashes: Hashes = {}
    for index, image_id in enumerate(image_ids):
        image = gateway.getObject("Image", image_id)
        places = [
            (z, c, t) for z in range(image.getSizeZ()) for c in range(image.getSizeC()) for t in range(image.getSizeT())
        ]
        planes = image.getPrimaryPixels().getPlanes(places)
        hashes |= {(index, *place): digest(plane) for place, plane in zip(places, planes, strict=True)}
    return hashes


def digest(plane: np.ndarray) -> str:
    """SHA-1 of a plane's little-endian bytes, row by row, as in PLANES.tsv."""
    return hashlib.sha1(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).tobytes()).hexdigest()


def expected(shared: Path, layout: str) -> Hashes:
    """What PLANES.tsv says of a layout."""
    with open(shared / "layouts" / "PLANES.tsv", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["layout"] == layout]
    return {(int(r["index"]), int(r["z"]), int(r["c"]), int(r["t"])): r["sha1"] for r in rows}
