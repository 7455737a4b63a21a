"""Opening groups and arrays of a Zarr as the server's Java libraries can: JZarr for v2, zarr-java for v3."""

from pathlib import Path
from typing import Any

import zarr

# JZarr 0.4.2, CompressorFactory: everything else is an error on opening the array, zstd among them.
_V2_CODECS = {None, "zlib", "blosc"}
_V2_BLOSC = {"zstd", "blosclz", "lz4", "lz4hc", "zlib"}
_KINDS = "iuf"


class UnreadableZarrError(Exception):
    """The Java reader could not have opened it: one line, with the path."""


def open_group(path: str, v3: bool = False) -> zarr.Group:
    """The group at a local path, of Zarr v2, or of v2 or v3 with `v3`.

    Consolidated metadata is not looked at (no Java reader does). A URI is taken for a path, so that it is not
    found. Raises what zarr raises when there is no such group.
    """
    return zarr.open_group(Path(path), mode="r", zarr_format=None if v3 else 2, use_consolidated=False)


def open_array(path: str, v3: bool = False) -> zarr.Array:
    """The array at a local path.

    Raises UnreadableZarrError for a codec, filter or type that the Java reader lacks, else what zarr raises.
    """
    array: Any = zarr.open_array(Path(path), mode="r", zarr_format=None if v3 else 2)
    if array.dtype.kind not in _KINDS:
        raise UnreadableZarrError(f"{path}: type {array.dtype} is not supported")
    if array.metadata.zarr_format == 2:
        _check_codec(path, array.metadata.compressor)
        if array.metadata.filters:
            raise UnreadableZarrError(f"{path}: filters are not supported")
    return array


def _check_codec(path: str, compressor: Any) -> None:
    codec = getattr(compressor, "codec_id", None)
    if codec not in _V2_CODECS:
        raise UnreadableZarrError(f"{path}: Compressor id:'{codec}' not supported.")
    if codec == "blosc" and compressor.cname not in _V2_BLOSC:
        raise UnreadableZarrError(f"{path}: blosc: compressor not supported: '{compressor.cname}'")
