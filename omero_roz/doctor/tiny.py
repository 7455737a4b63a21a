"""A tiny Zarr of our own, which a server is asked to read: one image of 48 x 32 pixels that are not all alike."""

from pathlib import Path
from typing import Any

import numpy as np

from omero_roz.layout.model import ZarrFormat

WIDTH, HEIGHT = 48, 32


def write_tiny(root: Path, zarr_format: ZarrFormat) -> list[str]:
    """Write it as bioformats2raw would (NGFF 0.4 with Blosc, or 0.5); the paths of its files, parents first.

    Chunks are called `0.0.0.0.0`, so that few directories are needed.
    """
    import zarr
    from numcodecs import Blosc

    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1.0] * 5}]
    multiscale: dict[str, Any] = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    attributes: dict[str, Any] = {"multiscales": [multiscale | {"version": "0.4"}]}
    if zarr_format == 3:
        attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
    group = zarr.open_group(root, mode="w", zarr_format=zarr_format, attributes=attributes)
    keys: Any = {"name": "v2" if zarr_format == 2 else "default", "separator": "."}
    codec: Any = Blosc(cname="lz4") if zarr_format == 2 else "auto"
    group.create_array("0", data=_pixels(), chunks=(1, 1, 1, HEIGHT, WIDTH), compressors=codec, chunk_key_encoding=keys)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def _pixels() -> np.ndarray:
    """A wedge: planes of one value would prove nothing, for a server that opens nothing shows zeros."""
    return (np.arange(HEIGHT * WIDTH, dtype="uint16") * 37 + 11).reshape(1, 1, 1, HEIGHT, WIDTH)
