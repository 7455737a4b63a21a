"""Model objects of an OME-XML or OME-TIFF, as an import would make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import omero.model as model
from omero.rtypes import rstring

from omero_roz.errors import LayoutError, Unreachable, UsageError
from omero_roz.ports.omero.model_tree import Objects
from omero_roz.shown import said

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ADDERS = {
    "_instrument": {
        "Objective": "addObjective", "Detector": "addDetector", "Filter": "addFilter", "Dichroic": "addDichroic",
        "FilterSet": "addFilterSet", "OTF": "addOTF", "LightSource": "addLightSource",
    },
    "_plate": {"PlateAcquisition": "addPlateAcquisition"},
    "_screen": {"Reagent": "addReagent"},
}  # fmt: skip


def read_file(path: Path) -> bytes | str:
    """The OME-XML in a local file: the file itself, or the description of an OME-TIFF.

    Raises Unreachable for what cannot be read, LayoutError for a TIFF without OME-XML.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) not in TIFF:
                file.seek(0)
                return file.read()
    except OSError as error:
        raise Unreachable(f"cannot be read ({error.strerror})", str(path), "check the path") from None
    return _of_tiff(path)


def _of_tiff(path: Path) -> str:
    try:
        import tifffile
    except ImportError:
        raise UsageError("OME-TIFFs are read with tifffile", str(path), "pip install 'omero-roz[tiff]'") from None
    try:
        with tifffile.TiffFile(path) as tiff:
            xml = tiff.ome_metadata
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise LayoutError(f"a broken TIFF ({said(error)})", str(path), "restore the file") from None
    if xml is None:
        raise LayoutError("a TIFF without OME-XML", str(path), "name an OME-TIFF, or the image's Zarr or OME-XML")
    return xml


def objects(xml: bytes | str, where: str) -> Objects:
    """The objects that an import of an OME-XML makes; raises LayoutError for what is none, or has no image."""
    from ome_graph import InvalidOmeXml, graph, read_ome

    try:
        ome = read_ome(xml)
        made = graph(ome, [image.name or "" for image in ome.images], _row)
    except InvalidOmeXml as error:
        raise LayoutError(str(error), where, "mend the OME-XML or convert again") from None
    if not made.images:
        raise LayoutError("its OME-XML has no image", where, "name another")
    shared = [thing for wave in made.shared for thing in wave]
    for thing in shared:
        _join(thing)
    plates = [thing for thing in shared if isinstance(thing, model.Plate)]
    for well in made.wells:
        well._plate.addWell(well)
    return Objects(made.images, [image.name for image in ome.images], plates)


def term(row: Any) -> str:
    """The value of an enumeration row as `objects` makes them."""
    return row.value.val


def _row(name: str, value: str) -> Any:
    row = getattr(model, name + "I")()
    row.value = rstring(value)
    return row


def _join(thing: Any) -> None:
    """Put a part into its owner's list, which a graph for saving leaves empty: there the parts refer to their owner."""
    for attribute, adders in _ADDERS.items():
        owner = getattr(thing, attribute, None)
        names = [adders[one.__name__] for one in type(thing).__mro__ if one.__name__ in adders]
        if owner is not None and names:
            getattr(owner, names[0])(thing)
    if isinstance(thing, model.Screen):
        for link in thing._plateLinksSeq:
            link._parent = thing
            link._child._screenLinksSeq.append(link)
