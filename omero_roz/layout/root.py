"""The root of a layout: its Zarr format and the attributes of the root and of the OME group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omero_roz.errors import LayoutError, Unreachable
from omero_roz.layout.documents import Documents, ngff_attributes
from omero_roz.layout.json_values import as_dict
from omero_roz.layout.model import ZarrFormat
from omero_roz.layout.store import MOST_XML, Absent, Part

OME_XML = "OME/METADATA.ome.xml"
_V2 = (".zgroup", ".zattrs", "OME/.zattrs", "0/.zattrs")
_V3 = ("zarr.json", "OME/zarr.json", "0/zarr.json")
_ARRAY = ".zarray"


@dataclass(frozen=True, slots=True)
class Root:
    """NGFF attributes of the root and of the OME group ({} where there are none), and the OME-XML."""

    zarr_format: ZarrFormat
    attributes: dict[str, Any]
    ome: dict[str, Any]
    ome_xml: bytes | None

    @property
    def is_image(self) -> bool:
        return "multiscales" in self.attributes


def read_root(documents: Documents) -> Root:
    """One fetch that also tells the format where the root has no metadata (`--no-root-group`).

    Raises Unreachable when nothing may be read, LayoutError when there is no Zarr group.
    """
    names = (*_V2, *_V3, _ARRAY, OME_XML)
    wanted = [Part(name, MOST_XML) if name == OME_XML else name for name in names]
    contents = dict(zip(names, documents.store.get_many(wanted), strict=True))
    there = {name for name, content in contents.items() if isinstance(content, bytes)}
    if not there:
        raise _nothing(documents, contents)
    metadata = [content for name, content in contents.items() if name != OME_XML and isinstance(content, bytes)]
    if metadata and all(content.lstrip().startswith(b"<") for content in metadata):
        what, fix = "a web page answers, not a Zarr", "check the address, and whether one has to log in there"
        raise LayoutError(what, documents.store.uri, fix)
    v3 = {name: _parsed(documents, name, contents[name]) for name in _V3}
    # A store may have the metadata of both formats; what has the NGFF attributes is the one that was meant.
    both = bool(there & {".zgroup", ".zattrs"}) and not ngff_attributes(v3["zarr.json"], 3)
    zarr_format: ZarrFormat = 3 if there & set(_V3) and not both else 2
    if v3["zarr.json"].get("node_type") == "array" or (zarr_format == 2 and _ARRAY in there):
        raise LayoutError("this is an array, not an image", documents.store.uri, "name the group that holds it")
    xml = contents[OME_XML]
    content = xml if isinstance(xml, bytes) else None
    expected = bool(there & {"OME/.zattrs", "OME/zarr.json"})
    if isinstance(xml, Absent) and xml.hidden and (expected or xml.there):
        documents.problem(OME_XML, xml.why, xml.fix)
    if zarr_format == 3:
        return Root(3, ngff_attributes(v3["zarr.json"], 3), ngff_attributes(v3["OME/zarr.json"], 3), content)
    attributes, ome = (_parsed(documents, name, contents[name]) for name in (".zattrs", "OME/.zattrs"))
    return Root(2, attributes, ome, content)


def _parsed(documents: Documents, path: str, content: bytes | Absent) -> dict[str, Any]:
    if isinstance(content, Absent):
        if content.there:
            documents.problem(path, content.why, content.fix)
        return {}
    return as_dict(documents.parse(path, content))


def _nothing(documents: Documents, contents: dict[str, bytes | Absent]) -> LayoutError | Unreachable:
    uri = documents.store.uri
    hidden = next((c for c in contents.values() if isinstance(c, Absent) and c.hidden), None)
    if hidden:
        return Unreachable(hidden.why, uri, hidden.fix)
    below = documents.store.children("")
    if not below and "://" not in uri:  # a directory that is there, for of others the store has said so
        return LayoutError("there is no Zarr in this directory", uri, "name a Zarr, or a directory that has some")
    if not below:
        return Unreachable("there is nothing at this address", uri, "check its spelling")
    return LayoutError(
        "not a Zarr: it has no zarr.json, .zgroup, .zattrs or OME",
        uri,
        f"name the layout itself; below are {', '.join(below[:5])}",
    )
