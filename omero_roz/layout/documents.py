"""Fetching and parsing metadata files, many at a time; every failure becomes a problem with its path."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from omero_roz.errors import Contradiction, Problem
from omero_roz.layout.json_values import as_dict
from omero_roz.layout.model import ZarrFormat
from omero_roz.layout.paths import join
from omero_roz.layout.store import Absent, Store
from omero_roz.shown import said

Document = dict[str, Any] | Absent | None  # None: broken, and a problem already

_GROUP_FILE: dict[ZarrFormat, str] = {2: ".zattrs", 3: "zarr.json"}
_ARRAY_FILE: dict[ZarrFormat, str] = {2: ".zarray", 3: "zarr.json"}


class Documents:
    """The metadata files of one store, each fetched once, and the problems found so far."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.problems: list[Problem] = []
        self.groups_by_taken: dict[frozenset[str], tuple[str, ...]] = {}  # what many sources ask for alike
        self._read: dict[str, Document] = {}
        self._parsed: dict[bytes, dict[str, Any]] = {}  # the arrays of a plate are mostly alike, byte by byte

    def problem(self, where: str, what: str, fix: str = "") -> None:
        """Notes an error; `where` is a path in the layout, "" its root."""
        self.problems.append(Problem(where or "/", what, fix))

    def contradiction(self, where: str, what: str, fix: str, image: str, aspect: str, stated: str, found: str) -> None:
        """Notes an error of a series at `where`, whose metadata say of an aspect something else than is found."""
        self.problems.append(Contradiction(where or "/", what, fix, "error", image, aspect, stated, found))

    def warning(self, where: str, what: str, fix: str = "") -> None:
        """Notes something odd that stops nothing."""
        self.problems.append(Problem(where or "/", what, fix, "warning"))

    def parse(self, path: str, content: bytes) -> dict[str, Any] | None:
        """The JSON object in content (shared by all files with this content), or None and a problem."""
        known = self._parsed.get(content)
        if known is not None:
            return known
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            self.problem(path, f"broken JSON ({said(error)})", "restore the file or convert again")
            return None
        if not isinstance(document, dict):
            self.problem(path, "the JSON is not an object", "restore the file or convert again")
            return None
        self._parsed[content] = document
        return document

    def groups(self, paths: Iterable[str], zarr_format: ZarrFormat) -> dict[str, Document]:
        """NGFF attributes of groups by path; Absent without a file, None where it is broken (a problem)."""
        return {
            path: ngff_attributes(document, zarr_format) if isinstance(document, dict) else document
            for path, document in self._fetch(paths, _GROUP_FILE[zarr_format]).items()
        }

    def arrays(self, paths: Iterable[str], zarr_format: ZarrFormat) -> dict[str, Document]:
        """Array metadata by path, as `groups`."""
        return self._fetch(paths, _ARRAY_FILE[zarr_format])

    def _fetch(self, paths: Iterable[str], name: str) -> dict[str, Document]:
        files = {path: join(path, name) for path in paths}
        missing = [file for file in dict.fromkeys(files.values()) if file not in self._read]
        for file, content in zip(missing, self.store.get_many(missing), strict=True):
            self._read[file] = content if isinstance(content, Absent) else self.parse(file, content)
        return {path: self._read[file] for path, file in files.items()}


def ngff_attributes(document: dict[str, Any], zarr_format: ZarrFormat) -> dict[str, Any]:
    """The NGFF part of a group's document: all of `.zattrs`, `attributes.ome` of a `zarr.json`."""
    if zarr_format == 2:
        return document
    attributes = as_dict(document.get("attributes"))
    return as_dict(attributes.get("ome", attributes))
