"""Images that a client makes from arrays, and annotations of every kind, as BlitzGateway's documentation shows them."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from omero.gateway import (
    BlitzGateway,
    BooleanAnnotationWrapper,
    CommentAnnotationWrapper,
    DoubleAnnotationWrapper,
    LongAnnotationWrapper,
    MapAnnotationWrapper,
    TagAnnotationWrapper,
    TermAnnotationWrapper,
    TimestampAnnotationWrapper,
    XmlAnnotationWrapper,
)
from omero.model import DatasetI, ProjectI, ScreenI
from omero.rtypes import rdouble, rstring

import omero
from demo.omero_client import Account
from tests.support.accounts import new_account
from tests.support.servers import Server

PLANES = [np.arange(20 * 30, dtype=np.uint16).reshape(20, 30) + 1000 * n for n in range(2 * 3 * 2)]  # z, c, t


@pytest.fixture(scope="module")
def conn(server: Server, curator: Account) -> Iterator[BlitzGateway]:
    conn = BlitzGateway(curator.name, curator.password, host=server.host, port=server.port)
    assert conn.connect()
    yield conn
    conn.close()


@pytest.fixture(scope="module")
def image(conn: BlitzGateway) -> Any:
    dataset = DatasetI()
    dataset.name = rstring("arrays")
    dataset = conn.getObject("Dataset", conn.getUpdateService().saveAndReturnObject(dataset).id.val)
    made = conn.createImageFromNumpySeq(iter(PLANES), "from arrays", 2, 3, 2, description="d", dataset=dataset)
    return conn.getObject("Image", made.getId())


def expected(z: int, c: int, t: int) -> np.ndarray:
    return PLANES[(z * 3 + c) * 2 + t]


def test_planes(image: Any) -> None:
    pixels = image.getPrimaryPixels()
    assert [getattr(image, f"getSize{axis}")() for axis in "XYZCT"] == [30, 20, 2, 3, 2]
    for place in np.ndindex(2, 3, 2):
        assert (pixels.getPlane(*place) == expected(*place)).all()
    assert (pixels.getTile(1, 2, 0, (3, 4, 5, 6)) == expected(1, 2, 0)[4:10, 3:8]).all()


def test_metadata(conn: BlitzGateway, image: Any) -> None:
    assert (image.getName(), image.getDescription(), image.getPixelsType()) == ("from arrays", "d", "uint16")
    assert image.getParent().getName() == "arrays"
    assert image.getFileset() is None
    assert image.getChannels()[1].getWindowMax() == max(expected(z, 1, t).max() for z in range(2) for t in range(2))
    assert image.renderImage(0, 0).size == (30, 20)


def test_parts_are_written_and_the_digest_is_stored(conn: BlitzGateway, bare: int) -> None:
    store = conn.c.sf.createRawPixelsStore()
    store.setPixelsId(bare, False)
    assert store.save() is None
    store.setTile(bytes(range(12)), 0, 0, 0, 0, 2, 6, 2)
    store.setRow(bytes([9] * 6), 0, 0, 1, 0)
    store.setStack(bytes([7] * 24), 0, 1, 0)
    stored = store.save().sha1.val
    expected = np.zeros((2, 4, 6), np.uint8)
    expected[0, 2:4] = np.arange(12).reshape(2, 6)
    expected[1] = 7
    assert stored == hashlib.sha1(expected.tobytes()).hexdigest()
    assert store.getTimepoint(0) == expected.tobytes()
    store.setTimepoint(bytes([1] * 48), 0)
    assert store.getPlane(0, 1, 0) == bytes([1] * 24)
    store.close()
    ones = hashlib.sha1(bytes([1] * 48)).hexdigest()
    assert conn.getQueryService().get("Pixels", bare).sha1.val == ones


@pytest.fixture
def bare(conn: BlitzGateway) -> int:
    """Pixels of 6 x 4, two channels, that nobody has written."""
    kind = conn.getTypesService().getEnumeration("PixelsType", "uint8")
    number = conn.getPixelsService().createImage(6, 4, 1, 1, [0, 1], kind, "bare", None).val
    return int(conn.getObject("Image", number).getPixelsId())


def test_like_another(conn: BlitzGateway, image: Any) -> None:
    conn.setChannelNames("Image", [image.getId()], {1: "DAPI", 2: "GFP"})
    planes = (expected(0, c, 0) for c in (0, 1))
    made = conn.createImageFromNumpySeq(planes, "copy", sizeC=2, sourceImageId=image.getId(), channelList=[0, 1])
    made = conn.getObject("Image", made.getId())
    assert made.getChannelLabels() == ["DAPI", "GFP"]
    assert (made.getPrimaryPixels().getPlane(0, 1, 0) == expected(0, 1, 0)).all()


def test_deleting_removes_the_pixels(conn: BlitzGateway, server: Server) -> None:
    made = conn.createImageFromNumpySeq(iter(PLANES[:1]), "gone soon")
    conn.deleteObjects("Image", [made.getId()], wait=True)
    assert conn.getObject("Image", made.getId()) is None


def test_writing_is_refused(conn: BlitzGateway, image: Any, bare: int, server: Server) -> None:
    store = conn.c.sf.createRawPixelsStore()
    store.setPixelsId(image.getPixelsId(), False)
    with pytest.raises(omero.ApiUsageException, match="Write-method not permitted"):  # it was written before
        store.setPlane(bytes(1200), 0, 0, 0)
    store.close()
    with server.client() as root:
        admin = root.sf.getAdminService()
        other = new_account(root)
        group = omero.model.ExperimenterGroupI(conn.getEventContext().groupId, False)
        admin.addGroups(admin.lookupExperimenter(other.name), [group])
    with server.client(other.name, other.password) as client:
        store = client.sf.createRawPixelsStore()
        context = client.getContext(conn.getEventContext().groupId)
        store.setPixelsId(bare, False, context)
        store.setPlane(bytes(24), 0, 0, 0, context)
        with pytest.raises(omero.SecurityViolation, match=r"Cannot link to object: ome\.model\.core\.Image"):
            store.save(context)


KINDS = [
    (TagAnnotationWrapper, "tag"),
    (CommentAnnotationWrapper, "comment"),
    (LongAnnotationWrapper, 5),
    (DoubleAnnotationWrapper, 1.5),
    (BooleanAnnotationWrapper, True),
    (TermAnnotationWrapper, "term"),
    (XmlAnnotationWrapper, "<a/>"),
    (MapAnnotationWrapper, [("a", "1"), ("a", "2")]),
    (TimestampAnnotationWrapper, None),
]


def container(conn: BlitzGateway, cls: Any) -> Any:
    made = cls()
    made.name = rstring("annotated")
    kind = cls.__name__.removesuffix("I")
    return conn.getObject(kind, conn.getUpdateService().saveAndReturnObject(made).id.val)


@pytest.mark.parametrize("cls", [ProjectI, DatasetI, ScreenI])
@pytest.mark.parametrize(("wrapper", "value"), KINDS, ids=lambda v: getattr(v, "__name__", None))
def test_annotations(conn: BlitzGateway, cls: Any, wrapper: Any, value: Any) -> None:
    target = container(conn, cls)
    kind = cls.__name__.removesuffix("I")
    made = wrapper(conn)
    made.setNs("test.kinds")
    if value is None:
        made._obj.timeValue = omero.rtypes.rtime(1_700_000_000_000)
    else:
        made.setValue(value)
    target.linkAnnotation(made)
    [found] = conn.getObject(kind, target.getId()).listAnnotations(ns="test.kinds")
    assert type(found) is wrapper
    assert found.getValue() == value or value is None
    assert sum(target.getAnnotationCounts().values()) >= 1
    assert conn.getObject("Annotation", found.getId()).getNs() == "test.kinds"
    assert target.unlinkAnnotations("test.kinds") is None
    assert list(conn.getObject(kind, target.getId()).listAnnotations()) == []
    if wrapper is TagAnnotationWrapper:  # others go with their last link
        conn.deleteObjects("Annotation", [found.getId()], wait=True)
    assert conn.getObject("Annotation", found.getId()) is None


def test_roi_kinds(conn: BlitzGateway, image: Any) -> None:
    roi = omero.model.RoiI()
    roi.image = omero.model.ImageI(image.getId(), False)
    made = {
        "RectangleI": ("x", "y", "width", "height"), "EllipseI": ("x", "y", "radiusX", "radiusY"),
        "LineI": ("x1", "y1", "x2", "y2"), "PointI": ("x", "y"), "LabelI": ("x", "y"),
    }  # fmt: skip
    for name, numbers in made.items():
        shape = getattr(omero.model, name)()
        for number in numbers:
            setattr(shape, number, rdouble(3))
        roi.addShape(shape)
    for name in ("PolygonI", "PolylineI"):
        shape = getattr(omero.model, name)()
        shape.points = rstring("0,0 1,1 2,0")
        roi.addShape(shape)
    mask = omero.model.MaskI()
    mask.x, mask.y, mask.width, mask.height = rdouble(0), rdouble(0), rdouble(8), rdouble(1)
    mask.bytes = bytes([0b10101010])
    roi.addShape(mask)
    conn.getUpdateService().saveObject(roi)
    [found] = conn.getRoiService().findByImage(image.getId(), None).rois
    assert {type(s).__name__ for s in found.copyShapes()} == {*made, "PolygonI", "PolylineI", "MaskI"}
    assert next(s for s in found.copyShapes() if type(s).__name__ == "MaskI").bytes == mask.bytes
    assert image.getROICount() == 1
    conn.deleteObjects("Roi", [found.id.val], wait=True)
    assert conn.getObject("Image", image.getId()).getROICount() == 0


def test_counts_and_ancestry(conn: BlitzGateway, image: Any) -> None:
    dataset = image.getParent()
    assert dataset.countChildren() == 1
    assert dataset.countChildren_cached() == 1
    assert [o.getId() for o in image.getAncestry()] == [dataset.getId()]
    assert [o.getId() for o in image.listParents()] == [dataset.getId()]
    assert image.countFilesetFiles() == 0
