"""The images of what a user names: images, filesets, datasets, projects, plates, screens."""

import re
from collections.abc import Sequence

from omero_roz.errors import Refused, UsageError
from omero_roz.fileset import is_id
from omero_roz.ports.omero.filesets import Filesets
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
_NAMED = re.compile(r"(?P<kind>[A-Za-z]+):(?P<choice>[-+%]?)name:(?P<name>.+)$", re.DOTALL)
AT_ONCE = 1000
MOST_NAMED = 20


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


def is_named(text: str) -> bool:
    """Whether it has the form KIND:name:NAME; raises UsageError for a kind that has no images."""
    form = _NAMED.match(text)
    if form is not None:
        parse(f"{form['kind']}:0")
    return form is not None


def find(session: OmeroSession, text: str) -> tuple[str, int] | None:
    """The same, by name as well: KIND:name:NAME, for a Fileset the name of its plate or image.

    Raises Refused where none or several have the name; of those that the user sees `+name` is the newest, `-name` the
    oldest.
    """
    form = _NAMED.match(text)
    if form is None:
        return parse(text)
    kind, choice, name = form["kind"], form["choice"], form["name"]
    is_named(text)  # raises for another kind
    if kind == "Fileset":
        found = Filesets(session).called(name)
    else:
        hql = f"select o.id from {kind} o where o.name = :name order by o.id"  # the kind is one of ours
        found = [row[0] for row in session.rows(hql, f"looking for {text}", name=name)]
    if not found:
        raise Refused("nothing that you may see has this name", text, "check the name and the user")
    if len(found) > 1 and choice not in ("+", "-"):
        named = ", ".join(f"{kind}:{number}" for number in found[:MOST_NAMED]) + (" …" if found[MOST_NAMED:] else "")
        raise Refused(f"{len(found)} have this name ({named})", text, "give the id")
    return kind, found[0 if choice == "-" else -1]


def is_object(text: str) -> bool:
    """Whether a text names an object that has images, by id or by name; any other may be a name itself."""
    kind, _, rest = text.partition(":")
    return kind in _FROM and (rest.isdecimal() or _NAMED.match(text) is not None)


def fileset_of(session: OmeroSession, text: str) -> int:
    """The fileset of an object that is named; raises Refused where its images are in none or several, and as `find`."""
    found = find(session, text)
    assert found is not None
    kind, number = found
    if kind == "Fileset":
        return number
    filesets = sorted(set(filesets_of(session, images_of(session, kind, number)).values()))
    if len(filesets) != 1:
        named = ", ".join(f"Fileset:{one}" for one in filesets[:MOST_NAMED]) + (" …" if filesets[MOST_NAMED:] else "")
        what = f"its images are in {len(filesets)} filesets ({named})" if filesets else "its images are in no fileset"
        raise Refused(what, text, "name the fileset")
    return filesets[0]


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
