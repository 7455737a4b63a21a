"""Minima and maxima of pixels that are no ordinary numbers."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from omero_roz.import_.statistics import read_one
from omero_roz.layout.reading import read_layout
from omero_roz.ports.zarr.stores import Access, open_store


@pytest.mark.parametrize("dtype", ["<f4", ">f8"])
def test_what_is_no_finite_number_is_left_out(tmp_path: Path, dtype: str) -> None:
    pixels = np.zeros((5, 4, 6), dtype)
    pixels[0] = np.arange(24).reshape(4, 6) - 3
    pixels[1] = pixels[0]
    pixels[1, 0, 0], pixels[1, 3, 3] = -np.inf, np.nan
    pixels[2], pixels[3] = np.inf, np.nan
    pixels[4, :2], pixels[4, 2:] = np.inf, np.nan
    multiscale = {"version": "0.4", "axes": ["c", "y", "x"], "datasets": [{"path": "0"}]}
    group = zarr.open_group(tmp_path, mode="w", zarr_format=2, attributes={"multiscales": [multiscale]})
    group.create_array("0", data=pixels, chunks=(1, 2, 6))
    store = open_store(str(tmp_path), Access())
    [series] = read_layout(store).mapped_series()
    assert read_one(store, series).ranges == ((-3.0, 20.0), (-2.0, 20.0), None, None, None)
