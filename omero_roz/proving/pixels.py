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
from typing import Literal, TypeVar

import numpy as np

from omero_roz.errors import Problem, Refused, Unreachable
from omero_roz.layout.planes import Planes
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.planes import plane_reader
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.sampling import Choice, Everything, Part, Sample

Progress = Callable[[str, int, int], None]
Moment = Literal["before", "after"]
sample: Choice = Sample()
all_planes: Choice = Everything()
JOBS = os.cpu_count() or 1
PORTION = 64  # parts that a thread reads with one opening of the image
MOST_PROBLEMS = 20
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a comparison looked at: how many planes of how many images, what differs, one hash of all that it saw."""

    planes: int
    problems: tuple[Problem, ...]
    images: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    planes: int
    problems: tuple[Problem, ...]
    digest: bytes


def compare(
    session: OmeroSession,
    store: Store,
    pairs: Sequence[Pair],
    group_id: int,
    choice: Choice,
    progress: Progress,
    moment: Moment = "after",
    jobs: int = JOBS,
) -> Checked:
    """Compare planes of the pairs, read through OMERO and from the Zarr, on several threads.

    Each thread holds one part of a plane of either side at a time. Stops at the first 20 that differ.
    """

    def look(portion: tuple[int, list[Part]]) -> _Seen:
        number, parts = portion
        return _compare_portion(session, store, pairs[number], parts, group_id, moment)

    portions = ((n, portion) for n, pair in enumerate(pairs) for portion in _portions(choice, pair))
    planes, problems, digest = 0, list[Problem](), hashlib.sha1(usedforsecurity=False)
    for (number, _), seen in _in_order(look, portions, jobs):
        planes += seen.planes
        problems += seen.problems
        digest.update(seen.digest)
        progress("comparing planes", number, len(pairs))
        if len(problems) >= MOST_PROBLEMS:
            break
    progress("comparing planes", len(pairs), len(pairs))
    return Checked(planes, tuple(problems), len(pairs), digest.hexdigest())


def _portions(choice: Choice, pair: Pair) -> Iterator[list[Part]]:
    parts = choice.parts(pair.series.sizes)
    while portion := list(islice(parts, PORTION)):
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


def _compare_portion(
    session: OmeroSession, store: Store, pair: Pair, parts: list[Part], group_id: int, moment: Moment
) -> _Seen:
    expected, digest, problems = Planes(store, pair.series), hashlib.sha1(usedforsecurity=False), list[Problem]()
    planes = len({(part.z, part.c, part.t) for part in parts})
    try:
        with plane_reader(session, pair.image, group_id) as reader:
            for part in parts:
                # first: what we cannot read ourselves is not the server's fault
                wanted = expected.read(part.z, part.c, part.t, part.rows, part.columns)
                shown = reader.read(part.z, part.c, part.t, part.rows, part.columns)
                digest.update(shown.data)
                if not _equal(shown, wanted):
                    problems.append(_difference(pair, part, shown, moment))
    except Refused as error:
        if isinstance(error, Unreachable):
            raise
        fix = _cause(pair) if moment == "after" else "mend that first, or say --check none; nothing was changed"
        problems += (replace(problem, fix=fix) for problem in error.problems)
    return _Seen(planes, tuple(problems), digest.digest())


def _equal(shown: np.ndarray, expected: np.ndarray) -> bool:
    return shown.shape == expected.shape and np.array_equal(shown, expected, equal_nan=shown.dtype.kind in "fc")


def _difference(pair: Pair, part: Part, shown: np.ndarray, moment: Moment) -> Problem:
    where = f"Image:{pair.image.id} z={part.z} c={part.c} t={part.t}"
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
