"""Which images, planes and parts of planes a comparison looks at."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from omero_roz.layout.model import Series, Sizes
from omero_roz.matching import Pair

SIDE = 2048  # a part of a plane is at most as wide and high, so that a whole slide needs no more memory than a snapshot
AT_ONCE = 4 << 20  # bytes: a timepoint of no more is read as a whole, for a call to OMERO takes longer than its pixels
MOST_CHANNELS = 16
MOST_PARTS = 9
MORE_IMAGES, MORE_PLANES = 2, 4


class Pixels(Protocol):
    """Where pixels are read from: OMERO, or a Zarr."""

    def read(self, z: int, c: int, t: int, rows: slice, columns: slice) -> np.ndarray:
        """A part of a plane."""

    def timepoint(self, t: int) -> np.ndarray:
        """All planes of a timepoint, as (c, z, y, x)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of one plane; where `plane` is None all planes of the timepoint."""

    t: int
    plane: tuple[int, int] | None = None  # z and c
    rows: slice = field(default_factory=lambda: slice(None))
    columns: slice = field(default_factory=lambda: slice(None))

    def read(self, source: Pixels) -> np.ndarray:
        """The part as (c, z, y, x)."""
        if self.plane is None:
            return source.timepoint(self.t)
        return source.read(*self.plane, self.t, self.rows, self.columns)[None, None]

    def planes(self, sizes: Sizes) -> set[tuple[int, int, int]]:
        """The planes (z, c, t) that it is of."""
        if self.plane is not None:
            return {(*self.plane, self.t)}
        return {(z, c, self.t) for z in range(sizes.z) for c in range(sizes.c)}


class Choice(Protocol):
    """What of some images is looked at."""

    def pairs(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The images that are looked at."""

    def parts(self, series: Series) -> Iterator[Part]:
        """What is looked at of an image."""


@dataclass(frozen=True, slots=True)
class Everything:
    """All images, all planes."""

    def pairs(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """All of them."""
        return pairs

    def parts(self, series: Series) -> Iterator[Part]:
        """All planes, in the order in which they are stored."""
        sizes = series.sizes
        for t in range(sizes.t):
            if by_timepoint(series):
                yield Part(t)
                continue
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

    def parts(self, series: Series) -> Iterator[Part]:
        """First, middle and last timepoint and one more, all planes of each.

        Of larger ones the first, middle and last plane over every channel (some of many), some more; of a huge plane
        some tiles.
        """
        sizes, chance = series.sizes, random.Random(self.seed)
        if by_timepoint(series):
            yield from map(Part, sorted({0, sizes.t // 2, sizes.t - 1, chance.randrange(sizes.t)}))
            return
        channels = some(chance, sizes.c, MOST_CHANNELS)
        ends = {(0, 0), (sizes.z // 2, sizes.t // 2), (sizes.z - 1, sizes.t - 1)}
        planes = {(z, c, t) for c in channels for z, t in ends}
        for _ in range(MORE_PLANES):
            planes.add((chance.randrange(sizes.z), chance.randrange(sizes.c), chance.randrange(sizes.t)))
        for plane in sorted(planes):
            yield from (tile(plane, sizes, n) for n in some(chance, count_tiles(sizes), MOST_PARTS))


def by_timepoint(series: Series) -> bool:
    """Whether the planes of an image are read a whole timepoint at a time.

    Not where z comes before c: the pixel buffer for Zarr gives them in the order in which they are stored.
    """
    sizes, axes = series.sizes, series.axes
    itemsize = np.dtype(series.levels[0].dtype).itemsize
    ordered = "c" not in axes or "z" not in axes or axes.index("c") < axes.index("z")
    return ordered and sizes.z * sizes.c > 1 and sizes.z * sizes.c * sizes.y * sizes.x * itemsize <= AT_ONCE


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
    """A plane (z, c, t) in parts, row by row."""
    return (tile(plane, sizes, number) for number in range(count_tiles(sizes)))


def count_tiles(sizes: Sizes) -> int:
    """How many parts a plane has; metadata alone make that billions, which are never there together."""
    return -(-sizes.y // SIDE) * -(-sizes.x // SIDE)


def tile(plane: tuple[int, int, int], sizes: Sizes, number: int) -> Part:
    """One of the parts of a plane (z, c, t), which are counted row by row."""
    z, c, t = plane
    y, x = (SIDE * place for place in divmod(number, -(-sizes.x // SIDE)))
    return Part(t, (z, c), slice(y, min(y + SIDE, sizes.y)), slice(x, min(x + SIDE, sizes.x)))
