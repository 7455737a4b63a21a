"""Is an image read from its Zarr at all: a server that cannot open it goes on with the old file, of equal pixels.

Then nothing about the image itself tells. So scratch images get the same binding and no file: what the server shows of
them can only come from the Zarr (facts: omero_replacement Part 3, the silent fallback).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from omero_roz.errors import Problem
from omero_roz.fileset import ExternalInfo, OmeroImage
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.planes import PlaneReaders
from omero_roz.ports.omero.scratch import scratch_images
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.evidence import NOTHING, Evidence
from omero_roz.proving.pixels import JOBS, MOST_PROBLEMS, Checked, Progress, Tally, look_at, looks
from omero_roz.proving.sampling import Choice, Everything, Part


@dataclass(frozen=True, slots=True)
class Stand:
    """An image of OMERO, and the scratch image that stands for it: of its binding, to be read from nothing else.

    `part` is what is looked at: it has different pixels, which a server that opens nothing does not show.
    """

    pair: Pair
    scratch: OmeroImage
    part: Part


@dataclass(frozen=True, slots=True)
class Bound:
    """The images of a fileset, what tells of them, and their bindings by id of the image."""

    pairs: Sequence[Pair]
    evidence: Evidence
    bindings: Mapping[int, ExternalInfo | None]


@contextmanager
def stands(
    session: OmeroSession, bound: Sequence[Bound], group_id: int, beside: Executor | None = None
) -> Iterator[list[list[Stand]]]:
    """For each fileset the stands of those of its images that tell. One save and one delete for all.

    `beside` deletes them while the work goes on.
    """
    chosen = [[pair for pair in one.pairs if pair.image.id in one.evidence.parts] for one in bound]
    like = [
        replace(pair.image, external_info=one.bindings[pair.image.id])
        for one, pairs in zip(bound, chosen, strict=True)
        for pair in pairs
    ]
    with scratch_images(session, like, group_id, beside) as scratch:
        made = iter(scratch)
        yield [
            [Stand(pair, next(made), one.evidence.parts[pair.image.id]) for pair in pairs]
            for one, pairs in zip(bound, chosen, strict=True)
        ]


def not_served(readers: PlaneReaders, store: Store, stood: Sequence[Stand], jobs: int = JOBS) -> tuple[Problem, ...]:
    """What tells that the server does not read the images from the Zarr: a problem an image."""
    problems, _ = compare_served(readers, store, stood, (), Everything(), _quiet, jobs)
    return problems


def compare_served(
    readers: PlaneReaders,
    store: Store,
    stood: Sequence[Stand],
    pairs: Sequence[Pair],
    choice: Choice,
    progress: Progress,
    jobs: int = JOBS,
    evidence: Evidence = NOTHING,
) -> tuple[tuple[Problem, ...], Checked]:
    """Compare the stands and, beside them, what a choice takes of the images themselves.

    What tells that the server does not read the Zarr, in which case the images are not looked at to their end, and
    what was seen of them.
    """
    stands, images = [(Pair(one.scratch, one.pair.series), [one.part]) for one in stood], looks(pairs, choice, evidence)
    unserved, tally = list[Problem](), Tally(pairs, images)
    for number, seen in look_at(readers, store, [*stands, *images], jobs=jobs):
        if number < len(stands):
            unserved += (_problem(stood[number].pair, problem) for problem in seen.problems[:1])
            continue
        tally.add(number - len(stands), seen)
        progress("comparing planes", number - len(stands), len(images))
        if unserved or len(tally.problems) >= MOST_PROBLEMS:
            break
    progress("comparing planes", len(images), len(images))
    return tuple(unserved), tally.checked()


def _problem(pair: Pair, seen: Problem) -> Problem:
    what = f"OMERO does not read it from the Zarr: of an image with this binding and no file {seen.what}"
    return Problem(f"Image:{pair.image.id}", what, seen.fix)


def _quiet(what: str, done: int, total: int) -> None:
    """The progress of a look at a few planes is not shown."""
