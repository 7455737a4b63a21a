"""Which images, planes and parts of planes a comparison looks at."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from omero_roz.layout.model import Sizes
from omero_roz.matching import Pair

SIDE = 2048  # a part of a plane is at most as wide and high, so that a whole slide needs no more memory than a snapshot
MOST_CHANNELS = 16
MOST_PARTS = 9
MORE_IMAGES, MORE_PLANES = 2, 4


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of one plane."""

    z: int
    c: int
    t: int
    rows: slice
    columns: slice


class Choice(Protocol):
    """What of some images is looked at."""

    def pairs(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The images that are looked at."""

    def parts(self, sizes: Sizes) -> Iterator[Part]:
        """What is looked at of an image of these sizes."""


@dataclass(frozen=True, slots=True)
class Everything:
    """All images, all planes."""

    def pairs(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """All of them."""
        return pairs

    def parts(self, sizes: Sizes) -> Iterator[Part]:
        """All planes, in the order in which they are stored."""
        for t in range(sizes.t):
            for c in range(sizes.c):
                for z in range(sizes.z):
                    yield from tiles((z, c, t), sizes)


@dataclass(frozen=True, slots=True)
class Sample:
    """First, middle and last of everything, and what the seed adds by chance."""

    seed: int = 0
    every_image: bool = False

    def pairs(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The representatives and some more, in their order, or all where every image is wanted."""
        if self.every_image:
            return pairs
        others = random.Random(self.seed).sample(pairs, min(MORE_IMAGES, len(pairs)))
        wanted = {pair.image.id for pair in (*representatives(pairs), *others)}
        return [pair for pair in pairs if pair.image.id in wanted]

    def parts(self, sizes: Sizes) -> Iterator[Part]:
        """First, middle and last plane over every channel (some of many), some more; of a huge plane some tiles."""
        chance = random.Random(self.seed)
        channels = some(chance, sizes.c, MOST_CHANNELS)
        ends = {(0, 0), (sizes.z // 2, sizes.t // 2), (sizes.z - 1, sizes.t - 1)}
        planes = {(z, c, t) for c in channels for z, t in ends}
        for _ in range(MORE_PLANES):
            planes.add((chance.randrange(sizes.z), chance.randrange(sizes.c), chance.randrange(sizes.t)))
        for plane in sorted(planes):
            parts = list(tiles(plane, sizes))
            yield from (parts[n] for n in some(chance, len(parts), MOST_PARTS))


def representatives(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The first, the middle and the last pair, and one of each pixel type: what a probe looks at."""
    ends = (*pairs[:1], *pairs[len(pairs) // 2 :][:1], *pairs[-1:])
    types = {pair.image.pixel_type: pair for pair in reversed(pairs)}
    return tuple({pair.image.id: pair for pair in (*ends, *types.values())}.values())


def some(chance: random.Random, count: int, most: int) -> list[int]:
    """At most `most` of the numbers below `count`: the first, the middle, the last, and others by chance."""
    if count <= most:
        return list(range(count))
    ends = {0, count // 2, count - 1}
    return sorted(ends | set(chance.sample(range(count), most - len(ends))))


def tiles(plane: tuple[int, int, int], sizes: Sizes) -> Iterator[Part]:
    """A plane in parts, row by row."""
    for y in range(0, sizes.y, SIDE):
        for x in range(0, sizes.x, SIDE):
            yield Part(*plane, slice(y, min(y + SIDE, sizes.y)), slice(x, min(x + SIDE, sizes.x)))
