"""How the chunks of an array are stored, read from its metadata: names, parts, codecs, what absent ones stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from omero_roz.layout.codecs import Form, Step, Undecodable, as_bytes, plain_type, undoing
from omero_roz.layout.json_values import as_dict, as_float, as_int, as_ints, as_list, as_str
from omero_roz.layout.model import Level, ZarrFormat

_MOST_INDEX = 64 << 20
_DEEPEST = 4  # shards in shards
_OURS = {"gzip", "zstd", "blosc", "crc32c"}  # whose names numcodecs and Zarr v3 share
_TYPES = ("dtype", "astype", "encode_dtype", "decode_dtype")
_INDEX = np.dtype("u8")
_SPECIAL: dict[str, float] = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


@dataclass(frozen=True, slots=True)
class Chain:
    """A chunk: its shape, `most` bytes that it may have encoded, and the codecs in the order of decoding."""

    shape: tuple[int, ...]
    dtype: np.dtype
    most: int
    steps: tuple[Callable[[Any], Any], ...]
    order: str = "C"
    exact: bool = True

    @property
    def nbytes(self) -> int:
        """Of the values of a chunk."""
        return prod(self.shape) * self.dtype.itemsize

    def decode(self, data: bytes) -> np.ndarray:
        """The values of a chunk; raises Undecodable, never gives more than are due."""
        found: Any = data
        for step in self.steps:
            found = step(found)
        found = as_bytes(found) if not isinstance(found, np.ndarray) or found.dtype != self.dtype else found
        if found.nbytes != self.nbytes:
            raise Undecodable(f"it has {found.nbytes:,} bytes where {self.nbytes:,} are due")
        return found.view(self.dtype).reshape(self.shape, order=self.order)


@dataclass(frozen=True, slots=True)
class Shards:
    """A file of chunks: the index at its start or end says where each is; `inner` is how each of them is stored."""

    shape: tuple[int, ...]
    inner: Chain | Shards
    index: Chain
    at_start: bool

    def places(self, data: bytes) -> np.ndarray:
        """Offset and length of each chunk; raises Undecodable."""
        return self.index.decode(data)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an array is stored: its type, the value of what is absent, and its chunks (or shards)."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fill: Any
    parts: Chain | Shards
    key_prefix: str
    separator: str

    def key(self, place: Sequence[int]) -> str:
        """The name of a chunk's file below the array."""
        return self.separator.join((*((self.key_prefix,) if self.key_prefix else ()), *map(str, place))) or "0"


def encoding_of(document: dict[str, Any], level: Level, zarr_format: ZarrFormat) -> Encoding:
    """How the array of a level is stored; raises Undecodable for what cannot be read within bounds."""
    dtype = plain_type(level.dtype)
    fill = _fill(document.get("fill_value"), dtype)
    if zarr_format == 2:
        return Encoding(level.shape, dtype, fill, _chain_v2(document, level.chunks, dtype), "", level.separator)
    grid = level.shards or level.chunks
    parts = _parts_v3(as_list(document.get("codecs")), grid, dtype.newbyteorder("="), 0)
    kind = as_str(as_dict(document.get("chunk_key_encoding")).get("name"))
    if kind not in ("default", "v2"):
        raise Undecodable(f"chunk keys of the kind {str(kind)[:60]!r}")
    if as_list(document.get("storage_transformers")):
        raise Undecodable("it has storage transformers")
    prefix = "c" if kind == "default" else ""
    return Encoding(level.shape, dtype.newbyteorder("="), fill, parts, prefix, level.separator)


def _fill(value: Any, dtype: np.dtype) -> Any:
    """The value of absent chunks; what is not stated is 0, as zarr-python has it."""
    if value is None:
        return dtype.type(0)
    if dtype.kind == "c" and isinstance(value, list) and len(value) == 2:
        half = np.dtype(f"f{dtype.itemsize // 2}")
        return dtype.type(complex(_fill(value[0], half), _fill(value[1], half)))
    found = _float(value, dtype) if dtype.kind in "fc" else _whole(value, dtype)
    if found is None:
        raise Undecodable(f"its fill value {str(value)[:60]!r} is none of {dtype.name}")
    return dtype.type(found)


def _whole(value: Any, dtype: np.dtype) -> int | None:
    number = int(value) if isinstance(value, bool) else as_int(value)
    if number is None or dtype.kind == "b":
        return number if number in (0, 1, None) else None
    return number if np.iinfo(dtype).min <= number <= np.iinfo(dtype).max else None


def _float(value: Any, dtype: np.dtype) -> float | None:
    """A number, or the name or the bits (0x7fc00000) of one that JSON lacks."""
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    if not isinstance(value, str) or dtype.kind != "f":
        return as_float(value)
    try:
        return float(np.frombuffer(bytes.fromhex(value.removeprefix("0x")), dtype.newbyteorder(">"))[0])
    except (ValueError, IndexError):
        return None


def _chain_v2(document: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype) -> Chain:
    order = document.get("order", "C")
    if order not in ("C", "F"):
        raise Undecodable(f"its order is {str(order)[:60]!r}")
    form, steps = Form(prod(shape) * dtype.itemsize, dtype), list[Callable[[Any], Any]]()
    for config in (*as_list(document.get("filters")), document.get("compressor")):
        if config is not None:
            step, form = undoing(as_dict(config), form)
            steps.append(step)
    return Chain(shape, dtype, form.nbytes, tuple(reversed(steps)), order, form.exact)


def _parts_v3(codecs: list[Any], shape: tuple[int, ...], dtype: np.dtype, depth: int) -> Chain | Shards:
    named = [_named(codec) for codec in codecs]
    if not any(name == "sharding_indexed" for name, _ in named):
        return _chain_v3(named, shape, dtype)
    if len(named) > 1 or depth == _DEEPEST:
        raise Undecodable("other codecs stand around its shards" if len(named) > 1 else "its shards are too deep")
    configuration = named[0][1]
    inner = as_ints(configuration.get("chunk_shape")) or ()
    if len(inner) != len(shape) or any(not side or whole % side for whole, side in zip(shape, inner, strict=True)):
        raise Undecodable(f"chunks of {str(inner)[:60]} do not fill shards of {str(shape)[:60]}")
    counts = tuple(whole // side for whole, side in zip(shape, inner, strict=True))
    if prod(counts) * 16 > _MOST_INDEX:
        raise Undecodable(f"a shard has {prod(counts):,} chunks, and its index would be too large")
    location = configuration.get("index_location", "end")
    if location not in ("start", "end"):
        raise Undecodable(f"its index is at {str(location)[:60]!r}")
    index = _chain_v3([_named(one) for one in as_list(configuration.get("index_codecs"))], (*counts, 2), _INDEX)
    if not index.exact:
        raise Undecodable("the index of its shards is compressed")
    parts = _parts_v3(as_list(configuration.get("codecs")), inner, dtype, depth + 1)
    return Shards(shape, parts, index, location == "start")


def _named(codec: Any) -> tuple[str, dict[str, Any]]:
    """Name and configuration of a codec, which may be its name alone."""
    if isinstance(codec, str):
        return codec, {}
    return as_str(as_dict(codec).get("name")) or "", as_dict(as_dict(codec).get("configuration"))


def _chain_v3(codecs: list[tuple[str, dict[str, Any]]], shape: tuple[int, ...], dtype: np.dtype) -> Chain:
    """Codecs of arrays, then one that makes bytes of an array, then codecs of bytes."""
    form, now, in_bytes = Form(prod(shape) * dtype.itemsize, dtype), shape, False
    steps: list[Callable[[Any], Any]] = []
    for name, configuration in codecs:
        if name == "transpose" and not in_bytes:
            step, now = _transposed(configuration, now, form.dtype)
        elif name in ("bytes", "endian") and not in_bytes:
            step, in_bytes = _from_bytes(configuration, form), True
        else:
            known = name in _OURS or name.startswith("numcodecs.")
            config = {"id": name.removeprefix("numcodecs.") if known else name} | _native(configuration)
            if name == "numcodecs.shuffle" and config.get("elementsize") is None:
                config["elementsize"] = dtype.itemsize
            step, form = undoing(config, form)
            in_bytes = in_bytes or not form.exact  # pcodec and zfpy make bytes of arrays themselves
        steps.append(step)
    if not in_bytes:
        raise Undecodable("no codec makes bytes of its chunks")
    return Chain(shape, dtype, form.nbytes, tuple(reversed(steps)), exact=form.exact)


def _native(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration whose types are in this machine's byte order: before `bytes` values count, not theirs."""
    types = {key: configuration[key] for key in _TYPES if configuration.get(key) is not None}
    return configuration | {key: plain_type(name).newbyteorder("=").str for key, name in types.items()}


def _transposed(
    configuration: dict[str, Any], shape: tuple[int, ...], dtype: np.dtype
) -> tuple[Callable[[Any], Any], tuple[int, ...]]:
    order = as_ints(configuration.get("order")) or ()
    if sorted(order) != list(range(len(shape))):
        raise Undecodable(f"it is transposed by {str(configuration.get('order'))[:60]}")
    stored, back = tuple(shape[axis] for axis in order), tuple(int(axis) for axis in np.argsort(order))
    return lambda data: as_bytes(data).view(dtype).reshape(stored).transpose(back), stored


def _from_bytes(configuration: dict[str, Any], form: Form) -> Step:
    endian = configuration.get("endian") or "little"
    if endian not in ("little", "big"):
        raise Undecodable(f"its byte order is {str(endian)[:60]!r}")
    stored = form.dtype.newbyteorder("<" if endian == "little" else ">")
    return Step("bytes", form.nbytes, form.nbytes, lambda data: data.view(stored).astype(form.dtype, copy=False))
