"""Filesets of OMERO: reading them with their images, moving images between them, and the notes (records) on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from omero.model import (
    CommentAnnotationI,
    ExternalInfoI,
    FilesetAnnotationLinkI,
    FilesetEntryI,
    FilesetI,
    ImageI,
    MapAnnotationI,
    NamedValue,
    OriginalFileI,
)
from omero.rtypes import rint, rlong, rstring, unwrap

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import ExternalInfo, Fileset, OmeroImage, Owner
from omero_roz.layout.model import Sizes
from omero_roz.ports.omero_session import OmeroSession

_FILESET = """select f.id, f.templatePrefix, o.id, o.omeName, g.id from Fileset f
    join f.details.owner o join f.details.group g where f.id = :id"""
_IMAGES = """select i.id, i.name, i.series, p.id, p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT, pt.value,
    e.entityType, e.entityId, e.lsid, e.uuid from Image i join i.pixels p join p.pixelsType pt
    left outer join i.details.externalInfo e where i.fileset.id = :id order by i.series, i.id"""
_CHANNELS = """select i.id, count(c.id) from Image i join i.pixels p join p.channels c
    where i.fileset.id = :id group by i.id"""
_NOTES = """select a from FilesetAnnotationLink l join l.child a
    where l.parent.id = :id and a.ns = :ns order by a.id"""
_LOADED = "select i from Image i left outer join fetch i.details.externalInfo where i.id in (:ids)"


@dataclass(frozen=True, slots=True)
class NewFileset:
    """A fileset to be made, with the one file that it registers."""

    template_prefix: str
    client_path: str
    file_id: int


@dataclass(frozen=True, slots=True)
class Note:
    """The two annotations of a record: a text for the machine and names with values for people."""

    text_ns: str
    text: str
    summary_ns: str
    summary: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Move:
    """One image on its way to another fileset: what it is expected to be bound to, and what it will be."""

    image: int
    from_fileset: int
    series: int
    expected: ExternalInfo | None
    binding: ExternalInfo | None


class Filesets:
    """Reads filesets and changes which images they have."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session

    def get(self, fileset_id: int) -> Fileset:
        """A fileset with its images by series.

        Raises Refused where it does not exist or the user may not see it.
        """
        asking = f"reading Fileset:{fileset_id}"
        found = self._session.rows(_FILESET, asking, id=fileset_id)
        if not found:
            raise Refused("it does not exist or you may not see it", f"Fileset:{fileset_id}", "check the id and the user")
        _, prefix, owner, name, group = found[0]
        channels = dict(self._session.rows(_CHANNELS, asking, id=fileset_id))
        images = tuple(
            _image(row, channels.get(row[0], 0)) for row in self._session.rows(_IMAGES, asking, id=fileset_id)
        )
        return Fileset(fileset_id, prefix, Owner(owner, name, group), images)

    def notes(self, fileset_id: int, namespace: str) -> list[tuple[int, str]]:
        """The texts that a namespace has on a fileset, oldest first, with the ids of their annotations."""
        found = self._session.objects(_NOTES, f"reading the records of Fileset:{fileset_id}", id=fileset_id, ns=namespace)
        return [(a.id.val, a.textValue.val) for a in found]

    def create(self, new: NewFileset, note: Note, group_id: int) -> int:
        """Make a fileset without images, its note on it."""
        return self._session.save([_new_fileset(new, note)], "making the new Fileset", group_id)[0]

    def rewrite(self, annotation_id: int, text: str, group_id: int) -> None:
        """Give the text of a note anew."""
        self._session.save([self._rewritten(annotation_id, text)], "writing the record", group_id)

    def move(
        self, moves: Sequence[Move], to: NewFileset | int, note: Note, superseded: tuple[int, str] | None, group_id: int
    ) -> int:
        """Move images to a fileset, new or not, with their note, all in one transaction; the fileset's id.

        `superseded`: the annotation id and new text of a note that this change overrules.
        Raises Refused where an image is not as expected, which nothing was then changed for. The new fileset's file
        must not be one that the source registers (facts: omero_replacement b).
        """
        found = self._session.objects(_LOADED, "reading the images", group_id, ids=[m.image for m in moves])
        images = {image.id.val: image for image in found}
        _check(moves, images)
        target = _new_fileset(to, note) if isinstance(to, NewFileset) else FilesetI(to, False)
        for m in moves:
            _change(images[m.image], m, target)
        noted = [target] if isinstance(to, NewFileset) else _links(to, note)
        extra = [self._rewritten(*superseded)] if superseded else []
        ids = self._session.save([*noted, *images.values(), *extra], "moving the images", group_id)
        return ids[0] if isinstance(to, NewFileset) else to

    def _rewritten(self, annotation_id: int, text: str) -> CommentAnnotationI:
        annotation = self._session.objects(
            "select a from CommentAnnotation a where a.id = :id", "reading the record", id=annotation_id
        )[0]
        annotation.textValue = rstring(text)
        return annotation


def _image(row: list, channels: int) -> OmeroImage:
    image, name, series, pixels, x, y, z, c, t, pixel_type, *info = row
    external = ExternalInfo(*info) if info[0] is not None else None
    return OmeroImage(image, name, series or 0, pixels, Sizes(x, y, z, c, t), pixel_type, channels, external)


def _check(moves: Sequence[Move], images: dict[int, ImageI]) -> None:
    problems = [problem for m in moves for problem in _differences(m, images.get(m.image))]
    if problems:
        raise Refused.of(problems)


def _differences(m: Move, image: ImageI | None) -> list[Problem]:
    where = f"Image:{m.image}"
    if image is None:
        return [Problem(where, "it was deleted meanwhile", "nothing was changed")]
    if image.fileset is None or image.fileset.id.val != m.from_fileset:
        return [Problem(where, f"it is no longer in Fileset:{m.from_fileset}", "nothing was changed; look with omero roz status")]
    if _external_info(image) != m.expected:
        return [Problem(where, "its ExternalInfo was changed meanwhile", "nothing was changed; look with omero roz status")]
    return []


def _external_info(image: ImageI) -> ExternalInfo | None:
    info = image.details.externalInfo
    if info is None:
        return None
    return ExternalInfo(info.entityType.val, info.entityId.val, unwrap(info.lsid), unwrap(info.uuid))


def external_info_object(info: ExternalInfo) -> ExternalInfoI:
    """A new ExternalInfo row: they are immutable, a change is always a new one (facts: omero_replacement)."""
    made = ExternalInfoI()
    made.entityType, made.entityId = rstring(info.entity_type), rlong(info.entity_id)
    made.lsid, made.uuid = info.lsid and rstring(info.lsid), info.uuid and rstring(info.uuid)
    return made


def _change(image: ImageI, m: Move, target: FilesetI) -> None:
    image.fileset, image.series = target, rint(m.series)
    if m.binding != m.expected:
        image.details.externalInfo = m.binding and external_info_object(m.binding)


def _new_fileset(new: NewFileset, note: Note) -> FilesetI:
    entry = FilesetEntryI()
    entry.clientPath, entry.originalFile = rstring(new.client_path), OriginalFileI(new.file_id, False)
    fileset = FilesetI()
    fileset.templatePrefix = rstring(new.template_prefix)
    fileset.addFilesetEntry(entry)
    for annotation in _annotations(note):
        fileset.linkAnnotation(annotation)
    return fileset


def _annotations(note: Note) -> list[CommentAnnotationI | MapAnnotationI]:
    text = CommentAnnotationI()
    text.ns, text.textValue = rstring(note.text_ns), rstring(note.text)
    summary = MapAnnotationI()
    summary.ns, summary.mapValue = rstring(note.summary_ns), [NamedValue(*line) for line in note.summary]
    return [text, summary]


def _links(fileset_id: int, note: Note) -> list[FilesetAnnotationLinkI]:
    links = []
    for annotation in _annotations(note):
        link = FilesetAnnotationLinkI()
        link.parent, link.child = FilesetI(fileset_id, False), annotation
        links.append(link)
    return links
