"""The block `metadataSources` of a layout (docs/spec/metadata-sources.md) and the files that hold it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from omero_roz.errors import LayoutError, Refused
from omero_roz.layout.json_values import as_dict, as_list, as_str
from omero_roz.layout.model import MetadataSource, ZarrLayout
from omero_roz.layout.store import Absent, Store

_NEW_V2: dict[str, Any] = {"zarr_format": 2}
_NEW_V3: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5"}}}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What annotating writes: the block, and for each file its path, its new content and the one that it was read with
    (None: it is not there), in the order to write them.

    No files: the layout says it already.
    """

    block: tuple[dict[str, Any], ...]
    files: tuple[tuple[str, bytes, bytes | None], ...]


def annotation(store: Store, layout: ZarrLayout) -> Annotation:
    """The block that states a layout's sources and mappings as they were read; all else in the files stays.

    Raises LayoutError with all that is wrong with the layout, Refused where there is no source to state.
    """
    if layout.errors:
        raise LayoutError.of(layout.errors)
    if not layout.sources:
        raise Refused("it has no metadata source to state", layout.uri, "put an OME-XML at OME/METADATA.ome.xml")
    contents = _read(store, (".zgroup", ".zattrs", ".zmetadata") if layout.zarr_format == 2 else ("zarr.json",))
    documents = {name: json.loads(content) for name, content in contents.items()}
    files = _files_v2(documents, layout) if layout.zarr_format == 2 else _files_v3(documents, layout)
    changed = [(path, document) for path, document in files if document != documents.get(path)]
    block = _block(layout, _stated(documents, layout))
    return Annotation(tuple(block), tuple((path, _dumps(document), contents.get(path)) for path, document in changed))


def _read(store: Store, names: tuple[str, ...]) -> dict[str, bytes]:
    """The files that are there."""
    contents = zip(names, store.get_many(names), strict=True)
    return {name: content for name, content in contents if not isinstance(content, Absent)}


def _files_v2(documents: dict[str, dict[str, Any]], layout: ZarrLayout) -> list[tuple[str, dict[str, Any]]]:
    attributes = documents.get(".zattrs", {})
    new = attributes | {"metadataSources": _block(layout, attributes)}
    files = [(".zgroup", documents.get(".zgroup", _NEW_V2)), (".zattrs", new)]
    if ".zmetadata" in documents:  # readers that use it would not see the block in .zattrs
        consolidated = documents[".zmetadata"]
        metadata = as_dict(consolidated.get("metadata")) | {".zattrs": new}
        files.append((".zmetadata", consolidated | {"metadata": metadata}))
    return files


def _files_v3(documents: dict[str, dict[str, Any]], layout: ZarrLayout) -> list[tuple[str, dict[str, Any]]]:
    document = documents.get("zarr.json", _NEW_V3)
    attributes = as_dict(document.get("attributes"))
    block = {"metadataSources": _block(layout, _stated(documents, layout))}
    new = attributes | {"ome": as_dict(attributes["ome"]) | block} if "ome" in attributes else attributes | block
    return [("zarr.json", document | {"attributes": new})]


def _stated(documents: dict[str, dict[str, Any]], layout: ZarrLayout) -> dict[str, Any]:
    """The NGFF attributes of the root."""
    if layout.zarr_format == 2:
        return documents.get(".zattrs", {})
    attributes = as_dict(documents.get("zarr.json", {}).get("attributes"))
    return as_dict(attributes.get("ome", attributes))


def _block(layout: ZarrLayout, stated: dict[str, Any]) -> list[dict[str, Any]]:
    """One item a source; what an item says beyond type, file and mapping is kept, one of an unknown kind whole."""
    items = {_path(as_dict(item)): as_dict(item) for item in as_list(stated.get("metadataSources"))}
    return [_item(source, items.get(source.path, {})) for source in layout.sources]


def _item(source: MetadataSource, stated: dict[str, Any]) -> dict[str, Any]:
    if source.summary is None and stated:
        return stated
    file = as_dict(stated.get("file")) | {"path": f"/{source.path}"}
    return stated | {"@type": source.kind, "file": file, "seriesMapping": list(source.mapping.paths)}


def _path(item: dict[str, Any]) -> str | None:
    path = as_str(as_dict(item.get("file")).get("path"))
    return None if path is None else path.removeprefix("/")


def _dumps(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode()
