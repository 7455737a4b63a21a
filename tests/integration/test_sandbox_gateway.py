"""BlitzGateway as its public documentation uses it, with an imported OME-TIFF."""

import hashlib
import io

import pytest
from omero.gateway import BlitzGateway, TagAnnotationWrapper
from omero.model import DatasetI, EllipseI, RoiI
from omero.rtypes import rdouble, rint, rstring
from PIL import Image

import omero
from demo.acquisition import SHOTS, pixels, write_ome_tiff
from tests.support.importing import import_file


@pytest.fixture(scope="module")
def conn(server, curator):
    conn = BlitzGateway(curator.name, curator.password, host=server.host, port=server.port)
    assert conn.connect()
    yield conn
    conn.close()


@pytest.fixture(scope="module")
def dataset(conn):
    made = DatasetI()
    made.name = rstring("gateway")
    return conn.getUpdateService().saveAndReturnObject(made).id.val


@pytest.fixture(scope="module")
def imported(conn, dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("gateway") / "acquisition.ome.tif"
    write_ome_tiff(path)
    response = import_file(conn.c, path, "x/acquisition.ome.tif", userSpecifiedTarget=DatasetI(dataset, False))
    return [p.image.id.val for p in response.pixels]


@pytest.fixture
def image(conn, imported):
    return conn.getObject("Image", imported[0])


def test_hierarchy(conn, dataset, imported, image):
    assert sorted(i.getId() for i in conn.getObject("Dataset", dataset).listChildren()) == sorted(imported)
    assert conn.getObject("Dataset", dataset).countChildren() == len(imported)
    assert image.getParent().getId() == dataset
    assert [i.getId() for i in conn.getObject("Fileset", image.getFileset().getId()).copyImages()] == imported
    loaded = conn.getContainerService().loadContainerHierarchy("Dataset", [dataset], None)
    assert [d.id.val for d in loaded] == [dataset]


def test_planes_and_tiles(image):
    expected = pixels(SHOTS[0], 0)
    primary = image.getPrimaryPixels()
    assert (primary.getPlane(0, 0, 0) == expected[0, 0, 0]).all()
    assert (primary.getTile(0, 0, 0, (1, 2, 5, 4)) == expected[0, 0, 0, 2:6, 1:6]).all()


def test_rendering_settings_and_thumbnail(conn, image):
    picture = Image.open(io.BytesIO(image.getThumbnail((48,))))
    assert max(picture.size) == 48
    drawn = conn.getThumbnailSet([image.getId()], 32)
    assert max(Image.open(io.BytesIO(drawn[image.getId()])).size) == 32
    settings = image.getAllRenderingDefs()
    assert [s["owner"]["id"] for s in settings] == [conn.getUserId()]
    low, high = settings[0]["c"][0]["start"], settings[0]["c"][0]["end"]
    channel = pixels(SHOTS[0], 0)[:, 0]
    assert (low, high) == (channel.min(), channel.max())


def test_rendering_engine(conn, image):
    channels = image.getChannels()
    assert [c.getLabel() for c in channels] == [dye.name for dye in SHOTS[0].dyes]
    assert channels[0].isActive()
    assert (channels[0].getWindowMin(), channels[0].getLut(), channels[0].isReverseIntensity()) == (
        pixels(SHOTS[0], 0)[:, 0].min(),
        None,
        False,
    )
    assert image.renderImage(0, 0).size == (image.getSizeX(), image.getSizeY())
    image.setActiveChannels([1], [[10, 20]], ["00FF00"])
    assert image.saveDefaults()
    again = conn.getObject("Image", image.getId()).getChannels()[0]
    assert (again.getWindowStart(), again.getWindowEnd(), again.getColor().getHtml()) == (10, 20, "00FF00")
    shown = image.renderImage(0, 0).getpixel((0, 0))
    assert max(shown[0], shown[2]) < 20


def test_windows_are_reset(conn, image):
    service, pixels_id = conn.getRenderingSettingsService(), image.getPixelsId()
    query = "select s from StatsInfo s, Channel c where c.statsInfo = s and c.pixels.id = :id"
    for stats in conn.getQueryService().findAllByQuery(query, omero.sys.ParametersI().addId(pixels_id)):
        stats.globalMin, stats.globalMax = rdouble(0), rdouble(0)
        conn.getUpdateService().saveObject(stats)
    assert service.resetDefaultsInSet("Image", [image.getId()]) == [image.getId()]
    binding = service.getRenderingSettings(pixels_id).copyWaveRendering()[0]
    assert binding.inputStart.val < binding.inputEnd.val
    service.resetMinMaxInSet("Image", [image.getId()])
    binding = service.getRenderingSettings(pixels_id).copyWaveRendering()[0]
    assert (binding.inputStart.val, binding.inputEnd.val) == (0, 0)


def test_annotations(conn, image):
    tag = TagAnnotationWrapper(conn)
    tag.setValue("seen")
    image.linkAnnotation(tag)
    assert "seen" in [a.getValue() for a in image.listAnnotations()]
    loaded = conn.getMetadataService().loadAnnotations("Image", [image.getId()], ["TagAnnotation"], None, None)
    assert "seen" in [a.textValue.val for a in loaded[image.getId()]]
    every = conn.getMetadataService().loadSpecifiedAnnotations("TagAnnotation", [], [], None)
    assert "seen" in [a.textValue.val for a in every]
    logs = conn.getMetadataService().loadLogFiles("Fileset", [image.getFileset().getId()])
    assert [f.name.val.endswith(".log") for f in logs[image.getFileset().getId()]] == [True]


def test_file_annotation(conn, image, tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"some notes")
    attached = conn.createFileAnnfromLocalFile(str(tmp_path / "notes.txt"), mimetype="text/plain", ns="test")
    image.linkAnnotation(attached)
    found = image.getAnnotation("test")
    assert b"".join(found.getFileInChunks()) == b"some notes"
    assert found.getFile().getHash() == hashlib.sha1(b"some notes").hexdigest()


def test_upload_and_download(conn, tmp_path):
    (tmp_path / "table.csv").write_bytes(b"a,b\n" * 1000)
    saved = conn.c.upload(str(tmp_path / "table.csv"))
    conn.c.download(saved, str(tmp_path / "again.csv"))
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "table.csv").read_bytes()


def test_rois(conn, image):
    roi, shape = RoiI(), EllipseI()
    shape.x, shape.y, shape.radiusX, shape.radiusY = (rdouble(n) for n in (5, 6, 2, 3))
    shape.theZ = rint(0)
    roi.addShape(shape)
    roi.image = omero.model.ImageI(image.getId(), False)
    conn.getUpdateService().saveObject(roi)
    result = conn.getRoiService().findByImage(image.getId(), None)
    assert len(result.rois) == 1
    assert result.byZ[0][0].x.val == 5
    assert result.byT[-1][0].y.val == 6


def test_pixels_service(conn, image):
    described = conn.getPixelsService().retrievePixDescription(image.getPixelsId())
    assert described.sizeX.val == image.getSizeX()
    conn.getPixelsService().setChannelGlobalMinMax(image.getPixelsId(), 0, 1.0, 2.0)
    stats = conn.getPixelsService().retrievePixDescription(image.getPixelsId()).getChannel(0).statsInfo
    assert (stats.globalMin.val, stats.globalMax.val) == (1.0, 2.0)


def test_dataset_is_deleted(conn):
    made = DatasetI()
    made.name = rstring("short-lived")
    number = conn.getUpdateService().saveAndReturnObject(made).id.val
    conn.deleteObjects("Dataset", [number], wait=True)
    assert conn.getObject("Dataset", number) is None
