"""Array metadata of Zarr v2 and v3 as levels, and pixel types as OMERO's."""

from __future__ import annotations

import re
from math import prod
from typing import Any

from omero_roz.layout.documents import Documents
from omero_roz.layout.json_values import as_dict, as_int, as_ints, as_list, as_str
from omero_roz.layout.model import Level, ZarrFormat

# The values of OMERO's enumeration PixelsType that have a numpy type; the rest of it ("bit") no reader opens.
PIXEL_TYPES = {
    "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32",
    "f4": "float", "f8": "double", "c8": "complex", "c16": "double-complex",
}  # fmt: skip
NO_READER = ("complex", "double-complex")  # in the enumeration, but every reader fails on them

_V3_TYPES = {
    "bool": "b1", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8",
    "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
    "float16": "f2", "float32": "f4", "float64": "f8", "complex64": "c8", "complex128": "c16",
}  # fmt: skip


def pixel_type(dtype: str) -> str | None:
    """OMERO's name of a numpy type, None when OMERO lacks it or no reader opens it."""
    value = PIXEL_TYPES.get(dtype.lstrip("<>|="))
    return None if value in NO_READER else value


def type_name(dtype: str) -> str:
    """The name of a numpy type that people know ("int64" for "<i8"), or the type itself in quotes."""
    plain = dtype.lstrip("<>|=")
    return next((name for name, short in _V3_TYPES.items() if short == plain), repr(dtype[:60]))


MOST_CHUNK = (1 << 31) - 1  # bytes; neither Java's arrays, which OMERO's readers fill, nor blosc have more


def parse_level(documents: Documents, path: str, zarr_format: ZarrFormat, document: dict[str, Any]) -> Level | None:
    """The level that an array document describes, or None and a problem."""
    level = level_of(path, zarr_format, document)
    if isinstance(level, str):
        documents.problem(path, level, "restore the array's metadata or convert again")
        return None
    return level


def level_of(path: str, zarr_format: ZarrFormat, document: dict[str, Any]) -> Level | str:
    """The level that an array document describes, or what is wrong with it."""
    level = _level_v2(path, document) if zarr_format == 2 else _level_v3(path, document)
    return level if isinstance(level, str) else _wrong_chunks(level) or level


def _wrong_chunks(level: Level) -> str | None:
    """Why nobody could read the chunks of a level."""
    if not len(level.shape) == len(level.chunks) == len(level.shards or level.chunks):
        return "the array's shape and chunks do not fit"
    if 0 in (*level.chunks, *(level.shards or ())) and 0 not in level.shape:  # an empty image is told as such
        return f"the array's chunks are empty: {level.shards or level.chunks}"
    if level.separator not in (".", "/"):
        return f"the array's chunks are named with {level.separator[:60]!r} between numbers"
    width = re.search("[0-9]{1,6}$", level.dtype)
    size = prod(level.chunks) * int(width[0] if width else 1)
    return f"a chunk has {size:,} bytes, and no reader takes more than {MOST_CHUNK:,}" if size > MOST_CHUNK else None


def _level_v2(path: str, document: dict[str, Any]) -> Level | str:
    shape, chunks = as_ints(document.get("shape")), as_ints(document.get("chunks"))
    dtype = as_str(document.get("dtype"))
    if shape is None or chunks is None:
        return "the array's shape or chunks are missing"
    if dtype is None:
        return "the array has no simple data type"
    if not isinstance(document.get("compressor"), dict | None) or not isinstance(document.get("filters"), list | None):
        return "the array's compressor is no object, or its filters are no list"
    separator = as_str(document.get("dimension_separator")) or "."
    compressor = as_str(as_dict(document.get("compressor")).get("id"))
    return Level(path, shape, chunks, dtype, separator, compressor)


def _level_v3(path: str, document: dict[str, Any]) -> Level | str:
    if document.get("node_type") != "array":
        return f"node_type is {document.get('node_type')!r}, not 'array'"
    shape = as_ints(document.get("shape"))
    grid = as_dict(as_dict(document.get("chunk_grid")).get("configuration"))
    chunks = as_ints(grid.get("chunk_shape"))
    if shape is None or chunks is None:
        return "the array's shape or chunks are missing"
    data_type = as_str(document.get("data_type"))
    if data_type is None:
        return "the array has no simple data type"
    shards, inner, codecs = _codecs_v3(chunks, as_list(document.get("codecs")))
    names = [as_str(as_dict(codec).get("name")) for codec in codecs]
    compressor = next((name for name in names if name in ("blosc", "zstd", "gzip")), None)
    return Level(path, shape, inner, _dtype_v3(data_type, codecs), _separator_v3(document), compressor, shards)


def _codecs_v3(chunks: tuple[int, ...], codecs: list[Any]) -> tuple[tuple[int, ...] | None, tuple[int, ...], list[Any]]:
    """Shards (None without), chunks and their codecs; with sharding the grid has the shards."""
    for codec in codecs:
        if as_dict(codec).get("name") == "sharding_indexed":
            configuration = as_dict(as_dict(codec).get("configuration"))
            inner = as_ints(configuration.get("chunk_shape")) or chunks
            return chunks, inner, as_list(configuration.get("codecs"))
    return None, chunks, codecs


def _dtype_v3(data_type: str, codecs: list[Any]) -> str:
    name = _V3_TYPES.get(data_type)
    if name is None:
        return data_type
    width = as_int(int(name[1:])) or 1
    endian = next(
        (
            as_dict(as_dict(codec).get("configuration")).get("endian")
            for codec in codecs
            if as_dict(codec).get("name") == "bytes"
        ),
        None,
    )
    return ("|" if width == 1 else ">" if endian == "big" else "<") + name


def _separator_v3(document: dict[str, Any]) -> str:
    encoding = as_dict(document.get("chunk_key_encoding"))
    default = "." if encoding.get("name") == "v2" else "/"
    return as_str(as_dict(encoding.get("configuration")).get("separator")) or default
