"""The Zarr that an ExternalInfo names: what the plugin can read, and what it falls back from."""

import shutil
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr

import omero
from omero_sandbox.pixels import PixelBuffer, Sizes
from omero_sandbox.pixels.multiscale_buffer import MAX_PLANE

from .conftest import Writer, opened, source

PIXELS = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6)  # t, c, z, y, x


@pytest.fixture
def fallback(tmp_path: Path) -> Path:
    """A metadata file whose planes are zeros."""
    file = tmp_path / "METADATA.ome.xml"
    file.write_text("<OME/>")
    return file


def plane(buffer: PixelBuffer, z: int, c: int, t: int) -> np.ndarray:
    """A plane as numbers."""
    sizes = buffer.sizes
    pixels = np.frombuffer(buffer.get_plane(z, c, t), sizes.dtype.newbyteorder(">"))
    return pixels.reshape(sizes.y, sizes.x)


@pytest.mark.parametrize("dtype", ["|u1", "|i1", "<u2", ">u2", "<i2", ">i4", "<u4", "<f4", ">f4", "<f8", ">f8"])
def test_bytes_are_big_endian_whatever_the_array_has(multiscale: Writer, dtype: str) -> None:
    buffer = opened(source(lsid=multiscale(PIXELS.astype(dtype))))
    expected = PIXELS.astype(np.dtype(dtype).newbyteorder(">"))
    assert buffer.get_plane(3, 2, 1) == expected[1, 2, 3].tobytes()
    assert buffer.get_tile(3, 2, 1, 1, 2, 4, 3) == expected[1, 2, 3, 2:5, 1:5].tobytes()
    assert buffer.get_row(2, 3, 2, 1) == expected[1, 2, 3, 2].tobytes()
    assert buffer.get_col(4, 3, 2, 1) == expected[1, 2, 3, :, 4].tobytes()
    assert buffer.get_stack(2, 1) == expected[1, 2].tobytes()
    assert buffer.get_timepoint(1) == expected[1].tobytes()


@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx", "tyx", "tzcyx", "ztcyx", "ctzyx", "tcyx"])
def test_compact_and_permuted_axes_go_by_name(multiscale: Writer, axes: str) -> None:
    named = {"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}
    absent = tuple(0 if axis not in axes else slice(None) for axis in "tczyx")
    kept = [axis for axis in "tczyx" if axis in axes]
    array = PIXELS[absent].transpose([kept.index(axis) for axis in axes]).astype("u2")
    buffer = opened(source(lsid=multiscale(array, axes=axes)))
    sizes = buffer.sizes
    assert {a: getattr(sizes, a) for a in "tczyx"} == {a: named[a] if a in axes else 1 for a in "tczyx"}
    for t, c, z in np.ndindex(sizes.t, sizes.c, sizes.z):
        assert (plane(buffer, z, c, t) == PIXELS[t, c, z]).all()


def test_without_axes_arrays_are_tczyx(multiscale: Writer) -> None:
    buffer = opened(source(lsid=multiscale(PIXELS.astype("u2"), axes=None)))
    assert (plane(buffer, 3, 2, 1) == PIXELS[1, 2, 3]).all()


def test_missing_chunks_hold_the_fill_value(multiscale: Writer) -> None:
    path = multiscale(PIXELS.astype("<u2"), fill_value=258)
    shutil.rmtree(path / "0", ignore_errors=False)
    made = zarr.open_group(path, mode="a", zarr_format=2)
    made.create_array("0", shape=PIXELS.shape, chunks=(1, 1, 1, 5, 3), dtype="<u2", fill_value=258)
    assert opened(source(lsid=path)).get_plane(0, 0, 0) == b"\1\2" * 30


def test_levels_are_counted_from_the_smallest(multiscale: Writer) -> None:
    full = PIXELS.astype("u2")
    half = full[..., ::2, ::2]
    buffer = opened(source(lsid=multiscale(full, half), sizes=Sizes(6, 5, 4, 3, 2, full.dtype)))
    assert (buffer.levels, buffer.level) == (2, 1)
    assert buffer.descriptions() == [[6, 5], [3, 2]]  # the plugin halves the database's sizes
    assert buffer.tile_size() == (6, 5)
    buffer.set_level(0)
    assert buffer.tile_size() == (3, 3)
    assert (plane(buffer, 3, 2, 1) == half[1, 2, 3]).all()
    for wrong in (-1, 2):
        with pytest.raises(omero.ApiUsageException):
            buffer.set_level(wrong)
    assert buffer.level == 0


def test_z_of_a_level_with_fewer_planes(multiscale: Writer) -> None:
    full = PIXELS.astype("u2")
    buffer = opened(source(lsid=multiscale(full, full[:, :, ::2])))
    buffer.set_level(0)
    assert buffer.sizes.z == 4
    assert (plane(buffer, 3, 0, 0) == full[0, 0, 2]).all()


def test_sizes_are_the_arrays_whatever_the_database_says(multiscale: Writer) -> None:
    buffer = opened(source(lsid=multiscale(PIXELS.astype("u2")), sizes=Sizes(2, 2, 1, 1, 1, np.dtype("u1"))))
    assert len(buffer.get_plane(0, 0, 0)) == 60


@pytest.mark.parametrize("where", [(4, 0, 0), (0, 3, 0), (0, 0, 2), (-1, 0, 0)])
def test_planes_outside_are_empty_and_stacks_an_error(multiscale: Writer, where: tuple[int, int, int]) -> None:
    buffer = opened(source(lsid=multiscale(PIXELS.astype("u2"))))
    assert buffer.get_plane(*where) == b""
    assert buffer.get_tile(0, 0, 0, 4, 0, 3, 1) == b""
    with pytest.raises(omero.ApiUsageException):
        buffer.get_stack(3, 0)
    with pytest.raises(omero.ApiUsageException):
        buffer.get_timepoint(2)


def test_planes_over_the_server_limit_are_empty(multiscale: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PLANE == 3192 * 3192
    monkeypatch.setattr("omero_sandbox.pixels.multiscale_buffer.MAX_PLANE", 29)
    buffer = opened(source(lsid=multiscale(PIXELS.astype("u2"))))
    assert buffer.get_plane(0, 0, 0) == b""
    assert len(buffer.get_tile(0, 0, 0, 0, 0, 5, 5)) == 50


def test_what_the_plugin_never_does(multiscale: Writer) -> None:
    buffer = opened(source(lsid=multiscale(PIXELS.astype("u2"))))
    with pytest.raises(omero.InternalException, match="UnsupportedOperation"):
        buffer.get_hypercube([0] * 5, [1] * 5, [1] * 5)
    with pytest.raises(omero.InternalException, match="UnsupportedOperation"):
        buffer.message_digest()
    with pytest.raises(omero.InternalException, match="UnsupportedOperation"):
        buffer.plane_offset(0, 0, 0)


READABLE = [None, numcodecs.Zlib(1), numcodecs.Blosc("zstd"), numcodecs.Blosc("lz4hc")]
REFUSED = [numcodecs.Zstd(1), numcodecs.LZ4(), numcodecs.BZ2(), numcodecs.Blosc("snappy")]


@pytest.mark.parametrize("codec", READABLE, ids=str)
def test_codecs_of_jzarr(multiscale: Writer, codec: object) -> None:
    buffer = opened(source(lsid=multiscale(PIXELS.astype("u2"), compressors=codec)))
    assert (plane(buffer, 0, 1, 1) == PIXELS[1, 1, 0]).all()


@pytest.mark.parametrize("codec", REFUSED[:3], ids=str)
def test_other_codecs_fall_back(multiscale: Writer, fallback: Path, codec: object) -> None:
    buffer = opened(source(fallback, multiscale(PIXELS.astype("u2"), compressors=codec)))
    assert buffer.path == str(fallback)
    assert buffer.get_plane(0, 0, 0) == bytes(20)


def test_all_that_falls_back(multiscale: Writer, fallback: Path, tmp_path: Path) -> None:
    good = multiscale(PIXELS.astype("u2"))
    no_group = multiscale(PIXELS.astype("u2"), name="no_group")
    (no_group / ".zgroup").unlink()
    no_multiscales = multiscale(PIXELS.astype("u2"), name="no_multiscales")
    (no_multiscales / ".zattrs").write_text("{}")
    other_axis = multiscale(PIXELS.astype("u2"), name="other_axis", axes="tcqyx")
    text_axes = multiscale(PIXELS.astype("u2"), name="text_axes")
    (text_axes / ".zattrs").write_text(
        '{"multiscales": [{"datasets": [{"path": "0"}], "axes": ["t", "c", "z", "y", "x"]}]}'
    )
    filtered = multiscale(PIXELS.astype("u2"), name="filtered", filters=[numcodecs.Delta("u2")])
    v3 = multiscale(PIXELS.astype("u2"), name="v3", zarr_format=3)
    bad = [
        no_group,
        no_multiscales,
        other_axis,
        text_axes,
        filtered,
        v3,
        good.parent,
        good / "0",
        tmp_path / "none",
    ]
    for lsid in [*bad, f"file://{good}", "https://localhost/a.zarr/0", ""]:
        assert opened(source(fallback, lsid)).path == str(fallback), lsid
    assert opened(source(fallback, good)).path == str(good)
    assert opened(source(fallback, v3), v3=True).path == str(v3)


def test_a_zarr_v3_is_read_when_the_setting_says_so(multiscale: Writer) -> None:
    path = multiscale(PIXELS.astype(">f4"), zarr_format=3)
    assert (plane(opened(source(lsid=path), v3=True), 3, 2, 1) == PIXELS[1, 2, 3]).all()


def test_links_to_directories_are_followed(multiscale: Writer, tmp_path: Path) -> None:
    path = multiscale(PIXELS.astype("u2"))
    link = tmp_path / "link.zarr"
    link.symlink_to(path.parent)
    assert (plane(opened(source(lsid=link / "0")), 3, 2, 1) == PIXELS[1, 2, 3]).all()


def test_an_open_buffer_keeps_what_it_opened(multiscale: Writer) -> None:
    path = multiscale(PIXELS.astype("u2"))
    buffer = opened(source(lsid=path))
    expected = buffer.get_plane(1, 1, 1)
    path.parent.rename(path.parent.with_name("moved.zarr"))
    path.parent.symlink_to("moved.zarr")
    assert buffer.get_plane(1, 1, 1) == expected


def test_import_in_progress(fallback: Path) -> None:
    with pytest.raises(omero.LockTimeout) as caught:
        opened(source(fallback, image_format="OMEXML"))
    assert caught.value.message == "Import in progress."


def test_nothing_readable_at_all(tmp_path: Path) -> None:
    with pytest.raises(omero.ResourceError) as caught:
        opened(source(tmp_path / "gone.ome.tif", tmp_path / "gone.zarr"))
    assert caught.value.message == f"Error instantiating pixel buffer: {tmp_path / 'gone.ome.tif'}"
