"""The images of what a user names: images, filesets, datasets, projects, plates, screens."""

from collections.abc import Sequence

from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import is_id
from omero_roz.ports.omero.session import OmeroSession

_FROM = {
    "Image": "Image i where i.id in (:ids)",
    "Fileset": "Image i where i.fileset.id in (:ids)",
    "Dataset": "DatasetImageLink l join l.child i where l.parent.id in (:ids)",
    "Project": "ProjectDatasetLink p join p.child d join d.imageLinks l join l.child i where p.parent.id in (:ids)",
    "Plate": "WellSample s join s.image i where s.well.plate.id in (:ids)",
    "Screen": """ScreenPlateLink l join l.child p join p.wells w join w.wellSamples s join s.image i
        where l.parent.id in (:ids)""",
}
_BOUND = "select i.id, e.lsid from Image i join i.details.externalInfo e where e.lsid like :prefix order by i.id"
_FILESETS = "select i.id, i.fileset.id from Image i where i.id in (:ids)"
AT_ONCE = 1000


def parse(text: str) -> tuple[str, int] | None:
    """KIND and ID of an object that has images, None for another text; raises UsageError for another kind."""
    kind, colon, number = text.partition(":")
    if not colon or not number.isdecimal() or not kind.isidentifier():
        return None
    if kind not in _FROM:
        raise UsageError(f"{kind} has no images", text, f"name one of {', '.join(_FROM)}")
    if not is_id(number):
        raise UsageError("OMERO has no such large ids", text[:60], "check the id")
    return kind, int(number)


def images_of(session: OmeroSession, kind: str, number: int) -> list[int]:
    """The ids of an object's images; raises Refused where there is none that the user may see."""
    where = f"{kind}:{number}"
    hql = f"select distinct i.id from {_FROM[kind]} order by i.id"  # the kind is one of ours
    found = [row[0] for row in session.rows(hql, f"reading the images of {where}", ids=[number])]
    if not found:
        raise Refused("it does not exist, has no images, or you may not see it", where, "check the id and the user")
    return found


def bound_to(session: OmeroSession, lsid: str) -> list[int]:
    """The ids of the images whose ExternalInfo names a Zarr or a group in it."""
    address = lsid.partition("?")[0]
    rows = session.rows(_BOUND, f"looking for images of {address}", prefix=address.replace("\\", "\\\\") + "%")
    return [image for image, found in rows if (found.partition("?")[0] + "/").startswith(address + "/")]


def bound_inside(session: OmeroSession, directory: str) -> list[tuple[int, str]]:
    """The images, with their lsids, whose ExternalInfo names a Zarr in a directory of the ManagedRepository."""
    what, escaped = f"looking for images that are read from {directory}", directory.replace("\\", "\\\\")
    rows = session.rows(_BOUND, what, prefix=f"%/{escaped}%")
    return [(image, lsid) for image, lsid in rows if f"/{directory}" in lsid]  # _ and % in it match more


def filesets_of(session: OmeroSession, images: Sequence[int]) -> dict[int, int]:
    """The fileset of each image that has one."""
    chunks = (images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE))
    rows = (session.rows(_FILESETS, "reading the images' filesets", ids=chunk) for chunk in chunks)
    return {image: fileset for found in rows for image, fileset in found if fileset is not None}
