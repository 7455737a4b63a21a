"""Is an image read from its Zarr at all: a server that cannot open it goes on with the old file, of equal pixels.

Then nothing about the image itself tells. So scratch images get the same binding and no file: what the server shows of
them can only come from the Zarr (facts: omero_replacement Part 3, the silent fallback).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from omero_roz.errors import Problem
from omero_roz.fileset import ExternalInfo, OmeroImage
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.scratch import scratch_images
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.pixels import JOBS, compare
from omero_roz.proving.sampling import Sample

SAMPLE = Sample()


@dataclass(frozen=True, slots=True)
class Stand:
    """An image of OMERO, and the scratch image that stands for it: of its binding, to be read from nothing else."""

    pair: Pair
    scratch: OmeroImage


@contextmanager
def stands(
    session: OmeroSession,
    bound: Sequence[tuple[Sequence[Pair], Mapping[int, ExternalInfo | None]]],
    group_id: int,
) -> Iterator[list[list[Stand]]]:
    """For each fileset (its pairs, and the bindings by id of the image) the stands of a sample of its images.

    The sample is the first, the last, and one of each pixel type at least. One save and one delete for all.
    """
    chosen = [list(SAMPLE.pairs(pairs)) for pairs, _ in bound]
    like = [
        replace(pair.image, external_info=bindings[pair.image.id])
        for (_, bindings), pairs in zip(bound, chosen, strict=True)
        for pair in pairs
    ]
    with scratch_images(session, like, group_id) as scratch:
        made = iter(scratch)
        yield [[Stand(pair, next(made)) for pair in pairs] for pairs in chosen]


def not_served(
    session: OmeroSession, store: Store, stood: Sequence[Stand], group_id: int, jobs: int = JOBS
) -> tuple[Problem, ...]:
    """What tells that the server does not read the images from the Zarr."""
    problems: list[Problem] = []
    for one in stood:
        seen = compare(session, store, [Pair(one.scratch, one.pair.series)], group_id, SAMPLE, _quiet, jobs=jobs)
        problems += (_problem(one.pair, problem) for problem in seen.problems[:1])
    return tuple(problems)


def _problem(pair: Pair, seen: Problem) -> Problem:
    what = f"OMERO does not read it from the Zarr: of an image with this binding and no file {seen.what}"
    return Problem(f"Image:{pair.image.id}", what, seen.fix)


def _quiet(what: str, done: int, total: int) -> None:
    """The progress of a look at a few planes is not shown."""
