"""How many chunks an array's metadata promises, and how many of them are stored."""

from math import prod

from omero_roz.layout.model import Level, Series
from omero_roz.layout.store import Store


def promised(level: Level) -> int:
    """How many files of chunks (or shards) a level has if none is absent."""
    extent = level.shards or level.chunks
    return prod(-(-size // part) for size, part in zip(level.shape, extent, strict=True))


def stored(store: Store, series: Series, level: Level) -> int | None:
    """How many of them are there; None where the store cannot list them."""
    names = store.files(level.path)
    if names is None:
        return None
    from omero_roz.layout.array import Array

    array = Array(store, level, series.zarr_format)
    return sum(array.is_chunk(name) for name in names)
