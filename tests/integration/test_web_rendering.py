"""RenderingEngine, IProjection, ThumbnailStore show what numpy makes of the Zarr's own planes, however it is bound."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from omero.constants.projection import ProjectionType
from omero.gateway import BlitzGateway
from omero.model import FamilyI, RenderingModelI
from omero.romio import PlaneDef, RegionDef, ReverseIntensityMapContext
from omero.rtypes import rint, rstring
from PIL import Image

import omero
from demo.omero_client import import_file
from tests.support.servers import Omero, Server

Z, T = 1, 1
BINDINGS = ["ome-tiff", "external-info", "zarr-reader"]
WINDOWS = [(100.0, 2000.0), (0.0, 4000.0), (50.0, 1000.0)]
COLOURS = [(255, 0, 0), (0, 128, 255), (10, 200, 30)]


@pytest.fixture(scope="module")
def made() -> dict[str, list[int]]:
    """Ids of the imported images by binding, so that each is imported once."""
    return {}


@pytest.fixture(params=BINDINGS)
def images(
    request: pytest.FixtureRequest, made: dict, omero_cli: Omero, server: Server, acquisition: Path
) -> list[Any]:
    """The acquisition's images through one binding, as BlitzGateway has them."""
    binding = request.param
    if binding not in made and binding == "ome-tiff":
        made[binding] = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")[1]
    elif binding not in made:
        means = ["--db", server.dsn or "", "--managed-repository", server.repository or ""]
        if binding == "zarr-reader" and not all(means):
            pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
        options = ["--binding", binding, *(means if binding == "zarr-reader" else [])]
        done = omero_cli("roz", "import", "--json", "--again", str(acquisition / "v2.zarr"), *options)
        assert done.code == 0, done.err
        made[binding] = json.loads(done.out)[0]["images"]
    gateway = BlitzGateway(client_obj=omero_cli.client)
    return [gateway.getObject("Image", number) for number in made[binding]]


@pytest.fixture
def engine(images: list[Any]) -> Iterator[Any]:
    """A RenderingEngine of the first image (three channels, z and t), in known windows and colours."""
    opened = _engine(images[0])
    for c, (window, colour) in enumerate(zip(WINDOWS, COLOURS, strict=True)):
        opened.setChannelWindow(c, *window)
        opened.setRGBA(c, *colour, 255)
        opened.setActive(c, True)
    opened.setModel(_model("rgb"))
    yield opened
    opened.close()


def _engine(image: Any) -> Any:
    pixels = image.getPrimaryPixels().getId()
    opened = image._conn.c.sf.createRenderingEngine()
    opened.lookupPixels(pixels)
    if not opened.lookupRenderingDef(pixels):
        opened.resetDefaultSettings(True)
    opened.load()
    return opened


def _model(name: str) -> RenderingModelI:
    model = RenderingModelI()
    model.value = rstring(name)
    return model


@pytest.fixture(scope="module")
def levels(acquisition: Path) -> list[np.ndarray]:
    """The first image of the layout, (t, c, z, y, x), and its second resolution level."""
    group = zarr.open_group(acquisition / "v2.zarr" / "0", mode="r")
    return [np.asarray(group[name]) for name in ("0", "1")]


def share(plane: np.ndarray, c: int) -> np.ndarray:
    """0 to 255 in the channel's window."""
    low, high = WINDOWS[c]
    return np.floor(np.clip((plane.astype("f8") - low) / (high - low), 0, 1) * 255 + 0.5)


def coloured(planes: np.ndarray, channels: tuple[int, ...] = (0, 1, 2)) -> np.ndarray:
    """(c, y, x) as the sum of the channels' colours, (y, x, 3)."""
    parts = [np.floor(share(planes[c], c)[..., None] * np.array(COLOURS[c]) / 255) for c in channels]
    return np.minimum(sum(parts), 255).astype("u1")


def unpacked(packed: list[int], width: int) -> np.ndarray:
    numbers = np.array(packed, "i4").view("u4").reshape(-1, width)
    assert (numbers >> 24 == 255).all()
    return np.stack([numbers >> 16 & 255, numbers >> 8 & 255, numbers & 255], -1).astype("u1")


def opened(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.format == "JPEG"
        return np.asarray(picture.convert("RGB"))


def far(one: np.ndarray, other: np.ndarray) -> float:
    """How far two pictures are apart in the mean, in levels of 0 to 255."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_channels_windows_colours_z_and_t(engine: Any, levels: list[np.ndarray]) -> None:
    full = levels[0]
    for z, t in ((0, 0), (Z, T), (2, 1)):
        shown = unpacked(engine.renderAsPackedInt(PlaneDef(0, 0, 0, z, t, None, -1)), 128)
        assert (shown == coloured(full[t, :, z])).all()
    engine.setActive(1, False)
    plane = PlaneDef(0, 0, 0, Z, T, None, -1)
    assert (unpacked(engine.renderAsPackedInt(plane), 128) == coloured(full[T, :, Z], (0, 2))).all()
    engine.setModel(_model("greyscale"))
    grey = np.repeat(share(full[T, 0, Z], 0)[..., None], 3, -1)
    assert (unpacked(engine.renderAsPackedInt(plane), 128) == grey).all()
    buffer = engine.render(plane)
    assert [np.frombuffer(band, "u1").reshape(96, 128).tolist() for band in buffer.bands] == [grey[..., 0].tolist()] * 3
    for c in range(3):
        engine.setActive(c, False)
    assert not unpacked(engine.renderAsPackedInt(plane), 128).any()


def test_compressed(engine: Any, levels: list[np.ndarray]) -> None:
    plane, expected = PlaneDef(0, 0, 0, Z, T, None, -1), coloured(levels[0][T, :, Z])
    engine.setCompressionLevel(1.0)
    best = engine.renderCompressed(plane)
    assert far(opened(best), expected) < 3
    engine.setCompressionLevel(0.2)
    small = engine.renderCompressed(plane)
    assert len(small) < len(best) / 2
    assert far(opened(small), expected) < 12
    with pytest.raises(omero.ApiUsageException, match="between 0 and 1"):
        engine.setCompressionLevel(2.0)


def test_regions_sections_and_levels(engine: Any, levels: list[np.ndarray]) -> None:
    full, half = levels
    region = PlaneDef(0, 0, 0, Z, T, RegionDef(10, 20, 30, 40), -1)
    assert (unpacked(engine.renderAsPackedInt(region), 30) == coloured(full[T, :, Z, 20:60, 10:40])).all()
    border = PlaneDef(0, 0, 0, Z, T, RegionDef(100, 80, 64, 64), -1)
    assert (unpacked(engine.renderAsPackedInt(border), 28) == coloured(full[T, :, Z, 80:, 100:])).all()
    xz, zy = PlaneDef(2, 0, 7, 0, T, None, -1), PlaneDef(1, 9, 0, 0, T, None, -1)
    assert (unpacked(engine.renderAsPackedInt(xz), 128) == coloured(full[T, :, :, 7])).all()
    assert (unpacked(engine.renderAsPackedInt(zy), 3) == coloured(full[T, :, :, :, 9].transpose(0, 2, 1))).all()
    assert not engine.requiresPixelsPyramid()
    for plane in (PlaneDef(0, 0, 0, 3, 0, None, -1), PlaneDef(0, 0, 0, 0, 2, None, -1)):
        with pytest.raises(omero.ServerError):
            engine.renderAsPackedInt(plane)
    sizes = [(one.sizeX, one.sizeY) for one in engine.getResolutionDescriptions()]
    assert len(sizes) == engine.getResolutionLevels() and sizes[0] == (128, 96)
    if len(sizes) == 2:  # the OME-TIFF has no second level
        assert len(engine.getTileSize()) == 2 and engine.getResolutionLevel() == 1
        engine.setResolutionLevel(0)
        plane = PlaneDef(0, 0, 0, Z, T, None, -1)
        assert (unpacked(engine.renderAsPackedInt(plane), 64) == coloured(half[T, :, Z])).all()


def test_projections(engine: Any, images: list[Any], levels: list[np.ndarray]) -> None:
    stack = levels[0][T]
    top = np.iinfo(stack.dtype).max
    expected = {
        ProjectionType.MAXIMUMINTENSITY: stack.max(axis=1),
        ProjectionType.MEANINTENSITY: np.floor(stack.mean(axis=1)),
        ProjectionType.SUMINTENSITY: np.minimum(stack.astype("i8").sum(axis=1), top),
    }
    service = images[0]._conn.c.sf.getProjectionService()
    pixels = images[0].getPrimaryPixels().getId()
    for algorithm, planes in expected.items():
        shown = unpacked(engine.renderProjectedAsPackedInt(algorithm, T, 1, 0, 2), 128)
        assert (shown == coloured(planes)).all(), algorithm
        raw = service.projectStack(pixels, None, algorithm, T, 1, 1, 0, 2)
        assert (np.frombuffer(raw, ">u2").reshape(96, 128) == planes[1]).all()
    every_second = coloured(stack[:, [0, 2]].max(axis=1))
    assert far(opened(engine.renderProjectedCompressed(ProjectionType.MAXIMUMINTENSITY, T, 2, 0, 2)), every_second) < 6
    with pytest.raises(omero.ServerError):
        engine.renderProjectedCompressed(ProjectionType.MAXIMUMINTENSITY, T, 1, 0, 3)


def test_curves_reversed_intensities_and_saved_settings(engine: Any, images: list[Any], levels: list[Any]) -> None:
    plane, numbers = PlaneDef(0, 0, 0, Z, T, None, -1), levels[0][T, 0, Z].astype("f8")
    engine.setModel(_model("greyscale"))
    family = FamilyI()
    family.value = rstring("polynomial")
    engine.setQuantizationMap(0, family, 2.0, False)
    low, high = WINDOWS[0]
    curved = np.floor((np.clip(numbers, low, high) ** 2 - low**2) / (high**2 - low**2) * 255 + 0.5)
    assert (unpacked(engine.renderAsPackedInt(plane), 128)[..., 0] == curved).all()
    engine.addCodomainMapToChannel(ReverseIntensityMapContext(), 0)
    assert (unpacked(engine.renderAsPackedInt(plane), 128)[..., 0] == 255 - curved).all()
    engine.saveCurrentSettings()
    again = _engine(images[0])
    assert (again.getChannelFamily(0).value.val, again.getChannelCurveCoefficient(0)) == ("polynomial", 2.0)
    assert (unpacked(again.renderAsPackedInt(plane), 128)[..., 0] == 255 - curved).all()
    again.removeCodomainMapFromChannel(ReverseIntensityMapContext(), 0)
    assert (unpacked(again.renderAsPackedInt(plane), 128)[..., 0] == curved).all()
    again.resetDefaultSettings(True)
    again.close()


def test_settings_of_other_images(images: list[Any], engine: Any) -> None:
    settings = images[0]._conn.c.sf.getRenderingSettingsService()
    source, other = images[1], images[3]  # uint16 and float
    pixels = [image.getPrimaryPixels().getId() for image in images]
    changed = _engine(source)
    changed.setChannelWindow(0, 7.0, 77.0)
    changed.saveCurrentSettings()
    changed.close()
    answer = settings.applySettingsToSet(pixels[1], "Image", [images[0].getId(), other.getId()])
    assert answer == {True: [], False: sorted([images[0].getId(), other.getId()])}
    assert not settings.sanityCheckPixels(*(image.getPrimaryPixels()._obj for image in (source, other)))
    settings.resetDefaultsInImage(source.getId())
    restored = settings.getRenderingSettings(pixels[1]).getChannelBinding(0)
    again = _engine(source)
    low, high = again.getChannelStats(0)
    again.close()
    assert (restored.inputStart.val, restored.inputEnd.val) == (low, high) != (7.0, 77.0)


def test_thumbnails(images: list[Any], engine: Any, levels: list[np.ndarray]) -> None:
    engine.setDefaultZ(Z)
    engine.setDefaultT(T)
    engine.saveCurrentSettings()
    store = images[0]._conn.c.sf.createThumbnailStore()
    pixels = [image.getPrimaryPixels().getId() for image in images]
    assert store.setPixelsId(pixels[0])
    expected = Image.fromarray(coloured(levels[0][T, :, Z])).resize((96, 72))
    assert far(opened(store.getThumbnailByLongestSide(rint(96))), np.asarray(expected)) < 8
    assert opened(store.getThumbnail(rint(20), rint(30))).shape == (30, 20, 3)
    first = Image.fromarray(coloured(levels[0][0, :, 0])).resize((96, 72))
    section = opened(store.getThumbnailForSectionByLongestSideDirect(0, 0, rint(96)))
    assert far(section, np.asarray(first)) < 8
    assert {
        n: opened(one).shape for n, one in store.getThumbnailSet(rint(9), rint(8), pixels).items()
    } == dict.fromkeys(pixels, (8, 9, 3))
    longest = {n: max(opened(one).shape[:2]) for n, one in store.getThumbnailByLongestSideSet(rint(48), pixels).items()}
    assert longest == dict.fromkeys(pixels, 48)
    store.close()


def test_lookup_table(engine: Any, server: Server, levels: list[np.ndarray]) -> None:
    if server.repository is None:
        pytest.skip("needs the sandbox's files")
    folder = Path(server.repository).parent / "lib" / "scripts" / "luts"
    folder.mkdir(exist_ok=True)
    table = np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 9)]).astype("u1")
    (folder / "test.lut").write_bytes(table.tobytes())
    with server.client() as root:
        listed = root.sf.getScriptService().getScriptsByMimetype("text/x-lut")
        assert [(one.path.val, one.name.val) for one in listed] == [("/luts/", "test.lut")]
        assert "test.lut" not in [one.name.val for one in root.sf.getScriptService().getScripts()]
    engine.setChannelLookupTable(1, "test.lut")
    for c in (0, 2):
        engine.setActive(c, False)
    shown = unpacked(engine.renderAsPackedInt(PlaneDef(0, 0, 0, Z, T, None, -1)), 128)
    assert (shown == table.T[share(levels[0][T, 1, Z], 1).astype(int)]).all()
    engine.setChannelLookupTable(1, "")
    shown = unpacked(engine.renderAsPackedInt(PlaneDef(0, 0, 0, Z, T, None, -1)), 128)
    assert (shown == coloured(levels[0][T, :, Z], (1,))).all()
