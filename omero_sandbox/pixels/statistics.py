"""What an import computes from the pixels: their SHA-1, and each channel's minimum and maximum."""

import hashlib
from dataclasses import dataclass

import numpy as np

from omero_sandbox.pixels.buffer import PixelBuffer


@dataclass(frozen=True)
class Statistics:
    """`sha1` is hexadecimal (pixels.sha1); `channels` holds (minimum, maximum) of each (statsinfo)."""

    sha1: str
    channels: tuple[tuple[float, float], ...]


def statistics(buffer: PixelBuffer) -> Statistics:
    """Read every plane once; the digest is over planes in the order XYZCT, bytes in the file's order.

    So the real importer hashes: golden records of little-endian files hold hashes of little-endian bytes.
    NaNs are left out of the extremes; a channel of nothing else has 0 and 0.
    """
    sizes = buffer.sizes
    digest = hashlib.sha1()
    channels = [[np.inf, -np.inf] for _ in range(sizes.c)]
    big_endian = sizes.dtype.newbyteorder(">")
    for t, c, z in np.ndindex(sizes.t, sizes.c, sizes.z):
        numbers = np.frombuffer(buffer.get_plane(z, c, t), big_endian)
        digest.update(numbers.astype(sizes.dtype).tobytes())
        low, high = channels[c]
        channels[c] = [np.fmin(low, np.fmin.reduce(numbers)), np.fmax(high, np.fmax.reduce(numbers))]
    finite = [(float(a), float(b)) if a <= b else (0.0, 0.0) for a, b in channels]
    return Statistics(digest.hexdigest(), tuple(finite))
