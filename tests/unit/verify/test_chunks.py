"""Chunks that the metadata promises, and those that are stored."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import zarr

from omero_roz.layout.model import Level, Series, Sizes
from omero_roz.layout.store import Store
from omero_roz.ports.zarr.stores import open_store
from omero_roz.verify.chunks import promised, stored
from omero_roz.verify.source import has_sha1


def series(tmp_path: Path, zarr_format: int, shards: tuple[int, ...] | None = None) -> tuple[Store, Series, zarr.Array]:
    made = zarr.open_group(tmp_path, mode="w", zarr_format=zarr_format)
    keys = {"name": "v2" if zarr_format == 2 else "default", "separator": "/"}
    array = made.create_array(
        "0", shape=(50, 70), chunks=(16, 16), shards=shards, dtype="<u2", fill_value=7, compressors=None,
        chunk_key_encoding=keys,
    )  # fmt: skip
    level = Level("0", (50, 70), (16, 16), "<u2", shards=shards)
    one = Series("", "", ("y", "x"), Sizes(70, 50), "uint16", (level,), zarr_format)
    return open_store(str(tmp_path)), one, array


@pytest.mark.parametrize("zarr_format, shards, count", [(2, None, 20), (3, None, 20), (3, (32, 32), 6)])
def test_counts(tmp_path: Path, zarr_format: int, shards: tuple[int, ...] | None, count: int) -> None:
    store, one, array = series(tmp_path, zarr_format, shards)
    assert promised(one.levels[0]) == count
    assert stored(store, one, one.levels[0]) == 0
    array[0, 0] = 1
    assert stored(store, one, one.levels[0]) == 1
    array[:] = 1
    assert stored(store, one, one.levels[0]) == count


@pytest.mark.parametrize("order", "<>")
def test_absent_chunks_are_the_fill_value(tmp_path: Path, order: str) -> None:
    store, one, array = series(tmp_path, 2)
    array[0:10] = 3
    pixels = np.full((50, 70), 7, f"{order}u2")
    pixels[0:10] = 3
    assert has_sha1(store, one, hashlib.sha1(pixels.tobytes()).hexdigest())
    pixels[49, 69] = 8
    assert not has_sha1(store, one, hashlib.sha1(pixels.tobytes()).hexdigest())
