"""The rows that a change means, column by column, for the statements of statements.sql."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omero_roz.change import Change, Move, NewFileset, Note

# annotation.discriminator and the class in eventlog.
COMMENT = ("/basic/text/comment/", "ome.model.annotations.CommentAnnotation")
MAP = ("/map/", "ome.model.annotations.MapAnnotation")
_NEW = ("id", "owner", "grp", "permissions")
# The columns of each statement, in the order in which the statements can run: a row comes after those it refers to.
COLUMNS = {
    "insert_filesets": (*_NEW, "prefix"),
    "insert_files": (*_NEW, "path", "name", "repo", "size", "sha1", "mimetype"),
    "insert_entries": (*_NEW, "fileset", "position", "file", "path"),
    "insert_external_infos": (*_NEW, "entity_type", "entity_id", "lsid", "uuid"),
    "update_images": ("id", "fileset", "series", "rebound", "external"),
    "update_pixels": ("image", "path", "name", "repo"),
    "insert_annotations": (*_NEW, "discriminator", "ns", "name", "text"),
    "insert_map_values": ("annotation", "position", "name", "value"),
    "insert_links": (*_NEW, "parent", "child"),
    "rewrite_annotations": ("id", "text"),
}

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
        "externalinfo": sum(_needs_info(m) for c in changes for m in c.moves),
        "annotation": notes,
        "filesetannotationlink": notes,
    }


class Rows:
    """The rows of several changes, and those of eventlog that tell of them."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple]] = {statement: [] for statement in COLUMNS}
        self._log: list[tuple[str, str, int]] = []

    @property
    def tables(self) -> dict[str, dict[str, list[Any]]]:
        """The values of each column by statement, in the order in which the statements can run; none without rows."""
        return {name: _by_column(COLUMNS[name], rows) for name, rows in self._rows.items() if rows}

    @property
    def log(self) -> dict[str, list[Any]]:
        """The same of eventlog; `kind` says by its place, from 1, which of `actions` and `types` are a row's."""
        places: dict[tuple[str, str], int] = {}
        for action, kind, _ in self._log:
            places.setdefault((action, kind), len(places) + 1)
        named = _by_column(("actions", "types"), list(places))
        kinds = [places[action, kind] for action, kind, _ in self._log]
        return named | {"kind": kinds, "entity": [entity for *_, entity in self._log]}

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
            self._rows["rewrite_annotations"].append((annotation, text))
            self._log.append(("UPDATE", COMMENT[1], annotation))
        return fileset

    def _add_new(self, statement: str, kind: str, new_id: int, whose: Whose, *values: Any) -> int:
        self._rows[statement].append((new_id, *whose, *values))
        self._log.append(("INSERT", kind, new_id))
        return new_id

    def _add_fileset(self, new: NewFileset, whose: Whose, ids: NewIds) -> int:
        kind, fileset = "ome.model.fs.Fileset", next(ids["fileset"])
        return self._add_new("insert_filesets", kind, fileset, whose, new.template_prefix)

    def _add_files(self, change: Change, fileset: int, whose: Whose, ids: NewIds, first: int) -> None:
        entries = []
        if isinstance(change.to, NewFileset) and change.to.file_id is not None:
            entries.append((change.to.file_id, change.to.client_path))
        kind = "ome.model.core.OriginalFile"
        for file in change.files:
            values = (file.directory, file.name, file.repo, file.size, file.sha1, file.mimetype)
            entries.append((self._add_new("insert_files", kind, next(ids["originalfile"]), whose, *values), file.path))
        kind = "ome.model.fs.FilesetEntry"
        for position, (file_id, path) in enumerate(entries, first):
            entry = next(ids["filesetentry"])
            self._add_new("insert_entries", kind, entry, whose, fileset, position, file_id, path)

    def _add_image(self, m: Move, fileset: int, whose: Whose, ids: NewIds) -> None:
        external, info, rebound = None, m.after.external_info, _rebound(m)
        if rebound and info is not None and info.row is not None:
            external = info.row
        elif rebound and info is not None:
            kind, values = "ome.model.meta.ExternalInfo", (info.entity_type, info.entity_id, info.lsid, info.uuid)
            external = self._add_new("insert_external_infos", kind, next(ids["externalinfo"]), whose, *values)
        self._rows["update_images"].append((m.image, fileset, m.after.series, rebound, external))
        # The index holds the fileset's files with each image, and hears of nothing but the log.
        self._log.append(("REINDEX", "ome.model.core.Image", m.image))
        if m.after.pixels != m.before.pixels and m.after.pixels is not None:
            file = m.after.pixels
            self._rows["update_pixels"].append((m.image, file.path, file.name, file.repo))

    def _add_note(self, note: Note, fileset: int, whose: Whose, ids: NewIds) -> None:
        text, summary = next(ids["annotation"]), next(ids["annotation"])
        link = "ome.model.annotations.FilesetAnnotationLink"
        for number, (discriminator, kind), values in (
            (text, COMMENT, (note.text_ns, note.name, note.text)),
            (summary, MAP, (note.summary_ns, None, None)),
        ):
            self._add_new("insert_annotations", kind, number, whose, discriminator, *values)
            self._add_new("insert_links", link, next(ids["filesetannotationlink"]), whose, fileset, number)
        lines = [(summary, position, *line) for position, line in enumerate(note.summary)]
        self._rows["insert_map_values"].extend(lines)


def _by_column(names: Sequence[str], rows: Sequence[tuple]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _needs_info(m: Move) -> bool:
    return _rebound(m) and m.after.external_info is not None and m.after.external_info.row is None


def _rebound(m: Move) -> bool:
    return m.after.external_info != m.before.external_info
