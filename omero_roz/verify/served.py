"""Is an image read from its Zarr at all: a server that cannot open it goes on with the old file, of equal pixels.

Then no pixel tells, but the shape of what is read does: the levels of the pyramid, and the tiles
(facts: omero_replacement Part 3).
"""

from collections.abc import Iterator, Sequence

from omero_roz.errors import Problem
from omero_roz.layout.model import Series
from omero_roz.matching import Pair
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.ports.planes import plane_reader

Size = tuple[int, int]


def not_served(session: OmeroSession, pairs: Sequence[Pair], group_id: int) -> Iterator[Problem]:
    """Those of the images that the server does not read from the Zarr, as far as levels and tiles tell it."""
    for pair in pairs:
        with plane_reader(session, pair.image, group_id) as reader:
            levels, tile = reader.levels(), reader.tile()
        if levels != expected_levels(pair.series):
            yield _problem(pair, f"levels of {_sizes(levels)}, and the Zarr has {_sizes(expected_levels(pair.series))}")
        elif tile not in (tiles := _tiles(pair.series)):
            yield _problem(pair, f"tiles of {_sizes([tile])}, and the Zarr has chunks of {_sizes(tiles[:1])}")


def expected_levels(series: Series) -> list[Size]:
    """Width and height of each level, the largest first."""
    x, y = series.axes.index("x"), series.axes.index("y")
    return sorted(((level.shape[x], level.shape[y]) for level in series.levels), reverse=True)


def _tiles(series: Series) -> list[Size]:
    """The chunks of the full resolution, and its shards; each also as far as the image goes."""
    x, y, level = series.axes.index("x"), series.axes.index("y"), series.levels[0]
    sizes = [(shape[x], shape[y]) for shape in (level.chunks, level.shards) if shape]
    return sizes + [(min(width, series.sizes.x), min(height, series.sizes.y)) for width, height in sizes]


def _problem(pair: Pair, what: str) -> Problem:
    fix = "it probably cannot open the path it was given: check its reader and rights, and --server-path"
    return Problem(f"Image:{pair.image.id}", f"OMERO does not read it from the Zarr: it has {what}", fix)


def _sizes(sizes: Sequence[Size]) -> str:
    return ", ".join(f"{width} x {height}" for width, height in sizes)
