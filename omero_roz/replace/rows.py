"""The rows that a change means, column by column, for the statements of statements.sql."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omero_roz.change import Change, Move, NewFileset, Note

# annotation.discriminator and the class in eventlog.
COMMENT = ("/basic/text/comment/", "ome.model.annotations.CommentAnnotation")
MAP = ("/map/", "ome.model.annotations.MapAnnotation")
# The order in which the statements can run: a row comes after those that it refers to.
ORDER = (
    "insert_filesets", "insert_files", "insert_entries", "insert_external_infos", "update_images", "update_pixels",
    "insert_annotations", "insert_map_values", "insert_links", "rewrite_annotations",
)  # fmt: skip

Whose = tuple[int, int, int]
NewIds = Mapping[str, Iterator[int]]


def ids_needed(changes: Sequence[Change]) -> dict[str, int]:
    """How many new rows each table gets."""
    new = [c.to for c in changes if isinstance(c.to, NewFileset)]
    files = sum(len(c.files) for c in changes)
    notes = 2 * sum(c.note is not None for c in changes)
    return {
        "fileset": len(new),
        "originalfile": files,
        "filesetentry": files + sum(n.file_id is not None for n in new),
        "externalinfo": sum(_rebound(m) and m.after.external_info is not None for c in changes for m in c.moves),
        "annotation": notes,
        "filesetannotationlink": notes,
    }


class Rows:
    """The rows of several changes: `tables` are statement -> column -> values, `log` the columns of eventlog."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, list[Any]]] = {name: defaultdict(list) for name in ORDER}
        self.log: dict[str, list[Any]] = {"action": [], "type": [], "entity": []}

    @property
    def tables(self) -> dict[str, dict[str, list[Any]]]:
        """The statements that have rows, in the order in which they can run."""
        return {name: columns for name, columns in self._tables.items() if columns}

    def add_change(self, change: Change, whose: Whose, ids: NewIds, first_entry: int) -> int:
        """Add all that a change makes and changes; the id of the fileset that its images are in then."""
        fileset = self._add_fileset(change.to, whose, ids) if isinstance(change.to, NewFileset) else change.to
        self._add_files(change, fileset, whose, ids, first_entry)
        for m in change.moves:
            self._add_image(m, fileset, whose, ids)
        if change.note is not None:
            self._add_note(change.note, fileset, whose, ids)
        if change.superseded is not None:
            annotation, text = change.superseded
            self._add("rewrite_annotations", id=annotation, text=text)
            self._log("UPDATE", COMMENT[1], annotation)
        return fileset

    def _add(self, statement: str, **values: Any) -> None:
        columns = self._tables[statement]
        for name, value in values.items():
            columns[name].append(value)

    def _add_new(self, statement: str, kind: str, new_id: int, whose: Whose, **values: Any) -> int:
        owner, group, permissions = whose
        self._add(statement, id=new_id, owner=owner, grp=group, permissions=permissions, **values)
        self._log("INSERT", kind, new_id)
        return new_id

    def _log(self, action: str, kind: str, entity: int) -> None:
        self.log["action"].append(action)
        self.log["type"].append(kind)
        self.log["entity"].append(entity)

    def _add_fileset(self, new: NewFileset, whose: Whose, ids: NewIds) -> int:
        kind, fileset = "ome.model.fs.Fileset", next(ids["fileset"])
        return self._add_new("insert_filesets", kind, fileset, whose, prefix=new.template_prefix)

    def _add_files(self, change: Change, fileset: int, whose: Whose, ids: NewIds, first: int) -> None:
        entries = []
        if isinstance(change.to, NewFileset) and change.to.file_id is not None:
            entries.append((change.to.file_id, change.to.client_path))
        for file in change.files:
            new = self._add_new(
                "insert_files", "ome.model.core.OriginalFile", next(ids["originalfile"]), whose,
                path=file.directory, name=file.name, repo=file.repo, size=file.size, sha1=file.sha1,
                mimetype=file.mimetype,
            )  # fmt: skip
            entries.append((new, file.path))
        for position, (file_id, path) in enumerate(entries, first):
            self._add_new(
                "insert_entries", "ome.model.fs.FilesetEntry", next(ids["filesetentry"]), whose,
                fileset=fileset, position=position, file=file_id, path=path,
            )  # fmt: skip

    def _add_image(self, m: Move, fileset: int, whose: Whose, ids: NewIds) -> None:
        external, info = None, m.after.external_info
        if _rebound(m) and info is not None:
            external = self._add_new(
                "insert_external_infos", "ome.model.meta.ExternalInfo", next(ids["externalinfo"]), whose,
                entity_type=info.entity_type, entity_id=info.entity_id, lsid=info.lsid, uuid=info.uuid,
            )  # fmt: skip
        series, rebound = m.after.series, _rebound(m)
        self._add("update_images", id=m.image, fileset=fileset, series=series, rebound=rebound, external=external)
        # The index holds the fileset's files with each image, and hears of nothing but the log.
        self._log("REINDEX", "ome.model.core.Image", m.image)
        if m.after.pixels != m.before.pixels and m.after.pixels is not None:
            file = m.after.pixels
            self._add("update_pixels", image=m.image, path=file.path, name=file.name, repo=file.repo)

    def _add_note(self, note: Note, fileset: int, whose: Whose, ids: NewIds) -> None:
        text, summary = next(ids["annotation"]), next(ids["annotation"])
        for number, (discriminator, kind), ns, name, content in (
            (text, COMMENT, note.text_ns, note.name, note.text),
            (summary, MAP, note.summary_ns, None, None),
        ):
            self._add_new(
                "insert_annotations", kind, number, whose, discriminator=discriminator, ns=ns, name=name, text=content
            )
            link, link_id = "ome.model.annotations.FilesetAnnotationLink", next(ids["filesetannotationlink"])
            self._add_new("insert_links", link, link_id, whose, parent=fileset, child=number)
        for position, (name, value) in enumerate(note.summary):
            self._add("insert_map_values", annotation=summary, position=position, name=name, value=value)


def _rebound(m: Move) -> bool:
    return m.after.external_info != m.before.external_info
