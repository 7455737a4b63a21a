"""The stand-in OMERO: calls per second of one client, and the import of an OME-XML with 1,000 images."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import omero.clients
from omero.gateway import BlitzGateway
from omero.model import CommentAnnotationI
from omero.rtypes import rstring

import omero
from demo.omero_client import import_file
from omero_sandbox.sandbox import OmeroSandbox

SECONDS = 3.0
IMAGES = 1_000
IMAGE = (
    '<Image ID="Image:{n}" Name="{n}">'
    '<Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint16" SizeX="64" SizeY="48"'
    ' SizeZ="1" SizeC="2" SizeT="1"><Channel ID="Channel:{n}:0" Name="DAPI"/><Channel ID="Channel:{n}:1" Name="GFP"/>'
    "<MetadataOnly/></Pixels></Image>"
)


def main() -> None:
    """Measure on a sandbox of its own."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, sandbox_client() as client:
        print(f"start and login                {time.perf_counter() - began:8.1f} s")
        for name, call in operations(client).items():
            print(f"{name:30s} {rate(call):8.0f} calls/s")
        path = Path(folder, "many.ome.xml")
        path.write_text(ome_xml(IMAGES))
        began = time.perf_counter()
        import_file(client, path)
        seconds = time.perf_counter() - began
        print(f"{f'import of {IMAGES} images':30s} {seconds:8.1f} s, {IMAGES / seconds:.0f} images/s")


@contextmanager
def sandbox_client() -> Iterator[omero.clients.BaseClient]:
    """Root's client of a new sandbox, over ssl."""
    with OmeroSandbox() as sandbox:
        client = omero.client(sandbox.host, sandbox.ssl_port)
        client.createSession("root", sandbox.root_password)
        try:
            yield client
        finally:
            client.closeSession()


def operations(client: omero.clients.BaseClient) -> dict[str, Callable[[], Any]]:
    """What is measured, by name, with an image of 1 MiB planes in place."""
    made = BlitzGateway(client_obj=client).createImageFromNumpySeq(
        iter(np.ones((2, 1024, 512), np.uint16)), "x", sizeC=2
    )
    admin, query, update = client.sf.getAdminService(), client.sf.getQueryService(), client.sf.getUpdateService()
    store = client.sf.createRawPixelsStore()
    store.setPixelsId(made.getPixelsId(), False)
    image = (
        "select i from Image i join fetch i.pixels p join fetch p.pixelsType join fetch p.channels c"
        f" join fetch c.logicalChannel where i.id = {made.getId()}"
    )

    def annotation() -> Any:
        comment = CommentAnnotationI()
        comment.textValue = rstring("measured")
        return update.saveAndReturnObject(comment)

    return {
        "getEventContext": admin.getEventContext,
        "findByQuery, image and channels": lambda: query.findByQuery(image, None),
        "saveAndReturn, annotation": annotation,
        "getPlane of 1 MiB": lambda: store.getPlane(0, 1, 0),
    }


def rate(call: Callable[[], Any]) -> float:
    """Calls per second, one after the other."""
    call()
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS:
        call()
        count += 1
    return count / spent


def ome_xml(images: int) -> str:
    """An OME-XML with images without planes."""
    body = "".join(IMAGE.format(n=n) for n in range(images))
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{body}</OME>'


if __name__ == "__main__":
    main()
