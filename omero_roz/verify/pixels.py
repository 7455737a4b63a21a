"""Are the pixels the same: planes that OMERO shows against those of the Zarr itself.

A server that cannot open a binding shows the old file or zeros without an error, so neither "it reads" nor "before
equals after" proves anything: only the Zarr's own planes do (facts: omero_replacement Part 3).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from omero_roz.errors import Problem, Refused, Unreachable
from omero_roz.layout.model import Sizes
from omero_roz.layout.planes import Planes
from omero_roz.matching import Pair
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.ports.planes import plane_reader

Plane = tuple[int, int, int]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a comparison looked at: the number of planes, and every plane that differs."""

    planes: int
    problems: tuple[Problem, ...]


def representatives(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The first and the last pair, and one of each pixel type: what a probe looks at."""
    chosen = {pair.image.id: pair for pair in (*pairs[:1], *pairs[-1:])}
    types = {pair.image.pixel_type for pair in chosen.values()}
    for pair in pairs:
        if pair.image.pixel_type not in types:
            types.add(pair.image.pixel_type)
            chosen[pair.image.id] = pair
    return tuple(chosen.values())


def sample(sizes: Sizes) -> list[Plane]:
    """First, middle and last plane over every channel, as (z, c, t)."""
    ends = sorted({(0, 0), (sizes.z // 2, sizes.t // 2), (sizes.z - 1, sizes.t - 1)})
    return [(z, c, t) for c in range(sizes.c) for z, t in ends]


def all_planes(sizes: Sizes) -> list[Plane]:
    """Every plane as (z, c, t)."""
    return [(z, c, t) for t in range(sizes.t) for c in range(sizes.c) for z in range(sizes.z)]


def compare(
    session: OmeroSession,
    store,
    pairs: Sequence[Pair],
    group_id: int,
    planes: Callable[[Sizes], list[Plane]],
    progress: Progress,
) -> Checked:
    """Compare planes of each pair, read through OMERO and from the Zarr; both are held one plane at a time."""
    count = 0
    problems: list[Problem] = []
    for number, pair in enumerate(pairs):
        progress("comparing planes", number, len(pairs))
        chosen = planes(pair.series.sizes)
        problems += _compare_image(session, store, pair, group_id, chosen)
        count += len(chosen)
    progress("comparing planes", len(pairs), len(pairs))
    return Checked(count, tuple(problems))


def _compare_image(session: OmeroSession, store, pair: Pair, group_id: int, planes: list[Plane]) -> Iterator[Problem]:
    expected = Planes(store, pair.series)
    try:
        with plane_reader(session, pair.image, group_id) as reader:
            for z, c, t in planes:
                problem = _difference(pair, (z, c, t), reader.read(z, c, t), expected.read(z, c, t))
                if problem:
                    yield problem
    except Refused as error:
        if isinstance(error, Unreachable):
            raise
        yield from (replace(problem, fix=_cause(pair)) for problem in error.problems)


def _difference(pair: Pair, plane: Plane, shown: np.ndarray, expected: np.ndarray) -> Problem | None:
    if shown.shape == expected.shape and np.array_equal(shown, expected, equal_nan=shown.dtype.kind in "fc"):
        return None
    z, c, t = plane
    what = "zeros" if not shown.any() else "other pixels"
    return Problem(
        f"Image:{pair.image.id} z={z} c={c} t={t}",
        f"OMERO shows {what} instead of the Zarr's series {pair.series.path!r}",
        _cause(pair),
    )


def _cause(pair: Pair) -> str:
    if pair.series.zarr_format == 3:
        return "its reader probably opens Zarr v2 only: convert to NGFF 0.4, or give the server a reader for Zarr v3"
    return (
        "the server probably cannot open the path it was given, and fell back: "
        "check that omero-zarr-pixel-buffer is installed and that the server's user can read it (--server-path)"
    )
