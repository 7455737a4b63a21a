"""Kinds of metadata sources (`@type`): OME-XML, and what plug-ins can make OME-XML of.

A plug-in is a Python entry point of the group `omero_roz.metadata_sources`, named as the `@type`: a function
`(content: bytes, where: str) -> bytes` that gives OME-XML with an Image for each series, in the order of the source's
own images. It raises ValueError for content that it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from omero_roz.errors import LayoutError
from omero_roz.shown import said

GROUP = "omero_roz.metadata_sources"
OME_KIND = "ome-xml"

ToOmeXml = Callable[[bytes, str], bytes]


def to_ome_xml(kind: str, content: bytes, where: str) -> bytes | None:
    """The OME-XML of a source's content, None for a kind that no plug-in knows; LayoutError where that fails."""
    if kind == OME_KIND:
        return content
    found = list(entry_points(group=GROUP, name=kind))
    if not found:
        return None
    try:
        convert: ToOmeXml = found[0].load()
        return convert(content, where)
    except Exception as error:  # a plug-in is a stranger's
        what = f"the plug-in for {kind!r} cannot read it ({said(error)})"
        raise LayoutError(what, where, "mend the file or the plug-in") from error
