"""Making images in OMERO from a graph of model objects: what they share first, then the images in batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import omero.callbacks
import omero.cmd
from ome_graph import EnumTable
from omero.model import DatasetI, DatasetImageLinkI, FilesetI, ImageI
from omero.rtypes import rint, rlong

from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo
from omero_roz.ports.filesets import external_info_object
from omero_roz.ports.omero_session import OmeroSession, omero_errors


@dataclass(frozen=True, slots=True)
class Target:
    """The container that new images go into."""

    kind: str
    id: int
    name: str
    group_id: int


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be made: its place in the OME-XML, its name, its series, and how the server will read it."""

    series: int
    name: str
    path: str
    binding: ExternalInfo


class NewImages:
    """Saves new images of one fileset, in one group."""

    def __init__(self, session: OmeroSession, group_id: int, fileset_id: int, target: Target | None) -> None:
        self._session, self._group, self._fileset, self._target = session, group_id, fileset_id, target
        self._shared: list = []

    def save_shared(self, waves: Iterable[Sequence]) -> None:
        """Save wave after wave; each object then stands for itself by its id only, so that later ones refer to it."""
        for wave in waves:
            if wave:
                ids = self._session.save(wave, "saving what the images share", self._group)
                for shared, shared_id in zip(wave, ids, strict=True):
                    shared.setId(rlong(shared_id))
                    shared.unload()
                    self._shared.append(shared)

    def save_images(self, images: Sequence[ImageI], planned: Sequence[NewImage]) -> None:
        """Save a batch of images in one transaction, bound, in their fileset and in the target from the start."""
        for image, plan in zip(images, planned, strict=True):
            image.fileset, image.series = FilesetI(self._fileset, False), rint(plan.series)
            image.details.externalInfo = external_info_object(plan.binding)
            self._put_into_target(image)
        self._session.save_batch(images, f"saving images {planned[0].series} to {planned[-1].series}", self._group)

    def _put_into_target(self, image: ImageI) -> None:
        if self._target is not None:
            link = DatasetImageLinkI()
            link.parent = DatasetI(self._target.id, False)
            image.addDatasetImageLink(link)

    def take_back(self) -> None:
        """Delete the fileset with its images and file, and then what they shared."""
        delete(self._session, "Fileset", self._fileset, self._group)
        for shared in reversed(self._shared):
            self._delete_if_left(shared)

    def _delete_if_left(self, shared) -> None:
        kind = type(shared).__name__.removesuffix("I")
        hql = f"select o.id from {kind} o where o.id = :id"  # the kind is a class of omero.model, never user input
        if self._session.rows(hql, "taking the import back", id=shared.id.val):
            delete(self._session, kind, shared.id.val, self._group)


class Enumerations:
    """References to the server's enumeration values, each kind asked for when it is first needed."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session
        self._table = cache(self._load)

    def __call__(self, kind: str, value: str):
        """A reference to a value such as ("Immersion", "Oil"); what the server lacks as EnumTable says."""
        return self._table(kind)(kind, value)

    def _load(self, kind: str) -> EnumTable:
        rows = self._session.rows(f"select e.value, e.id from {kind} e", f"reading the values of {kind}")
        return EnumTable({(kind, value): number for value, number in rows})


def delete(session: OmeroSession, kind: str, object_id: int, group_id: int) -> None:
    """Delete an object with all that belongs to it, by OMERO's own delete; Refused where OMERO does not."""
    request = omero.cmd.Delete2(targetObjects={kind: [object_id]})
    with omero_errors(f"deleting {kind}:{object_id}"):
        handle = session.factory.submit(request, session.group_context(group_id))
        callback = omero.callbacks.CmdCallbackI(session.client, handle)
        try:
            callback.loop(600, 500)
            response = callback.getResponse()
        finally:
            callback.close(True)
    if isinstance(response, omero.cmd.ERR):
        message = response.parameters.get("message", response.name)
        raise Refused(f"OMERO did not delete it ({message})", f"{kind}:{object_id}", "delete it by hand")


def find_target(session: OmeroSession, kind: str, object_id: int) -> Target:
    """The container that new images go into; Refused where the user does not see it or may not link to it."""
    where = f"{kind}:{object_id}"
    found = session.objects(f"select d from {kind} d where d.id = :id", f"reading {where}", id=object_id)
    if not found:
        raise Refused("it does not exist or you may not see it", where, "check --target and the user")
    container = found[0]
    if not container.details.permissions.canLink():
        raise Refused("you may not put images into it", where, "choose a target of your own, or log in as its owner")
    return Target(kind, object_id, container.name.val, container.details.group.id.val)


def image_ids(session: OmeroSession, fileset_id: int) -> dict[int, int]:
    """The ids of a fileset's images by their series."""
    hql = "select i.series, i.id from Image i where i.fileset.id = :id"
    return {series: image for series, image in session.rows(hql, "reading the new images", id=fileset_id)}
