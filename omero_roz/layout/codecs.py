"""The codecs of Zarr, each undone with a bound: how many bytes it must give is known before it is called.

A codec's own library decides what is in a chunk; that it may not give more than is due is decided here, by the header
that states it (blosc, lz4, zstd, zfpy), by a buffer of that size (zstd, pcodec), or by a limit (zlib, gzip, bz2, lzma).
A codec that is not here has no bound, so it is refused (decision 10).
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import Any

import numcodecs
import numpy as np

from omero_roz.shown import said

CONVERT = "convert with blosc, zstd, zlib or gzip, and no filters"
_PIECE = 1 << 18  # elements that are calculated at once: numpy makes doubles of them on the way
_LZMA_MEMORY = 80 << 20  # of its dictionary: 65 MiB for the strongest preset, made real as far as it is written
_HEADERS = 1 << 16  # no compressor's headers have more, and none makes twice the bytes
_WHOLE_STREAM = "the data end before their stream does"


class Undecodable(Exception):
    """What stands in an array's metadata, or in a chunk, cannot be decoded; the text says why."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a codec is given to encode: how many bytes (behind a compressor at most so many), of which type."""

    nbytes: int
    dtype: np.dtype
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One codec undone: `due` bytes are made of `taken` ones; None where that varies."""

    name: str
    due: int | None
    taken: int | None
    undo: Callable[[Any], Any]

    def __call__(self, data: Any) -> np.ndarray:
        """The bytes as they were before they were encoded; raises Undecodable."""
        data = as_bytes(data)
        if self.taken is not None and len(data) != self.taken:
            raise Undecodable(f"{self.name} has {len(data):,} bytes where {self.taken:,} are due")
        try:
            with np.errstate(all="ignore"):
                found = as_bytes(self.undo(data))
        except Undecodable:
            raise
        except Exception as error:  # what codecs raise is not listed anywhere
            raise Undecodable(f"{self.name}: {said(error)}") from error
        if self.due is not None and len(found) != self.due:
            raise Undecodable(f"{self.name} gives {len(found):,} bytes where {self.due:,} are due")
        return found


def as_bytes(data: Any) -> np.ndarray:
    """Bytes, or the values of an array in their order, as single bytes; copied only where they are strewn about."""
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view("u1")
    return np.frombuffer(data, "u1")


def undoing(config: Mapping[str, Any], form: Form) -> tuple[Step, Form]:
    """How the codec that a numcodecs configuration names is undone where it was given a form, and what it made of it.

    Raises Undecodable for a codec without a bound, and for a configuration that it does not take.
    """
    name = config.get("id")
    make = _CODECS.get(name) if isinstance(name, str) else None
    if make is None:
        raise Undecodable(f"the codec {str(name)[:60]!r} is not known here, so what it may give has no bound")
    try:
        return make(dict(config), form)
    except Undecodable:
        raise
    except Exception as error:
        raise Undecodable(f"{name}: {said(error)}") from error


_Made = tuple[Step, Form]
_ENCODED = np.dtype("u1")


def _must_be_exact(name: str, form: Form) -> None:
    if not form.exact:
        raise Undecodable(f"{name} stands behind a compressor, so what it may give has no bound")


def _compressed(name: str, form: Form, undo: Callable[[np.ndarray], Any]) -> _Made:
    _must_be_exact(name, form)
    return Step(name, form.nbytes, None, undo), Form(2 * form.nbytes + _HEADERS, _ENCODED, exact=False)


def _sized(name: str, form: Form, nbytes: int, undo: Callable[[np.ndarray], Any]) -> _Made:
    """A codec that makes `nbytes` bytes of what it is given, whatever that is."""
    due, taken = (form.nbytes, nbytes) if form.exact else (None, None)
    return Step(name, due, taken, undo), Form(nbytes, _ENCODED, form.exact)


def _too_much(due: int) -> Undecodable:
    return Undecodable(f"it holds more than the {due:,} bytes that its array's metadata say")


def _states(name: str, due: int, stated: int) -> None:
    if stated > due:
        raise _too_much(due)
    if stated != due:
        raise Undecodable(f"{name} states {stated:,} bytes where {due:,} are due")


def _zlib(config: dict[str, Any], form: Form) -> _Made:
    window = zlib.MAX_WBITS + (16 if config["id"] == "gzip" else 0)

    def undo(data: np.ndarray) -> bytes:
        stream = zlib.decompressobj(window)
        found = stream.decompress(data.data, form.nbytes + 1)  # one more, so that the end is seen, and its checksum
        if len(found) > form.nbytes:
            raise _too_much(form.nbytes)
        if not stream.eof:
            raise Undecodable(_WHOLE_STREAM)
        return found

    return _compressed(config["id"], form, undo)


def _bz2(config: dict[str, Any], form: Form) -> _Made:
    return _compressed("bz2", form, lambda data: _limited(bz2.BZ2Decompressor(), data, form.nbytes))


def _lzma(config: dict[str, Any], form: Form) -> _Made:
    kind, filters = config.get("format", lzma.FORMAT_XZ), config.get("filters")
    sizes = [one.get("dict_size") or 0 for one in filters or ()]
    if any(size > _LZMA_MEMORY for size in sizes):
        raise Undecodable("lzma: its dictionary is larger than any preset's")
    limit = None if kind == lzma.FORMAT_RAW else _LZMA_MEMORY

    def undo(data: np.ndarray) -> bytes:
        return _limited(lzma.LZMADecompressor(kind, limit, filters), data, form.nbytes)

    return _compressed("lzma", form, undo)


def _limited(stream: bz2.BZ2Decompressor | lzma.LZMADecompressor, data: np.ndarray, due: int) -> bytes:
    found = stream.decompress(data.data, max_length=due + 1)
    if len(found) > due:
        raise _too_much(due)
    if not stream.eof:
        raise Undecodable(_WHOLE_STREAM)
    return found


def _blosc(config: dict[str, Any], form: Form) -> _Made:
    def undo(data: np.ndarray) -> Any:
        if len(data) < 16:
            raise Undecodable("blosc: it has no header")
        stated, _, whole = struct.unpack_from("<III", data.data, 4)
        _states("blosc", form.nbytes, stated)
        if not 16 <= whole <= len(data):
            raise Undecodable(_WHOLE_STREAM)
        return _into(numcodecs.Blosc(), data[:whole], form)

    return _compressed("blosc", form, undo)


def _lz4(config: dict[str, Any], form: Form) -> _Made:
    def undo(data: np.ndarray) -> Any:
        if len(data) < 5:
            raise Undecodable("lz4: it has no header")
        _states("lz4", form.nbytes, struct.unpack_from("<I", data.data)[0])
        return _into(numcodecs.LZ4(), data, form)

    return _compressed("lz4", form, undo)


def _zstd(config: dict[str, Any], form: Form) -> _Made:
    def undo(data: np.ndarray) -> Any:
        try:
            return _into(numcodecs.Zstd(), data, form)
        except ValueError:  # the frame states more than the buffer holds; one that states nothing ends with the buffer
            raise _too_much(form.nbytes) from None

    return _compressed("zstd", form, undo)


def _into(codec: Any, data: np.ndarray, form: Form) -> np.ndarray:
    return codec.decode(data, np.empty(form.nbytes, "u1"))


def _pcodec(config: dict[str, Any], form: Form) -> _Made:
    standalone = _plug_in("pcodec").standalone

    def undo(data: np.ndarray) -> np.ndarray:
        found = np.zeros(form.nbytes // form.dtype.itemsize, form.dtype)
        progress = standalone.simple_decompress_into(data.tobytes(), found)
        if progress.n_processed != len(found):
            raise Undecodable(_WHOLE_STREAM)
        if not progress.finished:
            raise _too_much(form.nbytes)
        return found

    return _compressed("pcodec", form, undo)


def _zfpy(config: dict[str, Any], form: Form) -> _Made:
    zfpy = _plug_in("zfpy")

    def undo(data: np.ndarray) -> np.ndarray:
        header = zfpy.header(data.tobytes())
        sides = [max(int(header[side]), 1) for side in ("nx", "ny", "nz", "nw")]
        _states("zfpy", form.nbytes, prod(sides) * form.dtype.itemsize)
        # It does not know where its data end, and would read on: into zeros, of which no memory is made.
        bits = max(header["config"]["expert"][end] for end in ("minbits", "maxbits"))
        padded = np.zeros(len(data) + prod(-(-side // 4) for side in sides) * (bits // 8 + 1) + 64, "u1")
        padded[: len(data)] = data
        return zfpy.decompress_numpy(padded)

    return _compressed("zfpy", form, undo)


def _plug_in(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise Undecodable(f"the codec {name!r} is not installed here (pip install {name})") from None


def _same_size(config: dict[str, Any], form: Form) -> _Made:
    """Bits were rounded: what is there is what was meant."""
    return _sized(config["id"], form, form.nbytes, lambda data: data)[0], form


def _shuffle(config: dict[str, Any], form: Form) -> _Made:
    size = config.get("elementsize", 4)
    if not isinstance(size, int) or not 1 <= size <= 256:
        raise Undecodable(f"shuffle: elements of {size!r} bytes")
    return _sized("shuffle", form, form.nbytes, numcodecs.Shuffle(size).decode)


def _delta(config: dict[str, Any], form: Form) -> _Made:
    codec, stored = _typed(config, form, "dtype", "astype")
    return Step("delta", form.nbytes, stored.nbytes, codec.decode), stored


def _piecewise(decoded: str, encoded: str) -> Callable[[dict[str, Any], Form], _Made]:
    """A codec that calculates each value by itself, so that a part of a chunk is calculated at a time."""

    def made(config: dict[str, Any], form: Form) -> _Made:
        codec, stored = _typed(config, form, decoded, encoded)
        dtype = np.dtype(config[decoded])

        def undo(data: np.ndarray) -> np.ndarray:
            values = data.view(stored.dtype)
            found = np.empty(len(values), dtype)
            for start in range(0, len(values), _PIECE):
                found[start : start + _PIECE] = codec.decode(values[start : start + _PIECE])
            return found

        return Step(config["id"], form.nbytes, stored.nbytes, undo), stored

    return made


def _typed(config: dict[str, Any], form: Form, decoded: str, encoded: str) -> tuple[Any, Form]:
    """A codec that states the types of what it gives and takes, and what it takes."""
    _must_be_exact(config["id"], form)
    config.setdefault(decoded, form.dtype.str)
    given, stored = plain_type(config[decoded]), plain_type(config.get(encoded) or config[decoded])
    count, rest = divmod(form.nbytes, given.itemsize)
    if rest:
        raise Undecodable(f"{config['id']}: type {given} does not fit")
    return numcodecs.get_codec(config), Form(count * stored.itemsize, stored)


def plain_type(name: Any) -> np.dtype:
    """The numpy type of a name, of numbers of at most 16 bytes; raises Undecodable for any other."""
    try:
        found = np.dtype(name) if isinstance(name, str) else None
    except Exception:  # numpy evaluates some of it
        found = None
    if found is None or found.kind not in "biufc" or found.itemsize > 16:
        raise Undecodable(f"type {str(name)[:60]!r} is none of numbers")
    return found


def _checksum(config: dict[str, Any], form: Form) -> _Made:
    codec = numcodecs.get_codec(config)

    def undo(data: np.ndarray) -> Any:
        if len(data) < 4:
            raise Undecodable(f"{config['id']}: it has no checksum")
        return codec.decode(data)

    return _sized(config["id"], form, form.nbytes + 4, undo)


def _base64(config: dict[str, Any], form: Form) -> _Made:
    return _sized("base64", form, 4 * -(-form.nbytes // 3), numcodecs.Base64().decode)


def _packbits(config: dict[str, Any], form: Form) -> _Made:
    _must_be_exact("packbits", form)
    return _sized("packbits", form, 1 + -(-form.nbytes // 8), numcodecs.PackBits().decode)


_CODECS: dict[str, Callable[[dict[str, Any], Form], _Made]] = {
    "zlib": _zlib, "gzip": _zlib, "bz2": _bz2, "lzma": _lzma, "blosc": _blosc, "lz4": _lz4, "zstd": _zstd,
    "pcodec": _pcodec, "zfpy": _zfpy,
    "bitround": _same_size, "shuffle": _shuffle, "delta": _delta, "fixedscaleoffset": _piecewise("dtype", "astype"),
    "quantize": _piecewise("dtype", "astype"), "astype": _piecewise("decode_dtype", "encode_dtype"),
    "crc32": _checksum, "crc32c": _checksum, "adler32": _checksum, "fletcher32": _checksum,
    "jenkins_lookup3": _checksum, "base64": _base64, "packbits": _packbits,
}  # fmt: skip
