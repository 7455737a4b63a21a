"""Filesets of OMERO: reading them with their images, moving images between them, and the notes (records) on them."""

import os
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import partial

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
from omero_roz.fileset import Claim, ExternalInfo, Fileset, OmeroImage, Owner, WellPlace
from omero_roz.layout.model import Sizes
from omero_roz.ports.omero.session import ANY_GROUP, OmeroSession
from omero_roz.ports.omero.together import at_once

# Of what anybody may write at any length no more than can mean anything.
_FILESET = """select f.id, substring(f.templatePrefix, 1, 4096), o.id, o.omeName, g.id from Fileset f
    join f.details.owner o join f.details.group g where f.id in (:ids)"""
_IMAGES = """select i.fileset.id, i.id, i.name, i.series, p.id, p.sizeX, p.sizeY, p.sizeZ, p.sizeC, p.sizeT, pt.value,
    e.entityType, e.entityId, e.lsid, e.uuid, e.id from Image i join i.pixels p join p.pixelsType pt
    left outer join i.details.externalInfo e where i.fileset.id in (:ids) order by i.series, i.id"""
_CHANNELS = """select i.id, count(c.id) from Image i join i.pixels p join p.channels c
    where i.fileset.id in (:ids) group by i.id"""
# The position in the well, not the id: samples may have been saved in any order. OMERO.web's plate view asks so too
# (omeroweb/webgateway/plategrid.py: "from Well well join well.wellSamples ws … index(ws)").
_PLACES = """select i.id, w.plate.id, w.row, w.column, index(s) from Well w join w.wellSamples s join s.image i
    where i.fileset.id in (:ids)"""
# Only what the fileset's owner wrote and put there: a member of the group may write, and link what the owner wrote.
_THEIRS = """l.child.id = a.id and a.ns = :ns and a.details.owner.id = l.parent.details.owner.id
    and l.details.owner.id = l.parent.details.owner.id"""
_NOTED = f"""select l.parent.id, a.id, length(a.textValue), a.details.creationEvent.id,
    substring(a.description, 1, 255)
    from FilesetAnnotationLink l, CommentAnnotation a where {_THEIRS} and l.parent.id in (:ids) order by a.id"""
_NAMED = f"""select distinct a.name, l.parent.id, l.parent.details.owner.id, l.parent.details.group.id
    from FilesetAnnotationLink l, CommentAnnotation a where {_THEIRS}
    and a.name in (:names) and l.parent.details.owner.id in (:owners) and l.parent.details.group.id in (:groups)"""
_SUMMARISED = f"""select distinct l.parent.id from FilesetAnnotationLink l, MapAnnotation a join a.mapValue v
    where {_THEIRS} and v.name = :name and v.value = :value order by l.parent.id"""
_SUMMARIES = f"""select a.id from FilesetAnnotationLink l, MapAnnotation a where {_THEIRS} and l.parent.id = :id
    order by a.id"""
# Where members may annotate, Chown2 leaves annotations and links with who wrote them (tests/contract/test_giving.py).
_LEFT = """select l.parent.id, u.omeName, a.id from FilesetAnnotationLink l join l.parent f, Annotation a
    join a.details.owner u where l.child.id = a.id and l.parent.id in (:ids) and a.ns in (:namespaces)
    and l.details.owner.id = u.id and u.id <> f.details.owner.id and u.id = f.details.creationEvent.experimenter.id
    order by a.id"""
_TEXTS = "select a.id, a.textValue from CommentAnnotation a where a.id in (:ids)"
_FILES = "select o.path, o.name, o.mimetype from OriginalFile o where o.id in (:ids) and o.repo is not null"
_REGISTERED = "select distinct o.path from FilesetEntry e join e.originalFile o where o.repo is not null"
_ENTRIES = f"{_REGISTERED} and e.fileset.id = :id"
_USED = f"{_REGISTERED} and o.path in (:paths)"
_ANNOTATIONS = "select a.id from Annotation a where a.id in (:ids) and a.details.owner.id = :owner"
_CALLED = (
    "select distinct i.fileset.id from Image i where i.name = :name and i.fileset is not null",
    """select distinct i.fileset.id from WellSample s join s.image i join s.well w
        where w.plate.name = :name and i.fileset is not null""",
)
_INSIDE = "select i.id from Image i where i.fileset.id = :id"
_LOADED = "select i from Image i left outer join fetch i.details.externalInfo where i.id in (:ids)"


Still = Callable[[int, str], bool]  # whether a note, by annotation and text, is as somebody has read it


@dataclass(frozen=True, slots=True)
class Created:
    """What was made in one transaction: a fileset, the annotations with its note's text and summary, ids of the other
    objects."""

    fileset: int
    annotation: int
    summary: int
    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Noted:
    """A note on a fileset, without its text: its annotation, how many characters it has, the event that made it, and
    its description."""

    fileset: int
    annotation: int
    length: int | None
    event: int
    said: str | None


def _any_text(annotation: int, text: str) -> bool:
    return True


def _check(note: CommentAnnotationI, still: Still) -> None:
    if not still(note.id.val, unwrap(note.textValue) or ""):
        raise Refused("the record was changed meanwhile", f"Annotation:{note.id.val}", "look with omero roz status")


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

        asked = (_FILESET, _IMAGES, _CHANNELS, _PLACES)
        filesets, found, counted, placed = at_once(*(partial(rows, hql) for hql in asked))
        channels, places = dict(counted), _places(placed)
        images: dict[int, list[OmeroImage]] = {}
        for fileset, *row in found:
            images.setdefault(fileset, []).append(_image(row, channels.get(row[0], 0), places.get(row[0])))
        return {
            fileset: Fileset(fileset, Claim(prefix or ""), Owner(owner, name, group), tuple(images.get(fileset, ())))
            for fileset, prefix, owner, name, group in filesets
        }

    def create(self, new: NewFileset, note: Note, group_id: int, objects: Sequence = ()) -> Created:
        """Make a fileset without images, its note on it, in one transaction with other objects."""
        annotations = _annotations(note)
        saved = [_new_fileset(new, annotations), *annotations, *objects]
        fileset, annotation, summary, *ids = self._session.save(saved, "making the new Fileset", group_id)
        return Created(fileset, annotation, summary, ids)

    def attach(self, fileset_id: int, note: Note, group_id: int) -> None:
        """Put a note on a fileset."""
        self._session.save(_links(fileset_id, note), f"writing on Fileset:{fileset_id}", group_id)

    def rewrite_many(self, texts: Mapping[int, str], group_id: int, still: Still = _any_text) -> None:
        """Give the texts of notes, by annotation, anew, in one transaction; Refused as by `rewrite`."""
        hql, asking = "select a from CommentAnnotation a where a.id in (:ids)", "reading the records"
        notes = self._session.to_change(hql, asking, ids=list(texts)) if texts else []
        for note in notes:
            _check(note, still)
            note.textValue = rstring(texts[note.id.val])
        if notes:
            self._session.save_batch(notes, "writing the records", group_id)

    def rewrite(
        self, annotation_id: int, text: str, group_id: int, objects: Sequence = (), still: Still = _any_text
    ) -> list[int]:
        """Give the text of a note anew, in one transaction with other objects; their ids.

        Raises Refused where the note was deleted, or its text is not `still` what it was thought to be.
        """
        saved = [self._rewritten(annotation_id, text, still), *objects]
        return self._session.save(saved, "writing the record", group_id)[1:]

    def noted(self, ids: Sequence[int], namespace: str) -> list[Noted]:
        """The notes of a namespace that their owners have put on filesets, oldest first, without their texts."""
        rows = self._session.rows(_NOTED, _reading(ids), ids=list(ids), ns=namespace) if ids else []
        return [Noted(*row) for row in rows]

    def left_behind(self, ids: Sequence[int], namespaces: Sequence[str]) -> dict[int, tuple[str, list[int]]]:
        """Of filesets that are not their maker's any more: who made them, and the annotations of theirs on them."""
        found: dict[int, tuple[str, list[int]]] = {}
        rows = self._session.rows(_LEFT, _reading(ids), ids=list(ids), namespaces=list(namespaces)) if ids else []
        for fileset, maker, annotation in rows:
            found.setdefault(fileset, (maker, []))[1].append(annotation)
        return found

    def texts(self, annotations: Sequence[int]) -> dict[int, str]:
        """The texts of notes, by annotation."""
        rows = self._session.rows(_TEXTS, "reading the records", ids=list(annotations)) if annotations else []
        return {annotation: text or "" for annotation, text in rows}

    def named(self, namespace: str, names: Mapping[str, Owner]) -> dict[str, list[int]]:
        """The filesets that have a note of a namespace with a name, and the owner and group that belong to it."""
        found: dict[str, list[int]] = {}
        if names:
            asking = f"looking for the records of {next(iter(names))}" + _and(names)
            rows = self._session.rows(
                _NAMED, asking, ns=namespace, names=list(names), owners=sorted({o.user_id for o in names.values()}),
                groups=sorted({o.group_id for o in names.values()}),
            )  # fmt: skip
            for name, fileset, owner, group in rows:
                if (owner, group) == (names[name].user_id, names[name].group_id):
                    found.setdefault(name, []).append(fileset)
        return found

    def summarised(self, namespace: str, name: str, value: str, group_id: int = ANY_GROUP) -> list[int]:
        """The filesets whose owners have put a summary with a value under a name on them."""
        asking = f"looking for {name} {value}"
        rows = self._session.rows(_SUMMARISED, asking, group_id, ns=namespace, name=name, value=value)
        return [fileset for [fileset] in rows]

    def summaries(self, fileset_id: int, namespace: str) -> list[int]:
        """The summaries of a namespace that its owner has put on a fileset, oldest first."""
        asking = f"reading the summary of Fileset:{fileset_id}"
        return [summary for [summary] in self._session.rows(_SUMMARIES, asking, id=fileset_id, ns=namespace)]

    def paths(self, file_ids: Sequence[int]) -> list[tuple[str, bool]]:
        """Files of the repository by their paths in it, and whether each is a directory; others are left out."""
        rows = self._session.rows(_FILES, "reading the registered files", ids=list(file_ids)) if file_ids else []
        return [(f"{path}{name}".lstrip("/"), kind == "Directory") for path, name, kind in rows]

    def directory(self, fileset_id: int) -> str:
        """The directory of the repository that has all files which a fileset registers; nothing where it has none."""
        asking = f"reading the files of Fileset:{fileset_id}"
        paths = [path.strip("/") for [path] in self._session.rows(_ENTRIES, asking, id=fileset_id)]
        return os.path.commonpath(paths) if paths else ""

    def paths_used(self, paths: Sequence[str]) -> set[str]:
        """Those of the directories in the repository that have a registered file of a fileset which the user sees."""
        rows = self._session.rows(_USED, "looking for registered files", paths=list(paths)) if paths else []
        return {path for [path] in rows}

    def annotations_of(self, owner: Owner, ids: Sequence[int]) -> set[int]:
        """Those of the annotations that are a user's."""
        asking = "reading the annotations"
        rows = self._session.rows(_ANNOTATIONS, asking, ids=list(ids), owner=owner.user_id) if ids else []
        return {annotation for [annotation] in rows}

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
        asking = "reading the images"
        loaded, inside = at_once(
            lambda: self._session.to_change(_LOADED, asking, group, ids=wanted),
            lambda: self._session.rows(_INSIDE, asking, group, id=change.source),
        )
        images = {image.id.val: image for image in loaded}
        found = {image: _found(loaded) for image, loaded in images.items()}
        problems = differences(change, found, [image for [image] in inside])
        if problems:
            raise Refused.of(problems)
        return images

    def _rewritten(self, annotation_id: int, text: str, still: Still = _any_text) -> CommentAnnotationI:
        hql = "select a from CommentAnnotation a where a.id = :id"
        found = self._session.to_change(hql, "reading the record", id=annotation_id)
        if not found:
            raise Refused("the record was deleted meanwhile", f"Annotation:{annotation_id}", "nothing was changed")
        _check(found[0], still)
        found[0].textValue = rstring(text)
        return found[0]


def _reading(ids: Sequence[int]) -> str:
    return f"reading Fileset:{ids[0]}" + _and(ids)


def _and(some: Sized) -> str:
    return f" and {len(some) - 1} more" if len(some) > 1 else ""


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
    values = info and (info.entityType.val, info.entityId.val, unwrap(info.lsid), unwrap(info.uuid), info.id.val)
    external = ExternalInfo(*values) if values else None
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
    text.description = note.said and rstring(note.said)
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
