"""The first step of an import: the file's OME-XML becomes rows, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile
from ome_types.model import OME
from omero.model import (
    DatasetImageLinkI,
    FilesetI,
    FormatI,
    ImageAnnotationLinkI,
    ImageI,
    LengthI,
    PlateI,
    ScreenPlateLinkI,
)
from omero.model.enums import UnitsLength
from omero.rtypes import rint, rstring

import omero
from ome_graph import ENUMERATIONS, EnumTable, Graph, graph, read_ome
from omero_sandbox import model
from omero_sandbox.database import Transaction
from omero_sandbox.pixels.buffer import DTYPES
from omero_sandbox.repository.files import FileRow
from omero_sandbox.repository.uploads import Upload
from omero_sandbox.state import State


class UnknownFormat(Exception):
    """No reader of the sandbox's takes any of the files."""


@dataclass(frozen=True)
class Opened:
    """A file that a reader takes: `format` is the name of Bio-Formats' reader for it."""

    row: FileRow
    format: str
    ome: OME


@dataclass(frozen=True)
class Imported:
    """What was stored; images in series order."""

    images: Sequence[ImageI]
    plates: Sequence[PlateI]


def open_first(state: State, upload: Upload) -> Opened:
    """Read the metadata of the first file that is an OME-XML or an OME-TIFF.

    Raises UnknownFormat, or whatever its reader says of a broken file; ValueError for pixels that nobody reads.
    """
    opened = _open_first(state, upload)
    kinds = {image.pixels.type.value for image in opened.ome.images if image.pixels}
    if unknown := kinds - DTYPES.keys():  # facts/omero_completeness.md: no image rows
        raise ValueError(f"pixels of the type {', '.join(sorted(unknown))} cannot be imported")
    return opened


def _open_first(state: State, upload: Upload) -> Opened:
    for row in upload.files:
        name = row.name.lower()
        path = state.managed.root / row.path / row.name
        if name.endswith((".ome.tif", ".ome.tiff", ".companion.ome")):
            return Opened(row, "OMETiff", read_ome(_tiff_xml(path)))
        if name.endswith((".ome.xml", ".ome")):
            return Opened(row, "OMEXML", read_ome(path.read_bytes()))
    raise UnknownFormat(f"Unknown file format: {', '.join(row.name for row in upload.files)}")


def _tiff_xml(path: Path) -> str:
    with tifffile.TiffFile(path) as tiff:
        if not tiff.ome_metadata:
            raise UnknownFormat(f"no OME-XML in {path.name}")
        return tiff.ome_metadata


def image_names(ome: OME, given: str) -> list[str]:
    """Names as the server gives them: `given` for one image, else each with the name in the XML, or its number."""
    if len(ome.images) == 1:
        return [given]
    return [f"{given} [{image.name or number}]" for number, image in enumerate(ome.images)]


def store(tx: Transaction, state: State, upload: Upload, opened: Opened, settings: Any) -> Imported:
    """Save what the metadata says, linked to the fileset and to the target that the client chose.

    Raises omero.ValidationException for a place in a well that has no image (facts/real_server.md, 18).
    """
    samples = (sample for plate in opened.ome.plates for well in plate.wells for sample in well.well_samples)
    if any(sample.image_ref is None for sample in samples):
        raise omero.ValidationException(
            message="not-null property references a null or transient value: ome.model.screen.WellSample.image"
        )
    given = settings.userSpecifiedName.val if settings.userSpecifiedName else upload.files[0].name
    made = graph(opened.ome, image_names(opened.ome, given), enumerations(tx.cursor))
    shared = [thing for wave in made.shared for thing in wave]
    for series, image in enumerate(made.images):
        _complete(image, series, upload, opened, settings)
    plates = [thing for thing in shared if isinstance(thing, PlateI)]
    model.save(tx, [*shared, *made.images, *made.wells, *_links(made, plates, settings)])
    tx.cursor.execute(
        "UPDATE pixels SET path = %s, name = %s, repo = %s WHERE id = ANY(%s)",
        (opened.row.path.rstrip("/"), opened.row.name, state.managed.uuid,
         [image.getPrimaryPixels().id.val for image in made.images]),
    )  # fmt: skip
    return Imported(made.images, plates)


def enumerations(cursor: Any) -> EnumTable:
    """The server's enumerations."""
    each = (f"SELECT '{name}', value, id FROM {name.lower()}" for name in ENUMERATIONS)
    cursor.execute(" UNION ALL ".join(each))
    return EnumTable({(name, value): number for name, value, number in cursor.fetchall()})


def _complete(image: ImageI, series: int, upload: Upload, opened: Opened, settings: Any) -> None:
    image.fileset = FilesetI(upload.fileset_id, False)
    image.series = rint(series)
    image.format = FormatI()
    image.format.value = rstring(opened.format)
    if settings.userSpecifiedDescription:
        image.description = settings.userSpecifiedDescription
    pixels = image.getPrimaryPixels()
    for axis, size in zip("XYZ", settings.userSpecifiedPixels or (), strict=False):
        if getattr(pixels, f"physicalSize{axis}") is None:
            setattr(pixels, f"physicalSize{axis}", LengthI(size, UnitsLength.MICROMETER))


def _links(made: Graph, plates: Sequence[PlateI], settings: Any) -> list[Any]:
    """What the client asked to link: a dataset to the images, a screen to the plates, annotations to the images.

    Raises omero.ValidationException for a target of another kind.
    """
    target = settings.userSpecifiedTarget
    links: list[Any] = []
    if isinstance(target, omero.model.Dataset):
        links += [_link(DatasetImageLinkI(), target, image) for image in made.images]
    elif isinstance(target, omero.model.Screen):
        links += [_link(ScreenPlateLinkI(), target, plate) for plate in plates]
    elif target is not None:
        raise omero.ValidationException(message=f"{type(target).__name__} cannot be the target of an import")
    for annotation in settings.userSpecifiedAnnotationList or ():
        links += [_link(ImageAnnotationLinkI(), image, annotation) for image in made.images]
    return links


def _link(link: Any, parent: Any, child: Any) -> Any:
    link.parent, link.child = parent, child
    return link
