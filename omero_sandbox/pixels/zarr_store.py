"""Opening groups and arrays of a Zarr as the server's Java libraries can: JZarr for v2, zarr-java for v3."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import zarr
from s3fs import S3FileSystem
from zarr.storage import FsspecStore

# JZarr 0.4.2, CompressorFactory: everything else is an error on opening the array, zstd among them.
_V2_CODECS = {None, "zlib", "blosc"}
_V2_BLOSC = {"zstd", "blosclz", "lz4", "lz4hc", "zlib"}
_KINDS = "iuf"

NO_S3: Mapping[str, str] = MappingProxyType({})


class UnreadableZarrError(Exception):
    """The Java reader could not have opened it: one line, with the path."""


def open_group(path: str, v3: bool = False, s3: Mapping[str, str] = NO_S3) -> zarr.Group:
    """The group at a local path or s3://HOST/BUCKET/KEY, of Zarr v2, or of v2 or v3 with `v3`.

    Consolidated metadata is not looked at (no Java reader does). Another URI is taken for a path, so that it is
    not found. Raises what zarr raises when there is no such group, UnreadableZarrError for a host not in `s3`.
    """
    return zarr.open_group(_place(path, s3), mode="r", zarr_format=None if v3 else 2, use_consolidated=False)


def open_array(path: str, v3: bool = False, s3: Mapping[str, str] = NO_S3) -> zarr.Array:
    """The array at a local path or s3://HOST/BUCKET/KEY.

    Raises UnreadableZarrError for a codec, filter or type that the Java reader lacks, else as `open_group`.
    """
    array: Any = zarr.open_array(_place(path, s3), mode="r", zarr_format=None if v3 else 2)
    if array.dtype.kind not in _KINDS:
        raise UnreadableZarrError(f"{path}: type {array.dtype} is not supported")
    if array.metadata.zarr_format == 2:
        _check_codec(path, array.metadata.compressor)
        if array.metadata.filters:
            raise UnreadableZarrError(f"{path}: filters are not supported")
    return array


def below(path: str, name: str) -> str:
    """What lies below a path or address; an address's query (`?anonymous=true`) stays at the end."""
    address, question, query = path.partition("?") if path.startswith("s3://") else (path, "", "")
    return f"{address}/{name}{question}{query}"


def _place(path: str, s3: Mapping[str, str]) -> Path | FsspecStore:
    if not path.startswith("s3://"):
        return Path(path)
    parts = urlsplit(path)  # a port is dropped, as the plugin does
    endpoint = s3.get(parts.hostname or "")
    if endpoint is None:
        raise UnreadableZarrError(f"{path}: unknown host {parts.hostname}")
    anonymous = parse_qs(parts.query).get("anonymous") == ["true"]
    files = S3FileSystem(anon=anonymous, endpoint_url=endpoint, asynchronous=True)
    return FsspecStore(files, read_only=True, path=parts.path.strip("/"))


def _check_codec(path: str, compressor: Any) -> None:
    codec = getattr(compressor, "codec_id", None)
    if codec not in _V2_CODECS:
        raise UnreadableZarrError(f"{path}: Compressor id:'{codec}' not supported.")
    if codec == "blosc" and compressor.cname not in _V2_BLOSC:
        raise UnreadableZarrError(f"{path}: blosc: compressor not supported: '{compressor.cname}'")
