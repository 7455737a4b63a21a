"""The metadata sources of a layout: its `metadataSources`, else the OME-XML that bioformats2raw writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omero_roz.errors import LayoutError
from omero_roz.layout.documents import Documents
from omero_roz.layout.json_values import as_dict, as_list, as_str
from omero_roz.layout.kinds import GROUP, OME_KIND, to_ome_xml
from omero_roz.layout.model import OmeSummary
from omero_roz.layout.ome_xml import summarise
from omero_roz.layout.paths import unsafe
from omero_roz.layout.root import OME_XML, Root
from omero_roz.layout.store import MOST_XML, Absent, Part


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A metadata source before its mapping is decided; `declared` is its own seriesMapping, unchecked."""

    kind: str
    path: str
    content: bytes | None
    summary: OmeSummary | None
    declared: Any = None


def read_sources(documents: Documents, root: Root) -> list[Unmapped]:
    """All metadata sources (one fetch); what cannot be read is a problem."""
    if "metadataSources" not in root.attributes:
        if root.ome_xml is None:
            return []
        return [_source(documents, OME_KIND, OME_XML, root.ome_xml, None)]
    declared = [as_dict(item) for item in as_list(root.attributes["metadataSources"])]
    if not declared or {} in declared:
        documents.problem("", "metadataSources is not a list of objects", "see docs/spec/metadata-sources.md")
    named = [(item, path) for item in declared if (path := _path(documents, item))]
    contents = documents.store.get_many([Part(path, MOST_XML) for _, path in named])
    return [
        _source(documents, as_str(item.get("@type")) or OME_KIND, path, content, item.get("seriesMapping"))
        for (item, path), content in zip(named, contents, strict=True)
    ]


def _path(documents: Documents, item: dict[str, Any]) -> str | None:
    """The path of a source's file relative to the layout's root ("/" in front means that root)."""
    stated = as_str(as_dict(item.get("file")).get("path"))
    if not stated:
        documents.problem("", "a metadata source has no file.path", "see docs/spec/metadata-sources.md")
        return None
    reason = "it is a URI" if "://" in stated else unsafe(stated.removeprefix("/"))
    if reason:
        documents.problem("", f"the metadata source {stated!r} is refused: {reason}", "copy the file into the layout")
        return None
    return stated.removeprefix("/")


def _source(documents: Documents, kind: str, path: str, content: bytes | Absent, declared: Any) -> Unmapped:
    if isinstance(content, Absent):
        documents.problem(path, f"metadata source {content.why}", content.fix)
        return Unmapped(kind, path, None, None, declared)
    try:
        xml = to_ome_xml(kind, content, path)
        if xml is not None:
            return Unmapped(kind, path, xml, summarise(xml, path), declared)
        fix = f"install a plug-in for it (entry point of {GROUP})"
        documents.warning(path, f"metadata sources of the type {kind!r} are not known here, so it is not used", fix)
    except LayoutError as error:
        documents.problems.extend(error.problems)
    return Unmapped(kind, path, content, None, declared)
