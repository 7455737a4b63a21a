"""BlitzGateway's objects: what its own queries find, and what it links and deletes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import omero.clients
import pytest
from omero.gateway import (
    BlitzGateway,
    CommentAnnotationWrapper,
    LongAnnotationWrapper,
    MapAnnotationWrapper,
    TagAnnotationWrapper,
)  # fmt: skip
from omero.model import (
    DatasetI,
    ExperimenterGroupI,
    FilesetI,
    ImageI,
    PlateAcquisitionI,
    PlateI,
    ProjectI,
    RectangleI,
    RoiI,
    ScreenI,
    WellI,
    WellSampleI,
)  # fmt: skip
from omero.rtypes import rdouble, rint, rstring

from demo.omero_client import Account
from tests.support.servers import Server

Ids = dict[str, int]


@dataclass(frozen=True)
class Gateway:
    """A connection, and the ids of one object of each class that hang together."""

    connection: BlitzGateway
    ids: Ids

    def found(self, kind: str, **options: Any) -> set[int]:
        return {o.getId() for o in self.connection.getObjects(kind, opts=options)}

    def get(self, kind: str) -> Any:
        return self.connection.getObject(kind, self.ids[kind])


def _named(cls: Any, name: str) -> Any:
    made = cls()
    made.name = rstring(name)
    return made


@pytest.fixture(scope="module")
def gateway(server: Server, curator: Account) -> Iterator[Gateway]:
    with server.client(curator.name, curator.password) as client:
        connection = BlitzGateway(client_obj=client)
        yield Gateway(connection, _objects(connection.getUpdateService()))


def _objects(update: Any) -> Ids:
    image = _named(ImageI, "in a well")
    image.fileset = FilesetI()
    image.fileset.templatePrefix = rstring("prefix/")
    project, dataset = _named(ProjectI, "project"), _named(DatasetI, "dataset")
    project.linkDataset(dataset)
    dataset.linkImage(image)
    project = update.saveAndReturnObject(project)
    dataset = project.linkedDatasetList()[0]
    image = dataset.linkedImageList()[0]
    ids = {"Project": project.id.val, "Dataset": dataset.id.val, "Image": image.id.val}

    screen, plate, run, well, field = ScreenI(), PlateI(), PlateAcquisitionI(), WellI(), WellSampleI()
    screen.name, plate.name, run.name = rstring("screen"), rstring("plate"), rstring("run")
    plate.addPlateAcquisition(run)
    well.row, well.column = rint(1), rint(2)
    field.image, field.plateAcquisition = ImageI(image.id.val, False), run
    well.addWellSample(field)
    plate.addWell(well)
    screen.linkPlate(plate)
    screen = update.saveAndReturnObject(screen)
    plate = screen.linkedPlateList()[0]
    ids |= {"Fileset": image.fileset.id.val, "Screen": screen.id.val, "Plate": plate.id.val}
    ids |= {"Well": plate.copyWells()[0].id.val, "PlateAcquisition": plate.copyPlateAcquisitions()[0].id.val}

    roi, rectangle = RoiI(), RectangleI()
    roi.image = ImageI(image.id.val, False)
    rectangle.x = rectangle.y = rectangle.width = rectangle.height = rdouble(1)
    roi.addShape(rectangle)
    ids["Roi"] = update.saveAndReturnObject(roi).id.val
    return ids


@pytest.mark.parametrize(
    "kind", ["Project", "Dataset", "Image", "Screen", "Plate", "Well", "PlateAcquisition", "Fileset", "Roi"]
)
def test_every_kind_is_found(gateway: Gateway, kind: str) -> None:
    assert gateway.get(kind).getId() == gateway.ids[kind]
    assert gateway.found(kind) >= {gateway.ids[kind]}


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        ("Image", "Dataset"), ("Dataset", "Project"), ("Dataset", "Image"), ("Project", "Dataset"), ("Plate", "Screen"),
        ("Screen", "Plate"), ("Well", "Plate"), ("Roi", "Image"),
    ],
)  # fmt: skip
def test_objects_of_a_parent(gateway: Gateway, kind: str, parent: str) -> None:
    assert gateway.found(kind, **{parent.lower(): gateway.ids[parent]}) == {gateway.ids[kind]}
    assert gateway.found(kind, **{parent.lower(): 10**9}) == set()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Image", {"load_pixels": False, "limit": 10_000, "offset": 0, "order_by": "obj.name"}),
        ("Well", {"load_images": True, "load_pixels": False}),
        ("Dataset", {"child_count": True}),
        ("Roi", {"load_shapes": True}),
        ("Image", {"orphaned": False}),
    ],
)
def test_options(gateway: Gateway, kind: str, options: dict[str, Any]) -> None:
    assert gateway.ids[kind] in gateway.found(kind, **options)


def test_orphans(gateway: Gateway) -> None:
    alone = gateway.connection.getUpdateService().saveAndReturnObject(_named(ImageI, "alone")).id.val
    found = gateway.found("Image", orphaned=True)
    assert alone in found
    assert gateway.ids["Image"] not in found


def test_children_and_parents(gateway: Gateway) -> None:
    assert [d.getId() for d in gateway.get("Project").listChildren()] == [gateway.ids["Dataset"]]
    assert [i.getId() for i in gateway.get("Dataset").listChildren()] == [gateway.ids["Image"]]
    assert [p.getId() for p in gateway.get("Screen").listChildren()] == [gateway.ids["Plate"]]
    assert [w.getId() for w in gateway.get("Plate").listChildren()] == [gateway.ids["Well"]]
    well = gateway.get("Well")
    assert well.getWellPos() == "B3"
    assert [f.getImage().getId() for f in well.listChildren()] == [gateway.ids["Image"]]
    assert [o.getName() for o in gateway.get("Dataset").getAncestry()] == ["project"]
    assert gateway.get("Image").getFileset().getId() == gateway.ids["Fileset"]
    assert [i.getId() for i in gateway.get("Fileset").copyImages()] == [gateway.ids["Image"]]


@pytest.mark.parametrize(
    ("wrapper", "value"),
    [
        (TagAnnotationWrapper, "a tag"),
        (CommentAnnotationWrapper, "a comment"),
        (LongAnnotationWrapper, 5),
        (MapAnnotationWrapper, [("key", "1"), ("key", "2")]),
    ],
)
def test_annotations(gateway: Gateway, wrapper: Any, value: Any) -> None:
    made = wrapper(gateway.connection)
    made.setValue(value)
    made.setNs(f"test.{wrapper.__name__}")
    image = gateway.get("Image")
    made = image.linkAnnotation(made)
    found = gateway.get("Image").getAnnotation(f"test.{wrapper.__name__}")
    assert isinstance(found, wrapper)
    assert found.getValue() == value
    assert gateway.connection.getObject(wrapper.__name__.removesuffix("Wrapper"), made.getId()).getValue() == value
    linked = list(gateway.connection.getAnnotationLinks("Image", parent_ids=[image.getId()], ann_ids=[made.getId()]))
    assert len(linked) == 1
    gateway.connection.getUpdateService().deleteObject(linked[0]._obj)
    assert gateway.get("Image").getAnnotation(f"test.{wrapper.__name__}") is None


def test_a_renamed_image(gateway: Gateway) -> None:
    image = gateway.get("Image")
    image.setName("renamed")
    image.save()
    assert gateway.get("Image").getName() == "renamed"
    assert list(gateway.connection.getObjects("Image", attributes={"name": "renamed"}))


def test_one_statement_of_each_call(gateway: Gateway) -> None:
    query = gateway.connection.getQueryService()
    image = gateway.ids["Image"]
    assert query.get("Image", image).id.val == query.find("ome.model.core.Image", image).id.val == image
    assert query.find("Image", 10**9) is None
    with pytest.raises(omero.ApiUsageException):
        query.get("Image", 10**9)
    assert query.findByString("PixelsType", "value", "uint16").value.val == "uint16"
    assert {p.value.val for p in query.findAllByString("PixelsType", "value", "INT16", False, None)} == {
        "int16",
        "uint16",
    }
    assert len(query.findAll("PixelsType", None)) == 11
    assert query.findByQuery("select i from Image i where i.id = -1", None) is None
    with pytest.raises(omero.ApiUsageException):
        query.findByQuery("select p from PixelsType p", None)
    with pytest.raises(omero.ApiUsageException):
        query.findAllByQuery("select p.path from Pixels p", None)


def test_the_group_changes_once_what_is_open_is_closed(gateway: Gateway) -> None:
    client = gateway.connection.c
    group = gateway.connection.getEventContext().groupId
    client.sf.getQueryService()
    store = client.sf.createRawFileStore()
    with pytest.raises(omero.SecurityViolation):
        client.sf.setSecurityContext(ExperimenterGroupI(group, False))
    open_ = client.getStatefulServices()
    assert store.ice_getIdentity().name in {proxy.ice_getIdentity().name for proxy in open_}
    for proxy in open_:
        proxy.close()
    assert client.getStatefulServices() == []
    client.sf.setSecurityContext(ExperimenterGroupI(group, False))
