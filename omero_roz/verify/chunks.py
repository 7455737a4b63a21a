"""How many chunks an array's metadata promises, and how many of them are stored."""

from math import prod

import zarr

from omero_roz.layout.model import Level, Series
from omero_roz.layout.store import Store


def promised(level: Level) -> int:
    """How many files of chunks (or shards) a level has if none is absent."""
    extent = level.shards or level.chunks
    return prod(-(-size // part) for size, part in zip(level.shape, extent, strict=True))


def stored(store: Store, series: Series, level: Level) -> int | None:
    """How many of them are there; None where the store cannot list them."""
    if store.children("") is None:
        return None
    array = zarr.open_array(store.zarr(), path=level.path, mode="r", zarr_format=series.zarr_format)
    each = prod(level.shards) // prod(level.chunks) if level.shards else 1
    return array.nchunks_initialized // each
