"""Any box of any array is what zarr-python reads of it; memory stays within its bound, whatever a chunk holds."""

import json
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

from omero_roz.errors import Unreachable
from omero_roz.layout import array as arrays
from omero_roz.layout.array import Array
from omero_roz.layout.arrays import level_of
from omero_roz.layout.model import Level, ZarrFormat
from omero_roz.ports.zarr.stores import Access, open_store

ORDINARY = Access()
DTYPES = st.sampled_from(["|u1", "|i1", "<u2", ">u2", "<i2", "<u4", ">i4", "<f4", ">f4", "<f8"])
COMPRESSORS_V2 = st.sampled_from([
    None, numcodecs.Zlib(1), numcodecs.GZip(1), numcodecs.BZ2(1), numcodecs.LZMA(), numcodecs.Zstd(1),
    numcodecs.Zstd(1, checksum=True), numcodecs.LZ4(), numcodecs.Blosc("zstd"), numcodecs.Blosc("lz4", shuffle=2),
])  # fmt: skip
FILTERS_V2 = st.sampled_from([
    numcodecs.Shuffle(2), numcodecs.CRC32(), numcodecs.CRC32C(), numcodecs.Adler32(), numcodecs.Fletcher32(),
    numcodecs.JenkinsLookup3(), numcodecs.Base64(), numcodecs.CRC32(location="end"),
])  # fmt: skip
COMPRESSORS_V3 = st.sampled_from([
    (), (GzipCodec(level=1),), (ZstdCodec(level=1),), (ZstdCodec(level=1, checksum=True),), (BloscCodec(cname="zstd"),),
    (BloscCodec(cname="lz4"),), (ZstdCodec(level=1), Crc32cCodec()), (Crc32cCodec(),),
])  # fmt: skip


@st.composite
def written(draw: st.DrawFn, folder: Path) -> Any:
    """An array of either format, written by zarr-python, some of it perhaps not at all."""
    count = draw(st.integers(2, 4))
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=count, max_size=count)))
    chunks = tuple(draw(st.lists(st.integers(1, 6), min_size=count, max_size=count)))
    dtype, zarr_format = draw(DTYPES), draw(st.sampled_from([2, 3]))
    options: dict[str, Any] = {"shape": shape, "chunks": chunks, "dtype": dtype, "zarr_format": zarr_format}
    separator = draw(st.sampled_from("./"))
    if zarr_format == 2:
        typed = [numcodecs.Delta(dtype)] if dtype[1] in "iu" else [numcodecs.Quantize(2, dtype)]
        filters = draw(st.sampled_from([[], typed])) + draw(st.lists(FILTERS_V2, max_size=2))
        options |= {"compressors": draw(COMPRESSORS_V2), "filters": filters or None}
        options |= {"order": draw(st.sampled_from("CF"))}
        options |= {"chunk_key_encoding": {"name": "v2", "separator": separator}}
    else:
        options["compressors"] = draw(COMPRESSORS_V3)
        if draw(st.booleans()):
            options["filters"] = [TransposeCodec(order=draw(st.permutations(range(count))))]
        if draw(st.booleans()):
            times = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
            whole = tuple(side * more for side, more in zip(chunks, times, strict=True))
            options["shards"] = {"shape": whole, "index_location": draw(st.sampled_from(["start", "end"]))}
        if dtype[0] != "|":
            options["serializer"] = BytesCodec(endian="big" if dtype[0] == ">" else "little")
        options["chunk_key_encoding"] = {"name": draw(st.sampled_from(["default", "v2"])), "separator": separator}
    array = zarr.create_array(folder, fill_value=draw(st.sampled_from([None, 0, 7])), **options)
    part = tuple(slice(0, draw(st.integers(0, size))) for size in shape)
    data = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    array[part] = data[part]
    return array


def opened(folder: Path, access: Access = ORDINARY) -> tuple[Array, Level]:
    version: ZarrFormat = 2 if (folder / ".zarray").exists() else 3
    document = json.loads((folder / (".zarray" if version == 2 else "zarr.json")).read_text())
    level = level_of("", version, document)
    assert isinstance(level, Level), level
    return Array(open_store(str(folder), access), level, version), level


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_box_is_what_zarr_python_reads(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            array = data.draw(written(Path(folder)))
        except ValueError as error:
            assume("Shuffle buffer" not in str(error))
            raise
        starts = [data.draw(st.integers(0, size - 1)) for size in array.shape]
        ends = [data.draw(st.integers(start + 1, size)) for start, size in zip(starts, array.shape, strict=True)]
        box = tuple(zip(starts, ends, strict=True))
        found = opened(Path(folder))[0].read(box)
        assert np.array_equal(found, array[tuple(slice(*ends) for ends in box)])


def image(folder: Path, side: int = 64, **options: Any) -> Path:
    """An array of four chunks."""
    options = {"zarr_format": 2, "compressors": numcodecs.Zlib(1)} | options
    data = np.arange(4 * side * side, dtype="<u2").reshape(2 * side, 2 * side)
    zarr.create_array(folder, data=data, chunks=(side, side), **options)
    return folder


def everything(array: Array, level: Level) -> np.ndarray:
    return array.read(tuple((0, size) for size in level.shape))


def refused(folder: Path, access: Access = ORDINARY) -> str:
    """The one line that reading says."""
    with pytest.raises(Unreachable) as caught:
        everything(*opened(folder, access))
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_a_chunk_that_inflates_beyond_its_size_is_named(tmp_path: Path) -> None:
    folder = image(tmp_path / "x")
    (folder / "0.1").write_bytes(zlib.compress(bytes(16 << 20), 9))
    tracemalloc.start()
    try:
        text = refused(folder)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert text.startswith(f"{folder}/0.1: the pixels cannot be read (it holds more than the 8,192 bytes")


def test_so_little_memory_that_a_process_may_have_hardly_any(tmp_path: Path) -> None:
    folder = image(tmp_path / "x")
    (folder / "1.1").write_bytes(zlib.compress(bytes(1 << 30), 1))
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tests.unit.layout.test_array import opened, everything, refused\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "text = refused(Path(sys.argv[1]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, text)\n"
    )
    result = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    more, text = result.stdout.split(" ", 1)
    assert int(more) < 20 << 10, result.stdout  # kB
    assert f"{folder}/1.1: " in text


def test_many_large_chunks_are_never_there_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "BUDGET", 1 << 20)
    side, size = 1024, 2 * 1024 * 1024
    noise = np.random.default_rng(0).integers(0, 1 << 16, (8 * side, side), dtype="u2")  # nothing can pack it
    zarr.create_array(tmp_path / "x", data=noise, chunks=(side, side), zarr_format=2, compressors=numcodecs.Blosc())
    array, level = opened(tmp_path / "x")
    tracemalloc.start()
    try:
        assert np.array_equal(everything(array, level), noise)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < noise.nbytes + 4 * size + (1 << 20)


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("entry", [(0, 1 << 40), (1 << 62, 100), (1 << 63, 1 << 63), ((1 << 64) - 1, 5), (0, 60_000)])
def test_an_index_of_shards_that_lies(tmp_path: Path, location: Any, entry: tuple[int, int]) -> None:
    shards = {"shape": (128, 128), "index_location": location}
    folder = image(tmp_path / "x", zarr_format=3, compressors=None, shards=shards)
    file, size = folder / "c/0/0", 4 * 16 + 4
    content = bytearray(file.read_bytes())
    start = 0 if location == "start" else len(content) - size
    index = np.frombuffer(content[start : start + 64], "<u8").copy()
    index[2:4] = entry
    checked = bytes(numcodecs.CRC32C(location="end").encode(index.view("u1")))
    content[start : start + size] = checked
    file.write_bytes(content)
    text = refused(folder)
    assert text.startswith(f"{file}: the pixels cannot be read (")
    content[start] ^= 1
    file.write_bytes(content)
    assert "the index of the shard: crc32c" in refused(folder)


@pytest.mark.parametrize("kind", ["pipe", "socket", "/dev/zero", "/dev/stdin", "outside", "loop", "dangling"])
def test_what_is_no_file_of_the_zarr_is_not_opened(tmp_path: Path, kind: str) -> None:
    folder = image(tmp_path / "x")
    chunk = folder / "1.0"
    chunk.rename(tmp_path / "outside")
    server = socket.socket(socket.AF_UNIX)
    if kind == "pipe":
        os.mkfifo(chunk)
    elif kind == "socket":
        server.bind(str(chunk))
    else:
        chunk.symlink_to({"outside": "../outside", "loop": "1.0", "dangling": "nowhere"}.get(kind, kind))
    text = refused(folder)
    server.close()
    assert text.startswith(f"{chunk}: the pixels cannot be read (")
    why = {"pipe": "no regular file", "socket": "no regular file", "loop": "leads to nothing", "dangling": "to nothing"}
    assert why.get(kind, "a symbolic link leads out of the layout") in text


def test_links_may_lead_into_the_directories_that_the_user_names(tmp_path: Path) -> None:
    folder = image(tmp_path / "x")
    expected = everything(*opened(folder))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (folder / "1.0").rename(tmp_path / "one" / "chunk")
    (folder / "1.0").symlink_to(tmp_path / "one" / "chunk")
    (folder / "0.1").rename(tmp_path / "two" / "chunk")
    (folder / "0.1").symlink_to("../two/chunk")
    both = Access(follow=(str(tmp_path / "one"), str(tmp_path / "two")))
    assert np.array_equal(everything(*opened(folder, both)), expected)
    (tmp_path / "two" / "chunk").unlink()
    (tmp_path / "two" / "chunk").symlink_to("/etc/hostname")
    assert f"{folder}/0.1: " in refused(folder, both)
    assert f"{folder}/0.1: " in refused(folder, Access(follow=(str(tmp_path / "one"),)))


def test_a_chunk_that_a_link_takes_the_place_of_while_it_is_read(tmp_path: Path) -> None:
    """Whoever may write into a Zarr exchanges a file for a link as fast as possible."""
    folder = image(tmp_path / "x", side=8, compressors=None)
    secret = np.full(64, 0xDEAD, "<u2").tobytes()
    (tmp_path / "secret").write_bytes(secret)
    good, array, level = (folder / "0.0").read_bytes(), *opened(folder)
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            (folder / "new").symlink_to(tmp_path / "secret")
            os.replace(folder / "new", folder / "0.0")
            (folder / "new").write_bytes(good)
            os.replace(folder / "new", folder / "0.0")

    thread = threading.Thread(target=exchange)
    thread.start()
    read, kept = 0, 0
    try:
        while read + kept < 2000:
            try:
                assert 0xDEAD not in array.read(((0, 8), (0, 8)))
                read += 1
            except Unreachable:
                kept += 1
    finally:
        stop.set()
        thread.join()
    assert read and kept, level


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_that_was_changed_since_it_was_read(tmp_path: Path, version: int) -> None:
    folder = image(tmp_path / "x", zarr_format=version, compressors="auto")
    name = ".zarray" if version == 2 else "zarr.json"
    before = json.loads((folder / name).read_text())
    level = level_of("", 2 if version == 2 else 3, before)
    assert isinstance(level, Level)
    (folder / name).write_text(json.dumps(before | {"shape": [1 << 40, 1 << 40]}))
    with pytest.raises(Unreachable, match="it was changed since it was read"):
        Array(open_store(str(folder)), level, 2 if version == 2 else 3)


CHANGES: list[dict[str, Any]] = [
    {"filters": [{"id": "pickle"}]}, {"compressor": {"id": "imagecodecs_jpegxl"}}, {"compressor": {}},
    {"compressor": {"id": ["zlib"]}}, {"filters": [7]}, {"order": "X"}, {"fill_value": "x"}, {"fill_value": 1 << 20},
    {"fill_value": []}, {"filters": [{"id": "zlib"}], "compressor": {"id": "zlib"}},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=json.dumps)
def test_what_cannot_be_read_within_bounds_is_told_before_any_chunk_is_read(tmp_path: Path, change: dict) -> None:
    folder = image(tmp_path / "x")
    document = json.loads((folder / ".zarray").read_text())
    for chunk in folder.glob("?.?"):
        chunk.unlink()
    (folder / ".zarray").write_text(json.dumps(document | change))
    text = refused(folder)
    assert text.startswith(f"{folder}: the pixels cannot be read (")
    assert "\n" not in text
