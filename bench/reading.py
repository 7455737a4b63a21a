"""What the bounds of reading cost: `python -m bench.reading [--side 4096]`.

The same parts of the same planes (2048 x 2048 pixels, as a comparison reads them) are read by omero-roz, which knows
beforehand what a chunk may give and how many are there at once, and by zarr-python, which does not; one after the
other, in one run. Prints the ratios of the medians of time and of the processors' time (what else the machine does
favours whoever has more threads), and ends with exit code 1 where the latter is over its limit.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numcodecs
import numpy as np
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
from zarr.storage import LocalStore

from omero_roz.layout.array import Array
from omero_roz.layout.arrays import level_of
from omero_roz.layout.model import Level, ZarrFormat
from omero_roz.ports.zarr.stores import open_store

LIMIT = 1.1
ROUNDS = 5
PART = 2048
KINDS: dict[str, dict[str, Any]] = {
    "v2, blosc lz4, chunks of 1024": {"zarr_format": 2, "chunk": 1024, "compressors": numcodecs.Blosc("lz4")},
    "v2, blosc lz4, chunks of 256": {"zarr_format": 2, "chunk": 256, "compressors": numcodecs.Blosc("lz4")},
    "v2, big-endian, zlib": {"zarr_format": 2, "chunk": 1024, "compressors": numcodecs.Zlib(1), "dtype": ">u2"},
    "v2, not compressed": {"zarr_format": 2, "chunk": 1024, "compressors": None},
    "v3, zstd": {"zarr_format": 3, "chunk": 1024, "compressors": ZstdCodec(level=1)},
    "v3, gzip": {"zarr_format": 3, "chunk": 512, "compressors": GzipCodec(level=1)},
    "v3, shards": {"zarr_format": 3, "chunk": 512, "compressors": BloscCodec(cname="zstd"), "shards": (1, 2048, 2048)},
}


def main() -> int:
    """Measure each kind of array."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    side = parser.parse_args().side
    noise = np.random.default_rng(0).normal(500, 60, (2, side, side)).astype("u2")  # packs about as camera images do
    good = True
    with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as folder:
        for number, (name, kind) in enumerate(KINDS.items()):
            path = _written(Path(folder, str(number)), noise, **kind)
            time, work = _ratios(_bounded(path, kind["zarr_format"]), _unbounded(path), side)
            print(f"{name}: {time:.2f} times the time, {work:.2f} times the work (limit {LIMIT})", flush=True)
            good &= work <= LIMIT
    return 0 if good else 1


def _written(path: Path, data: np.ndarray, chunk: int, dtype: str = "<u2", **options: Any) -> Path:
    chunks = (1, chunk, chunk)
    zarr.create_array(path, shape=data.shape, chunks=chunks, dtype=dtype, **options)[...] = data
    return path


Read = Callable[[int, slice, slice], np.ndarray]


def _bounded(path: Path, version: ZarrFormat) -> Read:
    level = level_of("", version, json.loads((path / (".zarray" if version == 2 else "zarr.json")).read_text()))
    assert isinstance(level, Level)
    array = Array(open_store(str(path)), level, version)
    return lambda z, y, x: array.read(((z, z + 1), (y.start, y.stop), (x.start, x.stop)))[0]


def _unbounded(path: Path) -> Read:
    array = zarr.open_array(LocalStore(path, read_only=True), mode="r")
    return lambda z, y, x: np.asarray(array[z, y, x])


def _ratios(ours: Read, theirs: Read, side: int) -> tuple[float, float]:
    """Of the medians of both, which read in turn: of the time that it took, and of all threads' on processors."""
    took: tuple[list[float], list[float]] = ([], [])
    worked: tuple[list[float], list[float]] = ([], [])
    for z in (0, 1) * ROUNDS:
        for y in range(0, side, PART):
            for x in range(0, side, PART):
                place, found = (z, slice(y, min(y + PART, side)), slice(x, min(x + PART, side))), []
                for read, seconds, work in zip((ours, theirs), took, worked, strict=True):
                    started, before = perf_counter(), process_time()
                    found.append(read(*place))
                    work.append(process_time() - before)
                    seconds.append(perf_counter() - started)
                assert np.array_equal(*found)
    return _of_medians(*took), _of_medians(*worked)


def _of_medians(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)


if __name__ == "__main__":
    sys.exit(main())
