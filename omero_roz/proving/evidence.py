"""What can prove anything: parts of images whose pixels are not all alike.

A server that opens nothing shows zeros, so planes of one value are equal whatever it opens (facts: real_server P10).
Parts that tell are looked for in the Zarr; OMERO is asked for nothing.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from omero_roz.layout.model import Series
from omero_roz.layout.planes import Planes
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.proving.sampling import SIDE, Part, Sample, by_timepoint, representatives

PARTS = 32  # that are looked at of a representative
FEWER_PARTS, MORE_IMAGES = 8, 16  # of a pixel type whose representatives have none that tells


@dataclass(frozen=True, slots=True)
class Evidence:
    """Parts that tell, by the id of their image: of representatives, and of each pixel type where there is one.

    `missing` says why a comparison of these images proves nothing, "" where it does.
    """

    parts: Mapping[int, Part] = field(default_factory=dict)
    missing: str = ""

    def of(self, pair: Pair, parts: Iterator[Part]) -> Iterator[Part]:
        """Parts of an image with the one that tells among them."""
        telling = self.parts.get(pair.image.id)
        for part in parts:
            if part == telling:
                telling = None
            yield part
        if telling is not None:
            yield telling

    def pairs(self, chosen: Sequence[Pair], pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The chosen ones of some images and those that tell, in their order."""
        wanted = {pair.image.id for pair in chosen} | self.parts.keys()
        return [pair for pair in pairs if pair.image.id in wanted]


NOTHING = Evidence()


def seek(store: Store, pairs: Sequence[Pair], seed: int = 0) -> Evidence:
    """Look for parts that tell, in the representatives and, where a pixel type has none, in some more images.

    Raises Unreachable where the Zarr cannot be read.
    """
    chance, first = random.Random(seed), representatives(pairs)
    found = _telling(store, first, chance, PARTS)
    told = {pair.image.pixel_type for pair in first if pair.image.id in found}
    missing = []
    for kind in dict.fromkeys(pair.image.pixel_type for pair in first if pair.image.pixel_type not in told):
        looked = {pair.image.id for pair in first}
        others = [pair for pair in pairs if pair.image.pixel_type == kind and pair.image.id not in looked]
        some = chance.sample(others, min(MORE_IMAGES, len(others)))
        hits = (_telling(store, [pair], chance, FEWER_PARTS) for pair in some)
        if more := next(filter(None, hits), None):
            found |= more
        else:
            missing.append(kind)
    return Evidence(found, _why(missing, pairs))


def _why(missing: Sequence[str], pairs: Sequence[Pair]) -> str:
    if not missing:
        return ""
    kinds = {pair.image.pixel_type for pair in pairs}
    which = f"the images of type {', '.join(missing)}" if len(kinds) > 1 else "the image" if len(pairs) == 1 else "it"
    return f"all that was looked at of {which} is of one value, which a server that opens nothing shows as well"


def _telling(store: Store, pairs: Sequence[Pair], chance: random.Random, most: int) -> dict[int, Part]:
    """By the id of its image a part of each that has different pixels; those without any are left out."""
    found = {}
    for pair in pairs:
        planes = Planes(store, pair.series)
        for part in islice(_candidates(pair.series, chance), most):
            if _varied(part.read(planes)):
                found[pair.image.id] = part
                break
    return found


def _candidates(series: Series, chance: random.Random) -> Iterator[Part]:
    """Parts of an image without end: those of a sample, then others by chance."""
    sampled = list(Sample().parts(series))
    chance.shuffle(sampled)
    yield from sampled
    sizes = series.sizes
    while True:
        t = chance.randrange(sizes.t)
        if by_timepoint(series):
            yield Part(t)
            continue
        y, x = (SIDE * chance.randrange(-(-size // SIDE)) for size in (sizes.y, sizes.x))
        place = (chance.randrange(sizes.z), chance.randrange(sizes.c))
        yield Part(t, place, slice(y, min(y + SIDE, sizes.y)), slice(x, min(x + SIDE, sizes.x)))


def _varied(pixels: np.ndarray) -> bool:
    """Whether there are two different values; not a number is one."""
    first = pixels.flat[0]
    if first != first:
        return not np.isnan(pixels).all()
    return bool((pixels != first).any())
