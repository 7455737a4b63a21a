"""Is an image read from its Zarr at all: a server that cannot open it goes on with the old file, of equal pixels.

Then nothing about the image itself tells. So scratch images get the same binding and no file: what the server shows of
them can only come from the Zarr (facts: omero_replacement Part 3, the silent fallback).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from omero_roz.errors import Problem
from omero_roz.fileset import ExternalInfo
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.ports.scratch import scratch_images
from omero_roz.verify.pixels import JOBS, compare
from omero_roz.verify.sampling import Sample

SAMPLE = Sample()


def not_served(
    session: OmeroSession,
    store: Store,
    pairs: Sequence[Pair],
    bindings: Mapping[int, ExternalInfo | None],
    group_id: int,
    jobs: int = JOBS,
) -> tuple[Problem, ...]:
    """What tells that the server does not read the images from the Zarr; `bindings` has theirs by id of the image.

    A sample of the images is looked at: first, last, and one of each pixel type at least.
    """
    chosen = SAMPLE.pairs(pairs)
    like = [replace(pair.image, external_info=bindings[pair.image.id]) for pair in chosen]
    problems: list[Problem] = []
    with scratch_images(session, like, group_id) as scratch:
        for pair, image in zip(chosen, scratch, strict=True):
            seen = compare(session, store, [Pair(image, pair.series)], group_id, SAMPLE, _quiet, jobs=jobs)
            problems += (_problem(pair, problem) for problem in seen.problems[:1])
    return tuple(problems)


def _problem(pair: Pair, seen: Problem) -> Problem:
    what = f"OMERO does not read it from the Zarr: of an image with this binding and no file {seen.what}"
    return Problem(f"Image:{pair.image.id}", what, seen.fix)


def _quiet(what: str, done: int, total: int) -> None:
    """The progress of a look at a few planes is not shown."""
