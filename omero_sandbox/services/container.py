"""IContainer: images with what a viewer needs of them."""

from omero.model import ImageI

import omero
from omero_sandbox.hql import find, project
from omero_sandbox.model.mapping import entity
from omero_sandbox.services.base import Call, Service, service

# How the images of a container are found from the container's id.
_PATHS = {
    "Image": "where i.id in (:ids)",
    "Dataset": "join i.datasetLinks d where d.parent.id in (:ids)",
    "Project": "join i.datasetLinks d join d.parent.projectLinks p where p.parent.id in (:ids)",
}

_ALL_PATHS = _PATHS | {
    "Fileset": "where i.fileset.id in (:ids)",
    "Well": "join i.wellSamples s where s.well.id in (:ids)",
    "Plate": "join i.wellSamples s where s.well.plate.id in (:ids)",
    "Screen": "join i.wellSamples s join s.well.plate.screenLinks l where l.parent.id in (:ids)",
}

# What loadContainerHierarchy fetches below a root `r`.
_CHILDREN = {
    "Project": "left outer join fetch r.datasetLinks l left outer join fetch l.child d",
    "Dataset": "left outer join fetch r.imageLinks l left outer join fetch l.child",
    "Screen": "left outer join fetch r.plateLinks l left outer join fetch l.child",
}


@service
class ContainerService(Service):
    """omero.api.IContainer: containers with what is in them."""

    interface = "omero.api.IContainer"

    def getImages(self, call: Call, root: str, ids: list[int], options: omero.sys.Parameters | None) -> list[ImageI]:
        """Images of Images, Datasets or Projects (each once), with pixels, their type and the format.

        Those that the caller may not read are left out. Raises omero.ApiUsageException for another class.
        """
        path = _PATHS.get(root.rpartition(".")[2].removesuffix("I"))
        if path is None:
            raise omero.ApiUsageException(message=f"Query not implemented for class {entity(root).java}")
        query = (
            "select i from Image i left outer join fetch i.format"
            f" left outer join fetch i.pixels x left outer join fetch x.pixelsType {path}"
        )
        with self.state.database.read() as cursor:
            found = find(cursor, call.caller, query, omero.sys.ParametersI().addIds(ids))
        return list({image.id.val: image for image in found}.values())

    def loadContainerHierarchy(
        self, call: Call, root: str, ids: list[int], options: omero.sys.Parameters | None
    ) -> list:
        """Projects with datasets, or Datasets or Screens with their children, each once; all of a class without ids.

        With the option `leaf`, datasets come with their images. Raises omero.ApiUsageException for another class.
        """
        name = root.rpartition(".")[2].removesuffix("I")
        if name not in _CHILDREN:
            raise omero.ApiUsageException(message=f"IContainer.loadContainerHierarchy: {root} is not in this sandbox")
        leaf = bool(options and options.theOptions and options.theOptions.leaf and options.theOptions.leaf.val)
        joins = _CHILDREN[name] if name != "Dataset" or leaf else ""
        if name == "Project" and leaf:
            joins += " left outer join fetch d.imageLinks m left outer join fetch m.child"
        where = "where r.id in (:ids)" if ids else ""
        params = omero.sys.ParametersI().addIds(ids) if ids else None
        with self.state.database.read() as cursor:
            found = find(cursor, call.caller, f"select distinct r from {name} r {joins} {where}", params)
        return found

    def getImagesBySplitFilesets(
        self, call: Call, included: dict[str, list[int]], options: omero.sys.Parameters | None
    ) -> dict[int, dict[bool, list[int]]]:
        """The filesets of which some images are among the given objects, and some not: their ids by True and False.

        Raises omero.ApiUsageException for another class than Image, Dataset, Project, Screen, Plate, Well, Fileset.
        """
        inside: set[int] = set()
        with self.state.database.read() as cursor:
            for kind, ids in included.items():
                name = kind.rpartition(".")[2].removesuffix("I")
                if name not in _ALL_PATHS:
                    raise omero.ApiUsageException(message=f"{kind} has no images in this sandbox")
                rows = project(
                    cursor,
                    call.caller,
                    f"select i.id from Image i {_ALL_PATHS[name]}",
                    omero.sys.ParametersI().addIds(ids),
                )
                inside |= {row[0].val for row in rows}
            query = (
                "select o.fileset.id, o.id from Image o where o.fileset.id in"
                " (select i.fileset.id from Image i where i.id in (:ids)) order by o.id"
            )
            params = omero.sys.ParametersI().addIds(sorted(inside))
            rows = project(cursor, call.caller, query, params) if inside else []
        found: dict[int, dict[bool, list[int]]] = {}
        for fileset, image in rows:
            found.setdefault(fileset.val, {True: [], False: []})[image.val in inside].append(image.val)
        return {number: parts for number, parts in found.items() if parts[False]}

    def getCollectionCount(
        self, call: Call, root: str, collection: str, ids: list[int], options: omero.sys.Parameters | None
    ) -> dict[int, int]:
        """How many elements a collection has, such as imageLinks of Datasets, by the objects' ids."""
        cls = entity(root).name
        if collection not in entity(root).properties:
            raise omero.ApiUsageException(message=f"{cls} has no collection {collection}")
        query = (
            f"select r.id, count(c.id) from {cls} r left outer join r.{collection} c where r.id in (:ids) group by r.id"
        )
        with self.state.database.read() as cursor:
            rows = project(cursor, call.caller, query, omero.sys.ParametersI().addIds(ids))
        return {number.val: count.val for number, count in rows}
