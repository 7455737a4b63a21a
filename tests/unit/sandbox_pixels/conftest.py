"""Sources as the database would give them, and Zarrs small enough to look at."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from omero_sandbox.pixels import PixelBuffer, Sizes, Source, open_source


def source(
    path: Path | None = None,
    lsid: object = None,
    sizes: Sizes | None = None,
    image_format: str = "OMETiff",
    series: int = 0,
) -> Source:
    """A Source with defaults."""
    sizes = sizes or Sizes(5, 4, 1, 1, 1, np.dtype("u1"))
    return Source(1, path, series, sizes, image_format, None if lsid is None else str(lsid))


def all_readable(files: Sequence[Path]) -> list[Path]:
    """No file is hidden."""
    return []


def opened(src: Source, v3: bool = False) -> PixelBuffer:
    """Open for someone who may read everything."""
    return open_source(src, v3, all_readable)


Writer = Callable[..., Path]


@pytest.fixture
def multiscale(tmp_path: Path) -> Writer:
    """Write a multiscales group of Zarr v2, one array a level: `multiscale(level0, level1, axes="tczyx")`."""

    def write(*levels: np.ndarray, axes: str | None = "tczyx", name: str = "m.zarr/0", **array: Any) -> Path:
        path = tmp_path / name
        zarr_format = array.pop("zarr_format", 2)
        group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
        for number, level in enumerate(levels):
            made = group.create_array(str(number), shape=level.shape, chunks=level.shape, dtype=level.dtype, **array)
            made[...] = level
        multiscales: dict[str, Any] = {"datasets": [{"path": str(n)} for n in range(len(levels))]}
        if axes is not None:
            multiscales["axes"] = [{"name": axis} for axis in axes]
        metadata = {"multiscales": [multiscales]}
        group.attrs.update(metadata if zarr_format == 2 else {"ome": metadata})
        return path

    return write
