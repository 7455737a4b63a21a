"""As a user of BlitzGateway or of RawPixelsStore I read planes, tiles and levels of an imported image."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from omero.gateway import BlitzGateway
from omero.model import DatasetI, ImageI, ProjectI
from omero.rtypes import rstring

import omero
from demo.omero_client import Account, import_file
from tests.support.servers import Server

PIXELS = np.arange(2 * 3 * 40 * 50, dtype="u2").reshape(2, 3, 40, 50)  # z, c, y, x


@pytest.fixture
def gateway(server: Server, curator: Account) -> Iterator[BlitzGateway]:
    with server.client(curator.name, curator.password) as client:
        yield BlitzGateway(client_obj=client)


@pytest.fixture
def image_id(gateway: BlitzGateway, tmp_path: Path) -> int:
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, ome=True, metadata={"axes": "ZCYX"})
    _, [number] = import_file(gateway.c, tmp_path / "a.ome.tif")
    return number


def test_planes_and_tiles_by_the_gateway(gateway: BlitzGateway, image_id: int) -> None:
    pixels = gateway.getObject("Image", image_id).getPrimaryPixels()
    assert (pixels.getPlane(1, 2, 0) == PIXELS[1, 2]).all()
    assert (pixels.getTile(1, 2, 0, (10, 5, 20, 30)) == PIXELS[1, 2, 5:35, 10:30]).all()
    planes = pixels.getPlanes([(z, c, 0) for z in range(2) for c in range(3)])
    assert (np.stack(list(planes)).reshape(PIXELS.shape) == PIXELS).all()


def test_the_store_itself(gateway: BlitzGateway, image_id: int) -> None:
    pixels_id = gateway.getObject("Image", image_id).getPixelsId()
    store = gateway.c.sf.createRawPixelsStore()
    with pytest.raises(omero.ApiUsageException):
        store.getPlane(0, 0, 0)
    store.setPixelsId(pixels_id, False)
    big = PIXELS.astype(">u2")
    assert store.getStack(2, 0) == big[:, 2].tobytes()
    assert store.getTimepoint(0) == big.swapaxes(0, 1).tobytes()
    assert store.getHypercube([0, 0, 0, 1, 0], [50, 40, 2, 2, 1], [7, 1, 1, 1, 1]) == (
        big[:, 1:3, :, ::7].swapaxes(0, 1).tobytes()
    )
    assert store.getResolutionLevels() == 1
    assert [(level.sizeX, level.sizeY) for level in store.getResolutionDescriptions()] == [(50, 40)]
    with pytest.raises(omero.ApiUsageException, match="Z '2' greater than sizeZ '2'"):
        store.getPlane(2, 0, 0)
    store.close()


def test_images_of_containers_come_with_their_pixels(gateway: BlitzGateway, image_id: int) -> None:
    project, dataset = ProjectI(), DatasetI()
    project.name, dataset.name = rstring("p"), rstring("d")
    dataset.linkImage(ImageI(image_id, False))
    project.linkDataset(dataset)
    saved = gateway.getUpdateService().saveAndReturnObject(project)
    (link,) = saved.copyDatasetLinks()
    container = gateway.getContainerService()
    for root, number in (("Project", saved.id.val), ("Dataset", link.child.id.val), ("Image", image_id)):
        (image,) = container.getImages(root, [number, number], None)
        assert image.id.val == image_id
        assert image.getPrimaryPixels().pixelsType.value.val == "uint16"
    with pytest.raises(omero.ApiUsageException, match="Query not implemented for class"):
        container.getImages("Roi", [1], None)


def test_pixels_that_are_not_there(gateway: BlitzGateway) -> None:
    store = gateway.c.sf.createRawPixelsStore()
    with pytest.raises(omero.ValidationException, match="Cannot read pixels"):
        store.setPixelsId(10**9, False)
    store.close()
