"""IContainer: images with what a viewer needs of them."""

from omero.model import ImageI

import omero
from omero_sandbox.hql import find
from omero_sandbox.services.base import Call, Service, service

# How the images of a container are found from the container's id.
_PATHS = {
    "Image": "where i.id in (:ids)",
    "Dataset": "join i.datasetLinks d where d.parent.id in (:ids)",
    "Project": "join i.datasetLinks d join d.parent.projectLinks p where p.parent.id in (:ids)",
}


@service
class ContainerService(Service):
    """omero.api.IContainer: so far what BlitzGateway's ImageWrapper loads its pixels by."""

    interface = "omero.api.IContainer"

    def getImages(self, call: Call, root: str, ids: list[int], options: omero.sys.Parameters | None) -> list[ImageI]:
        """Images of Images, Datasets or Projects (each once), with pixels, their type and the format.

        Those that the caller may not read are left out. Raises omero.ApiUsageException for another class.
        """
        path = _PATHS.get(root.rpartition(".")[2].removesuffix("I"))
        if path is None:
            raise omero.ApiUsageException(message=f"IContainer.getImages: {root} is not in this sandbox")
        query = (
            "select i from Image i left outer join fetch i.format"
            f" left outer join fetch i.pixels x left outer join fetch x.pixelsType {path}"
        )
        with self.state.database.read() as cursor:
            found = find(cursor, call.caller, query, omero.sys.ParametersI().addIds(ids))
        return list({image.id.val: image for image in found}.values())
