"""Counts of pixel values in one plane, as RawPixelsBean of the real server makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from omero_sandbox.pixels.buffer import PixelBuffer

DEFAULT_BINS = 256
Extremes = tuple[float, float]


@dataclass(frozen=True)
class Region:
    """A plane's rectangle; a width or height of 0 reaches to the edge."""

    z: int = 0
    t: int = 0
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0


def stored_extremes(cursor: Any, pixels_id: int) -> list[Extremes | None]:
    """(minimum, maximum) of each channel's statsinfo, None where there is none."""
    cursor.execute(
        "SELECT s.globalmin, s.globalmax FROM channel c LEFT JOIN statsinfo s ON c.statsinfo = s.id"
        " WHERE c.pixels = %s ORDER BY c.pixels_index",
        (pixels_id,),
    )
    return [None if low is None else (low, high) for low, high in cursor.fetchall()]


def numbers(buffer: PixelBuffer, z: int, c: int, t: int) -> np.ndarray:
    """One plane of the present level: (y, x)."""
    sizes = buffer.sizes
    plane = np.frombuffer(buffer.get_plane(z, c, t), sizes.dtype.newbyteorder(">"))
    return plane.reshape(sizes.y, sizes.x)


def plane_extremes(plane: np.ndarray) -> Extremes:
    """(minimum, maximum)."""
    return float(plane.min()), float(plane.max())


def histogram(plane: np.ndarray, region: Region, bins: int, extremes: Extremes) -> list[int]:
    """Counts in `bins` of equal width between the extremes, which both count; what lies outside does not."""
    low, high = extremes
    right = region.x + region.width if region.width else plane.shape[1]
    bottom = region.y + region.height if region.height else plane.shape[0]
    values = plane[region.y : bottom, region.x : right].astype(float).ravel()
    values = values[(values >= low) & (values <= high)]
    width = (high - low) / bins
    places = ((values - low) / width).astype(int) if width else np.zeros(len(values), int)
    return np.bincount(np.minimum(places, bins - 1), minlength=bins).tolist()


def fitting_level(descriptions: Sequence[Sequence[int]], limit: int) -> int | None:
    """The largest level (0 is the smallest) of at most `limit` pixels each way, None when even 0 is larger."""
    best = None
    for level, (x, y) in enumerate(reversed(descriptions)):
        if max(x, y) > limit:
            break
        best = level
    return best
