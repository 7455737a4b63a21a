"""Are the pixels the same: planes that OMERO shows against those of the Zarr itself.

A server that cannot open a binding shows the old file or zeros without an error, so neither "it reads" nor "before
equals after" proves anything: only the Zarr's own planes do (facts: omero_replacement Part 3).
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, TypeVar

import numpy as np

from omero_roz.errors import Problem, Refused, Unreachable
from omero_roz.layout.planes import Planes
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.planes import PlaneReaders
from omero_roz.proving.evidence import NOTHING, Evidence
from omero_roz.proving.sampling import Choice, Part
from omero_roz.shown import counted

Progress = Callable[[str, int, int], None]
Moment = Literal["before", "after"]
Look = tuple[Pair, Iterable[Part]]
JOBS = max(4, os.cpu_count() or 1)  # most of the time is spent waiting for a server or a bucket
PORTION = 64  # parts that a thread reads with one opening of the image
MOST_PROBLEMS = 20
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a comparison looked at: planes and images, and of how many; what differs, one hash of all that it saw.

    `partly`: of some planes it saw parts only.
    """

    planes: int
    problems: tuple[Problem, ...]
    images: int = 0
    digest: str = ""
    of_planes: int = 0
    of_images: int = 0
    partly: bool = False

    def told(self) -> dict[str, Any]:
        """As a record has it."""
        numbers = {"images": self.images, "of_images": self.of_images, "planes": self.planes}
        return numbers | {"of_planes": self.of_planes, "partly": self.partly, "sha1": self.digest}

    @property
    def share(self) -> str:
        """What was compared of what there is, for people."""
        images = f" ({self.images} of {self.of_images} images)" if self.images < self.of_images else ""
        parts = ", large ones in part," if self.partly else ""
        return f"{self.planes} of {counted(self.of_planes, 'plane')}{images}{parts} compared"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of some parts of an image: which planes (z, c, t) they are of, how many pixels, what differs."""

    planes: frozenset[tuple[int, int, int]]
    pixels: int
    problems: tuple[Problem, ...]
    digest: bytes


class Tally:
    """Counts what is seen of images; `pairs` are all that there are, `looks` those that are looked at."""

    def __init__(self, pairs: Sequence[Pair], looks: Sequence[Look]) -> None:
        self.problems: list[Problem] = []
        self._pairs, self._looks = pairs, looks
        self._planes: dict[int, set[tuple[int, int, int]]] = {}
        self._pixels, self._digest = 0, hashlib.sha1(usedforsecurity=False)

    def add(self, number: int, seen: Seen) -> None:
        """Take in what was seen of the image of a look; the looks come in their order."""
        self._planes.setdefault(number, set()).update(seen.planes)
        self._pixels += seen.pixels
        self._digest.update(seen.digest)
        self.problems += seen.problems

    def checked(self) -> Checked:
        """All of it."""
        sizes = [pair.series.sizes for pair, _ in self._looks]
        whole = sum(len(planes) * sizes[number].y * sizes[number].x for number, planes in self._planes.items())
        every = sum(one.z * one.c * one.t for one in (pair.series.sizes for pair in self._pairs))
        return Checked(
            sum(map(len, self._planes.values())), tuple(self.problems), len(self._looks), self._digest.hexdigest(),
            every, len(self._pairs), self._pixels < whole,
        )  # fmt: skip


def looks(pairs: Sequence[Pair], choice: Choice, evidence: Evidence = NOTHING) -> list[Look]:
    """What a choice takes of images, and what tells."""
    chosen = evidence.pairs(choice.pairs(pairs), pairs)
    return [(pair, evidence.of(pair, choice.parts(pair.series))) for pair in chosen]


def compare(
    readers: PlaneReaders,
    store: Store,
    pairs: Sequence[Pair],
    choice: Choice,
    progress: Progress,
    moment: Moment = "after",
    jobs: int = JOBS,
    evidence: Evidence = NOTHING,
) -> Checked:
    """Compare what a choice takes of images, and what tells, as OMERO shows it and as it is in the Zarr.

    Stops at the first 20 planes that differ.
    """
    chosen = looks(pairs, choice, evidence)
    tally = Tally(pairs, chosen)
    for number, seen in look_at(readers, store, chosen, moment, jobs):
        tally.add(number, seen)
        progress("comparing planes", number, len(chosen))
        if len(tally.problems) >= MOST_PROBLEMS:
            break
    progress("comparing planes", len(chosen), len(chosen))
    return tally.checked()


def look_at(
    readers: PlaneReaders, store: Store, wanted: Sequence[Look], moment: Moment = "after", jobs: int = JOBS
) -> Iterator[tuple[int, Seen]]:
    """Compare parts of images on several threads; what was seen of each image (its number), in their order.

    Of many parts of one image it comes in portions. Each thread holds one part of either side at a time.
    """

    def look(portion: tuple[int, list[Part]]) -> Seen:
        number, parts = portion
        return _compare_portion(readers, store, wanted[number][0], parts, moment)

    portions = ((n, portion) for n, (_, parts) in enumerate(wanted) for portion in _portions(parts))
    for (number, _), seen in _in_order(look, portions, jobs):
        yield number, seen


def _portions(parts: Iterable[Part]) -> Iterator[list[Part]]:
    left = iter(parts)
    while portion := list(islice(left, PORTION)):
        yield portion


def _in_order(function: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[tuple[T, R]]:
    """The items with their results, in their order; few are under way at a time, however many there are."""
    if jobs == 1:  # it is called from one thread of many
        yield from ((item, function(item)) for item in items)
        return
    waiting: deque[tuple[T, Future[R]]] = deque()
    pool = ThreadPoolExecutor(jobs)
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > 2 * jobs:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _compare_portion(readers: PlaneReaders, store: Store, pair: Pair, parts: list[Part], moment: Moment) -> Seen:
    expected, digest, problems = Planes(store, pair.series), hashlib.sha1(usedforsecurity=False), list[Problem]()
    pixels = 0
    try:
        with readers.of(pair.image) as reader:
            for part in parts:
                wanted = part.read(expected)  # first: what we cannot read ourselves is not the server's fault
                shown = part.read(reader)
                pixels += wanted.size
                digest.update(np.ascontiguousarray(shown).data)
                problems += _differences(pair, part, shown, wanted, moment)
    except Refused as error:
        if isinstance(error, Unreachable):
            raise
        fix = _cause(pair) if moment == "after" else "mend that first, or say --check none; nothing was changed"
        problems += (replace(problem, fix=fix) for problem in error.problems)
    planes = frozenset(plane for part in parts for plane in part.planes(pair.series.sizes))
    return Seen(planes, pixels, tuple(problems), digest.digest())


def _differences(pair: Pair, part: Part, shown: np.ndarray, expected: np.ndarray, moment: Moment) -> Iterator[Problem]:
    """A problem for each plane of a part that differs."""
    floats = shown.dtype.kind in "fc"
    if shown.shape == expected.shape and np.array_equal(shown, expected, equal_nan=floats):
        return
    for c, z in np.ndindex(shown.shape[:2]):
        if expected.shape == shown.shape and np.array_equal(shown[c, z], expected[c, z], equal_nan=floats):
            continue
        place = (z, c, part.t) if part.plane is None else (*part.plane, part.t)
        yield _difference(pair, place, shown[c, z], moment)


def _difference(pair: Pair, place: tuple[int, int, int], shown: np.ndarray, moment: Moment) -> Problem:
    where = "Image:{} z={} c={} t={}".format(pair.image.id, *place)
    if moment == "before":
        what = f"the Zarr's series {pair.series.path!r} has other pixels than OMERO shows"
        return Problem(where, what, "it is another image, or was not converted rightly; nothing was changed")
    what = "zeros" if not shown.any() else "other pixels"
    return Problem(where, f"OMERO shows {what} instead of the Zarr's series {pair.series.path!r}", _cause(pair))


def _cause(pair: Pair) -> str:
    if pair.series.zarr_format == 3:
        return "its reader probably opens Zarr v2 only: convert to NGFF 0.4, or give the server a reader for Zarr v3"
    return (
        "the server probably cannot open the path it was given, and fell back: "
        "check that its reader (docs/deploy.md) is installed and that its user can read the Zarr (--server-path)"
    )
