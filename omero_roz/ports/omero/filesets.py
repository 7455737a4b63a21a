"""Filesets of OMERO: reading them with their images, moving images between them, and the notes (records) on them."""

from collections.abc import Mapping, Sequence
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

from omero_roz.change import Change, Found, Move, NewFileset, Note, Reading, differences
from omero_roz.errors import Refused
from omero_roz.fileset import ExternalInfo, Fileset, OmeroImage, Owner, WellPlace
from omero_roz.layout.model import Sizes
from omero_roz.ports.omero.session import OmeroSession

_FILESET = """select f.id, f.templatePrefix, o.id, o.omeName, g.id from Fileset f
    join f.details.owner o join f.details.group g where f.id in (:ids)"""
_IMAGES = """select i.fileset.id, i.id, i.name, i.series, p.id, p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT, pt.value,
    e.entityType, e.entityId, e.lsid, e.uuid from Image i join i.pixels p join p.pixelsType pt
    left outer join i.details.externalInfo e where i.fileset.id in (:ids) order by i.series, i.id"""
_CHANNELS = """select i.id, count(c.id) from Image i join i.pixels p join p.channels c
    where i.fileset.id in (:ids) group by i.id"""
# The position in the well, not the id: samples may have been saved in any order. OMERO.web's plate view asks so too
# (omeroweb/webgateway/plategrid.py: "from Well well join well.wellSamples ws … index(ws)").
_PLACES = """select i.id, w.plate.id, w.row, w.column, index(s) from Well w join w.wellSamples s join s.image i
    where i.fileset.id in (:ids)"""
# Only the owner's: another member of the group could otherwise write what a rollback then follows.
_TEXTS = """from FilesetAnnotationLink l, CommentAnnotation a where l.child.id = a.id and a.ns = :ns
    and a.details.owner.id = l.parent.details.owner.id"""
_NOTED = f"select l.parent.id, a.id, a.textValue {_TEXTS} and l.parent.id in (:ids) order by a.id"
_NAMED = f"select a.name, l.parent.id, a.id, a.textValue {_TEXTS} and a.name in (:names) order by a.id"
_SUMMARISED = """select distinct l.parent.id from FilesetAnnotationLink l, MapAnnotation a join a.mapValue v
    where l.child.id = a.id and a.ns = :ns and v.name = :name and v.value = :value order by l.parent.id"""
_FILES = "select o.path, o.name, o.mimetype from OriginalFile o where o.id in (:ids) and o.repo is not null"
_CALLED = (
    "select distinct i.fileset.id from Image i where i.name = :name and i.fileset is not null",
    """select distinct i.fileset.id from WellSample s join s.image i join s.well w
        where w.plate.name = :name and i.fileset is not null""",
)
_INSIDE = "select i.id from Image i where i.fileset.id = :id"
_LOADED = "select i from Image i left outer join fetch i.details.externalInfo where i.id in (:ids)"


@dataclass(frozen=True, slots=True)
class Created:
    """What was made in one transaction: a fileset, the annotation with its note's text, ids of the other objects."""

    fileset: int
    annotation: int
    ids: Sequence[int]


class Filesets:
    """Reads filesets and changes which images they have."""

    def __init__(self, session: OmeroSession) -> None:
        self._session = session

    def get(self, fileset_id: int) -> Fileset:
        """A fileset with its images by series.

        Raises Refused where it does not exist or the user may not see it.
        """
        found = self.get_many([fileset_id])
        if not found:
            raise Refused(
                "it does not exist or you may not see it", f"Fileset:{fileset_id}", "check the id and the user"
            )
        return found[fileset_id]

    def get_many(self, ids: Sequence[int]) -> dict[int, Fileset]:
        """Those of the filesets that the user sees, by id, with a constant number of queries."""
        if not ids:
            return {}

        def rows(hql: str) -> list[list]:
            return self._session.rows(hql, _reading(ids), ids=list(ids))

        channels, places = dict(rows(_CHANNELS)), _places(rows(_PLACES))
        images: dict[int, list[OmeroImage]] = {}
        for fileset, *row in rows(_IMAGES):
            images.setdefault(fileset, []).append(_image(row, channels.get(row[0], 0), places.get(row[0])))
        return {
            fileset: Fileset(fileset, prefix, Owner(owner, name, group), tuple(images.get(fileset, ())))
            for fileset, prefix, owner, name, group in rows(_FILESET)
        }

    def notes(self, fileset_id: int, namespace: str) -> list[tuple[int, str]]:
        """The texts that a namespace has on a fileset, oldest first, with the ids of their annotations."""
        return self.notes_many([fileset_id], namespace)[fileset_id]

    def create(self, new: NewFileset, note: Note, group_id: int, objects: Sequence = ()) -> Created:
        """Make a fileset without images, its note on it, in one transaction with other objects."""
        annotations = _annotations(note)
        saved = [_new_fileset(new, annotations), annotations[0], *objects]
        fileset, annotation, *ids = self._session.save(saved, "making the new Fileset", group_id)
        return Created(fileset, annotation, ids)

    def attach(self, fileset_id: int, note: Note, group_id: int) -> None:
        """Put a note on a fileset."""
        self._session.save(_links(fileset_id, note), f"writing on Fileset:{fileset_id}", group_id)

    def rewrite_many(self, texts: Mapping[int, str], group_id: int) -> None:
        """Give the texts of notes, by annotation, anew, in one transaction."""
        hql, asking = "select a from CommentAnnotation a where a.id in (:ids)", "reading the records"
        notes = self._session.objects(hql, asking, ids=list(texts)) if texts else []
        for note in notes:
            note.textValue = rstring(texts[note.id.val])
        if notes:
            self._session.save_batch(notes, "writing the records", group_id)

    def rewrite(self, annotation_id: int, text: str, group_id: int, objects: Sequence = ()) -> list[int]:
        """Give the text of a note anew, in one transaction with other objects; their ids."""
        saved = [self._rewritten(annotation_id, text), *objects]
        return self._session.save(saved, "writing the record", group_id)[1:]

    def named(self, namespace: str, name: str) -> list[tuple[int, int, str]]:
        """The notes of a namespace with a name, oldest first: fileset, annotation id, text."""
        return self.named_many(namespace, [name]).get(name, [])

    def named_many(self, namespace: str, names: Sequence[str]) -> dict[str, list[tuple[int, int, str]]]:
        """The notes of a namespace with each of the names, as `named`, with one query."""
        found: dict[str, list[tuple[int, int, str]]] = {}
        if names:
            asking = f"looking for the records of {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "")
            for name, *rest in self._session.rows(_NAMED, asking, ns=namespace, names=list(names)):
                found.setdefault(name, []).append((rest[0], rest[1], rest[2]))
        return found

    def notes_many(self, ids: Sequence[int], namespace: str) -> dict[int, list[tuple[int, str]]]:
        """The texts that a namespace has on filesets, as `notes`, with one query."""
        found: dict[int, list[tuple[int, str]]] = {fileset: [] for fileset in ids}
        if ids:
            for fileset, *rest in self._session.rows(_NOTED, _reading(ids), ids=list(ids), ns=namespace):
                found[fileset].append((rest[0], rest[1]))
        return found

    def summarised(self, namespace: str, name: str, value: str) -> list[int]:
        """The filesets whose summary has a value under a name."""
        rows = self._session.rows(_SUMMARISED, f"looking for {name} {value}", ns=namespace, name=name, value=value)
        return [fileset for [fileset] in rows]

    def paths(self, file_ids: Sequence[int]) -> list[tuple[str, bool]]:
        """Files of the repository by their paths in it, and whether each is a directory; others are left out."""
        rows = self._session.rows(_FILES, "reading the registered files", ids=list(file_ids)) if file_ids else []
        return [(f"{path}{name}".lstrip("/"), kind == "Directory") for path, name, kind in rows]

    def called(self, name: str) -> list[int]:
        """The filesets of the images and plates of a name."""
        rows = (row for hql in _CALLED for row in self._session.rows(hql, f"looking for {name}", name=name))
        return sorted({fileset for [fileset] in rows})

    def apply(self, change: Change) -> int:
        """Do a change in one transaction; the id of the fileset that the images are in then.

        Raises Refused where anything is not as expected, which nothing was then changed for. The new fileset's file
        must not be one that the source registers (facts: omero_replacement b).
        """
        group, to = change.owner.group_id, change.to
        if change.files or any(m.before.pixels != m.after.pixels for m in change.moves):
            raise Refused("only SQL can change which file the server opens", f"Fileset:{change.source}", "give --db")
        images = self._checked(change)
        target = _new_fileset(to, _annotations(change.note)) if isinstance(to, NewFileset) else FilesetI(to, False)
        for m in change.moves:
            _move(images[m.image], m, target)
        noted = [target] if isinstance(to, NewFileset) else _links(to, change.note)
        extra = [self._rewritten(*change.superseded)] if change.superseded else []
        ids = self._session.save([*noted, *images.values(), *extra], "moving the images", group)
        return ids[0] if isinstance(to, NewFileset) else to

    def _checked(self, change: Change) -> dict[int, ImageI]:
        """The images to be moved, when they are as expected and are all that their fileset has."""
        group, wanted = change.owner.group_id, [m.image for m in change.moves]
        images = {i.id.val: i for i in self._session.objects(_LOADED, "reading the images", group, ids=wanted)}
        inside = self._session.rows(_INSIDE, "reading the images", group, id=change.source)
        found = {image: _found(loaded) for image, loaded in images.items()}
        problems = differences(change, found, [image for [image] in inside])
        if problems:
            raise Refused.of(problems)
        return images

    def _rewritten(self, annotation_id: int, text: str) -> CommentAnnotationI:
        hql = "select a from CommentAnnotation a where a.id = :id"
        found = self._session.objects(hql, "reading the record", id=annotation_id)
        if not found:
            raise Refused("the record was deleted meanwhile", f"Annotation:{annotation_id}", "nothing was changed")
        found[0].textValue = rstring(text)
        return found[0]


def _reading(ids: Sequence[int]) -> str:
    return f"reading Fileset:{ids[0]}" + (f" and {len(ids) - 1} more" if len(ids) > 1 else "")


def _places(rows: list[list]) -> dict[int, WellPlace]:
    """The place of each image: rows are image, plate, row, column and position in the well."""
    wells: dict[tuple[int, int, int], list[int]] = {}
    for image, plate, row, column, _ in sorted(rows, key=lambda found: found[-1]):
        wells.setdefault((plate, row, column), []).append(image)
    return {image: WellPlace(*well, field) for well, images in wells.items() for field, image in enumerate(images)}


def _image(row: list, channels: int, place: WellPlace | None) -> OmeroImage:
    image, name, series, pixels, x, y, z, c, t, pixel_type, *info = row
    external = ExternalInfo(*info) if info[0] is not None else None
    return OmeroImage(image, name, series or 0, pixels, Sizes(x, y, z, c, t), pixel_type, channels, external, place)


def _found(image: ImageI) -> Found:
    info = image.details.externalInfo
    fileset = image.fileset.id.val if image.fileset is not None else None
    external = info and ExternalInfo(info.entityType.val, info.entityId.val, unwrap(info.lsid), unwrap(info.uuid))
    return Found(fileset, Reading(unwrap(image.series) or 0, external))


def external_info_object(info: ExternalInfo) -> ExternalInfoI:
    """A new ExternalInfo row: they are immutable, a change is always a new one (facts: omero_replacement)."""
    made = ExternalInfoI()
    made.entityType, made.entityId = rstring(info.entity_type), rlong(info.entity_id)
    made.lsid, made.uuid = info.lsid and rstring(info.lsid), info.uuid and rstring(info.uuid)
    return made


def _move(image: ImageI, m: Move, target: FilesetI) -> None:
    image.fileset, image.series = target, rint(m.after.series)
    if m.after.external_info != m.before.external_info:
        info = m.after.external_info
        image.details.externalInfo = info and external_info_object(info)


def _new_fileset(new: NewFileset, annotations: Sequence) -> FilesetI:
    fileset = FilesetI()
    fileset.templatePrefix = rstring(new.template_prefix)
    if new.file_id is not None:
        entry = FilesetEntryI()
        entry.clientPath, entry.originalFile = rstring(new.client_path), OriginalFileI(new.file_id, False)
        fileset.addFilesetEntry(entry)
    for annotation in annotations:
        fileset.linkAnnotation(annotation)
    return fileset


def _annotations(note: Note | None) -> list[CommentAnnotationI | MapAnnotationI]:
    if note is None:
        return []
    text = CommentAnnotationI()
    text.ns, text.textValue, text.name = rstring(note.text_ns), rstring(note.text), note.name and rstring(note.name)
    summary = MapAnnotationI()
    summary.ns, summary.mapValue = rstring(note.summary_ns), [NamedValue(*line) for line in note.summary]
    return [text, summary]


def _links(fileset_id: int, note: Note | None) -> list[FilesetAnnotationLinkI]:
    links = []
    for annotation in _annotations(note):
        link = FilesetAnnotationLinkI()
        link.parent, link.child = FilesetI(fileset_id, False), annotation
        links.append(link)
    return links
