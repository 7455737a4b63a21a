"""OME-TIFF: dimension orders, samples, levels, tiles, byte orders, and the errors of a real server."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import omero
from omero_sandbox.pixels import PixelBuffer, Source, open_import, open_source

from .conftest import opened, source


def write(path: Path, pixels: np.ndarray, axes: str, **options: object) -> Source:
    """An OME-TIFF of one image."""
    tifffile.imwrite(path, pixels, ome=True, metadata={"axes": axes}, **options)
    return source(path)


def plane(buffer: PixelBuffer, z: int, c: int, t: int) -> np.ndarray:
    """A plane as numbers."""
    sizes = buffer.sizes
    pixels = np.frombuffer(buffer.get_plane(z, c, t), sizes.dtype.newbyteorder(">"))
    return pixels.reshape(sizes.y, sizes.x)


@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX", "ZTCYX", "CZTYX", "ZCTYX", "CTZYX"])
@pytest.mark.parametrize("byteorder", "<>")
def test_dimension_orders_and_byte_orders(tmp_path: Path, axes: str, byteorder: str) -> None:
    size = {"T": 2, "C": 3, "Z": 4, "Y": 5, "X": 6}
    pixels = np.arange(720, dtype="i2").reshape([size[a] for a in axes])
    buffer = opened(write(tmp_path / "a.ome.tif", pixels, axes, byteorder=byteorder))
    ordered = np.moveaxis(pixels, [axes.index(a) for a in "TCZYX"], range(5))
    for t, c, z in np.ndindex(2, 3, 4):
        assert (plane(buffer, z, c, t) == ordered[t, c, z]).all()
    big = ordered.astype(">i2")
    assert buffer.get_stack(2, 1) == big[1, 2].tobytes()
    assert buffer.get_timepoint(1) == big[1].tobytes()
    assert buffer.get_row(4, 3, 2, 1) == big[1, 2, 3, 4].tobytes()
    assert buffer.get_col(5, 3, 2, 1) == big[1, 2, 3, :, 5].tobytes()
    assert buffer.get_hypercube([1, 0, 1, 0, 0], [5, 4, 3, 3, 2], [2, 3, 2, 1, 1]) == (
        big[0:2, 0:3, 1:4:2, 0:4:3, 1:6:2].tobytes()
    )
    assert buffer.plane_offset(3, 2, 1) == (1 * 12 + 2 * 4 + 3) * 60


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_samples_are_channels(tmp_path: Path, planar: str) -> None:
    pixels = np.arange(2 * 3 * 40 * 50, dtype="u1").reshape(2, 3, 40, 50)  # z, sample, y, x
    stored, axes = (pixels, "ZSYX") if planar == "separate" else (np.moveaxis(pixels, 1, -1), "ZYXS")
    made = write(tmp_path / "a.ome.tif", stored, axes, photometric="rgb", planarconfig=planar)
    buffer = opened(made)
    assert (buffer.sizes.c, buffer.sizes.z) == (3, 2)
    for z, c in np.ndindex(2, 3):
        assert (plane(buffer, z, c, 0) == pixels[z, c]).all()


def test_levels_and_tiles(tmp_path: Path) -> None:
    pixels = np.arange(2 * 64 * 96, dtype="u2").reshape(2, 64, 96)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        tiff.write(pixels, subifds=1, tile=(16, 32), metadata={"axes": "CYX"})
        tiff.write(pixels[:, ::2, ::2], subfiletype=1, tile=(16, 16))
    buffer = opened(source(tmp_path / "a.ome.tif"))
    assert (buffer.levels, buffer.level, buffer.tile_size()) == (2, 1, (32, 16))
    assert buffer.descriptions() == [[96, 64], [48, 32]]
    assert buffer.get_tile(0, 1, 0, 10, 20, 30, 40) == pixels[1, 20:60, 10:40].astype(">u2").tobytes()
    buffer.set_level(0)
    assert (plane(buffer, 0, 1, 0) == pixels[1, ::2, ::2]).all()
    assert buffer.tile_size() == (16, 16)
    with pytest.raises(omero.ApiUsageException):
        buffer.set_level(2)


def test_wrong_indices(tmp_path: Path) -> None:
    buffer = opened(write(tmp_path / "a.ome.tif", np.zeros((2, 4, 5), "u1"), "ZYX"))
    for wrong in ((2, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0)):
        with pytest.raises(omero.ApiUsageException):
            buffer.get_plane(*wrong)
        with pytest.raises(omero.ApiUsageException):
            buffer.plane_offset(*wrong)
    with pytest.raises(omero.ApiUsageException, match="Z '2' greater than sizeZ '2'"):
        buffer.get_plane(2, 0, 0)
    with pytest.raises(omero.InternalException, match="Invalid tile size"):
        buffer.get_tile(0, 0, 0, 3, 0, 3, 1)
    with pytest.raises(omero.ApiUsageException):
        buffer.get_row(4, 0, 0, 0)
    with pytest.raises(omero.ApiUsageException):
        buffer.get_col(5, 0, 0, 0)
    for cube in (([0] * 4, [1] * 4, [1] * 4), ([0] * 5, [1] * 5, [0] * 5), ([0] * 5, [9] * 5, [1] * 5)):
        with pytest.raises(omero.ApiUsageException):
            buffer.get_hypercube(*cube)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    good = write(tmp_path / "a.ome.tif", np.zeros((4, 5), "u1"), "YX")
    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 5), "u1"))
    (tmp_path / "broken.ome.tif").write_bytes(b"no TIFF at all")
    (tmp_path / "a.czi").write_bytes(b"")
    (tmp_path / "a.companion.ome").write_text("<OME/>")
    assert opened(good).path == str(good.path)
    for name, series in [
        ("a.ome.tif", 1),
        ("plain.tif", 0),
        ("broken.ome.tif", 0),
        ("a.czi", 0),
        ("a.companion.ome", 0),
        ("none.ome.xml", 0),
    ]:
        with pytest.raises(omero.ResourceError) as caught:
            opened(source(tmp_path / name, series=series))
        assert caught.value.message == f"Error instantiating pixel buffer: {tmp_path / name}"
    with pytest.raises(omero.ResourceError):
        opened(source(None))



def test_pages_that_are_missing_are_zeros(tmp_path: Path) -> None:
    xml = tifffile.OmeXml()
    xml.addimage("uint8", (3, 4, 5), (3, 1, 1, 4, 5, 1), axes="ZYX")
    text = xml.tostring().replace('<TiffData IFD="0" PlaneCount="3"/>', '<TiffData IFD="0" FirstZ="1" PlaneCount="1"/>')
    tifffile.imwrite(tmp_path / "a.ome.tif", np.full((4, 5), 7, "u1"), description=text.encode(), metadata=None)
    buffer = opened(source(tmp_path / "a.ome.tif"))
    assert [set(buffer.get_plane(z, 0, 0)) for z in range(3)] == [{0}, {7}, {0}]


@pytest.mark.filterwarnings("ignore:.*reading array from closed file")  # tifffile opens the others when needed
def test_a_set_of_files(tmp_path: Path) -> None:
    """The server checks the access to all files that hold planes of the series."""
    pages = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1"><UUID FileName="{z}.ome.tif">urn:uuid:{z}</UUID></TiffData>'
        for z in range(2)
    )
    for z in range(2):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{z}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="5" SizeY="4" SizeZ="2" SizeC="1" '
            f'SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{pages}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / f"{z}.ome.tif", np.full((4, 5), z + 1, "u1"), description=xml, metadata=None)
    asked: list[Path] = []

    def note(files: Sequence[Path]) -> list[Path]:
        asked.extend(files)
        return []

    buffer = open_source(source(tmp_path / "0.ome.tif"), False, note)
    assert [set(buffer.get_plane(z, 0, 0)) for z in range(2)] == [{1}, {2}]
    assert asked == [tmp_path / "0.ome.tif", tmp_path / "1.ome.tif"]


def test_an_open_buffer_keeps_what_it_opened(tmp_path: Path) -> None:
    made = write(tmp_path / "a.ome.tif", np.ones((4, 5), "u1"), "YX")
    before = opened(made)
    (tmp_path / "a.ome.tif").rename(tmp_path / "old.tif")
    write(tmp_path / "a.ome.tif", np.zeros((4, 5), "u1"), "YX")
    assert before.get_plane(0, 0, 0) == b"\1" * 20
    assert opened(made).get_plane(0, 0, 0) == bytes(20)


def test_many_stores_read_one_file_at_once(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 99, (20, 64, 64), dtype="u1")
    made = write(tmp_path / "a.ome.tif", pixels, "ZYX", tile=(16, 16), compression="zlib")

    def read(_: int) -> bytes:
        return opened(made).get_stack(0, 0)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(32))) == {pixels.tobytes()}


def test_an_import_reads_below_a_zarr_directory_too(tmp_path: Path) -> None:
    file = tmp_path / "x.zarr" / "OME" / "METADATA.ome.xml"
    file.parent.mkdir(parents=True)
    file.write_text("<OME/>")
    assert open_import(source(file, image_format="OMEXML")).get_plane(0, 0, 0) == bytes(20)
