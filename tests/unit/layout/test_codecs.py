"""Every codec that numcodecs and zarr-python have, undone: what it gives is what is due, or it is an error."""

import tracemalloc
import warnings
from collections import Counter
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr.registry
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_roz.layout.codecs import Form, Undecodable, undoing

VALUES = (np.arange(4096, dtype="<i2") % 100).astype("<f4")
FORM = Form(VALUES.nbytes, VALUES.dtype)
CONFIGS: dict[str, dict[str, Any]] = {
    "zlib": {}, "gzip": {}, "bz2": {}, "lzma": {}, "blosc": {}, "lz4": {}, "zstd": {}, "pcodec": {},
    "zfpy": {"mode": 4, "tolerance": 0.25}, "delta": {"dtype": "<f4"}, "astype": {"encode_dtype": "<f8"},
    "fixedscaleoffset": {"offset": 0, "scale": 1, "dtype": "<f4", "astype": "<i2"}, "bitround": {"keepbits": 20},
    "quantize": {"digits": 1, "dtype": "<f4", "astype": "<f8"}, "shuffle": {"elementsize": 4}, "base64": {},
    "packbits": {}, "crc32": {}, "crc32c": {}, "adler32": {}, "fletcher32": {}, "jenkins_lookup3": {},
}  # fmt: skip
# They make Python's objects or strings, which no pixel is; a pickle may run code.
REFUSED = {"pickle", "json2", "msgpack2", "vlen-utf8", "vlen-bytes", "vlen-array", "categorize"}
NOT_OF_NUMCODECS = {"bytes", "endian", "transpose", "sharding_indexed"}  # see test_array.py
STATING = ("zlib", "gzip", "bz2", "lzma", "blosc", "lz4", "zstd", "pcodec", "zfpy")
DICTIONARY = Counter({"lzma": 66 << 20})


def codec(name: str) -> Any:
    """numcodecs' own codec; some need a package that not everybody has."""
    config = {"id": name} | CONFIGS[name]
    if name == "astype":
        config["decode_dtype"] = "<f4"
    try:
        return numcodecs.get_codec(config)
    except (numcodecs.errors.UnknownCodecError, ImportError):
        pytest.skip(f"numcodecs has no {name} here")


def encoded(name: str, values: np.ndarray = VALUES) -> bytes:
    found = codec(name).encode(values)
    return found.tobytes() if isinstance(found, np.ndarray) else bytes(found)


def values(name: str) -> np.ndarray:
    return (VALUES > 50) if name == "packbits" else VALUES


@pytest.mark.parametrize("name", CONFIGS)
def test_each_gives_what_was_encoded(name: str) -> None:
    given_values = values(name)
    content = encoded(name, given_values)
    step, _ = undoing({"id": name} | CONFIGS[name], Form(given_values.nbytes, given_values.dtype))
    assert np.array_equal(step(content).view(given_values.dtype), given_values)


def test_no_codec_is_forgotten() -> None:
    assert set(numcodecs.registry.codec_registry) <= {*CONFIGS, *REFUSED}
    zarr.registry._collect_entrypoints()
    names = {name.removeprefix("numcodecs.") for name in zarr.registry.__dict__["__codec_registries"]}
    assert names <= {*CONFIGS, *REFUSED, *NOT_OF_NUMCODECS}


@pytest.mark.parametrize("name", [*sorted(REFUSED), "imagecodecs_jpegxl", "", None, 7, ["zlib"]])
def test_what_has_no_bound_is_refused_before_any_chunk_is_read(name: Any) -> None:
    with pytest.raises(Undecodable, match="has no bound"):
        undoing({"id": name}, FORM)


@pytest.mark.parametrize("name", STATING)
def test_a_chunk_that_holds_more_than_it_should_is_left_packed(name: str) -> None:
    bomb = encoded(name, np.zeros(16 << 20, "<f4"))
    step, _ = undoing({"id": name} | CONFIGS[name], FORM)
    tracemalloc.start()
    try:
        with pytest.raises(Undecodable, match="it holds more than the 16,384 bytes that its array's metadata say"):
            step(bomb)
        assert tracemalloc.get_traced_memory()[1] < len(bomb) + (1 << 20) + DICTIONARY[name]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("outer", STATING)
def test_what_is_packed_twice_is_refused(outer: str) -> None:
    codec(outer)
    _, packed = undoing({"id": "zlib"}, FORM)
    with pytest.raises(Undecodable, match="behind a compressor"):
        undoing({"id": outer} | CONFIGS[outer], packed)


@pytest.mark.parametrize("name", CONFIGS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_stands_in_a_chunk_gives_what_is_due_or_an_error(name: str, data: st.DataObject) -> None:
    content = bytearray(encoded(name, values(name)))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, min(len(content), data.draw(st.sampled_from([20, 200, 1 << 20])))))
        kind = data.draw(st.sampled_from(["put", "cut", "more"]))
        if kind == "cut":
            del content[place:]
        else:
            new = data.draw(st.binary(max_size=8) | st.sampled_from([b"\xff\xff\xff\x7f", bytes(8), b"\xff" * 8]))
            content[place : place + (len(new) if kind == "put" else 0)] = new
    given_values = values(name)
    step, _ = undoing({"id": name} | CONFIGS[name], Form(given_values.nbytes, given_values.dtype))
    tracemalloc.start()
    try:
        assert len(step(bytes(content))) == given_values.nbytes
    except Undecodable:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 4 * given_values.nbytes + (1 << 19) + DICTIONARY[name]  # zlib and bz2 take space in steps


CONFIG = st.dictionaries(
    st.sampled_from(["dtype", "astype", "encode_dtype", "decode_dtype", "elementsize", "offset", "scale", "filters",
                     "format", "digits", "keepbits", "location", "initval", "prefix", "level"]),
    st.none() | st.integers() | st.floats() | st.text(max_size=4) | st.lists(st.integers(), max_size=2)
    | st.sampled_from(["<f4", ">i8", "O", "S100000000", "V1000000000", "(1000,1000)u1", "M8[s]", [{"id": 33}],
                       [{"id": 33, "dict_size": 1 << 40}], "start", "end"]),
    max_size=4,
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(name=st.sampled_from(sorted(CONFIGS)), config=CONFIG, content=st.binary(max_size=64))
def test_whatever_a_configuration_says(name: str, config: dict[str, Any], content: bytes) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            step, made = undoing(config | {"id": name}, FORM)
            padded = (content * (-(-made.nbytes // max(len(content), 1))))[: made.nbytes] if made.exact else content
            assert len(step(padded)) == FORM.nbytes
    except Undecodable as error:
        assert len(str(error)) < 400
