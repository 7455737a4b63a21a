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
from omero_roz.proving.evidence import Evidence
from omero_roz.proving.pixels import JOBS, look_at
from omero_roz.proving.sampling import Part


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
def stands(session: OmeroSession, bound: Sequence[Bound], group_id: int) -> Iterator[list[list[Stand]]]:
    """For each fileset the stands of those of its images that tell. One save and one delete for all."""
    chosen = [[pair for pair in one.pairs if pair.image.id in one.evidence.parts] for one in bound]
    like = [
        replace(pair.image, external_info=one.bindings[pair.image.id])
        for one, pairs in zip(bound, chosen, strict=True)
        for pair in pairs
    ]
    with scratch_images(session, like, group_id) as scratch:
        made = iter(scratch)
        yield [
            [Stand(pair, next(made), one.evidence.parts[pair.image.id]) for pair in pairs]
            for one, pairs in zip(bound, chosen, strict=True)
        ]


def not_served(
    session: OmeroSession, store: Store, stood: Sequence[Stand], group_id: int, jobs: int = JOBS
) -> tuple[Problem, ...]:
    """What tells that the server does not read the images from the Zarr: a problem an image."""
    wanted = [(Pair(one.scratch, one.pair.series), [one.part]) for one in stood]
    found = look_at(session, store, wanted, group_id, jobs=jobs)
    return tuple(_problem(stood[number].pair, seen.problems[0]) for number, seen in found if seen.problems)


def _problem(pair: Pair, seen: Problem) -> Problem:
    what = f"OMERO does not read it from the Zarr: of an image with this binding and no file {seen.what}"
    return Problem(f"Image:{pair.image.id}", what, seen.fix)
