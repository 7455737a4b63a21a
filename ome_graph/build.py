"""OME metadata as a graph of OMERO's model objects, as a server's importer would store it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import omero.model as model
from ome_types.model import OME, Channel, Image, Pixels, Plate, Well
from omero.model import IObject
from omero.rtypes import rdouble, rint, rstring
from pydantic import BaseModel

from . import channels
from .bulk import many_objects
from .errors import InvalidOmeXml
from .mapping import OWNERS, model_class, rules
from .waves import waves

Enums = Callable[[str, str], IObject | None]

# What a server tells apart by content when there is a plate: alike ones share a row (facts/omero_import_rows.md, HCS).
SHARED_IF_ALIKE = (model.ObjectiveSettingsI, model.LogicalChannelI)
POSITION = {"the_z", "the_c", "the_t"}  # a plane that says no more than where it is, is not stored
NOT_LOGICAL = {"id", "color", "annotation_refs"}  # of a channel in OME-XML: what is not its LogicalChannel's
BITS = {"bit": 1, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "float": 32,
        "double": 64, "complex": 64, "double-complex": 128}  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """What there is to save, in this order.

    shared: waves; each object refers only to objects of earlier waves.
    images: in the order of the OME-XML; all that is only theirs inside; referring to shared objects by identity.
    wells:  samples inside, referring to `images` by identity, to plates, acquisitions and reagents in `shared`.
    """

    shared: tuple[tuple[IObject, ...], ...]
    images: tuple[model.ImageI, ...]
    wells: tuple[model.WellI, ...]


def graph(ome: OME, image_names: Sequence[str], enums: Enums) -> Graph:
    """Make the objects that an import of `ome` stores, with `image_names` for the images, in their order.

    `enums(class, value)` gives the reference to the server's enumeration row (see EnumTable). Left out, as a server
    leaves it out: experimenters, groups, projects and datasets of the XML, and what no image leads to. A reference to
    something that is not there is dropped. The caller sets what does not stem from the XML: fileset, format, sha1
    ('Pending...' until then), statistics (0 and 0).
    Raises InvalidOmeXml for references in a circle, ValueError for a wrong count of names.
    """
    if len(image_names) != len(ome.images):
        raise ValueError(f"{len(ome.images)} images in the OME metadata, but {len(image_names)} names")
    with many_objects():
        return _Builder(ome, enums).graph(image_names)


class _Builder:
    def __init__(self, ome: OME, enums: Enums) -> None:
        self.ome = ome
        self.enums = cache(enums)
        self.elements: dict[str, BaseModel] = {}  # by ID: what can be referred to
        self.owners: dict[str, BaseModel] = {}  # ID of a part -> its instrument, plate or screen
        self.objects: dict[str, IObject] = {}  # by ID: what was referred to, in the order of making
        self.alike: dict[tuple[type, str, bool], IObject] = {}
        self.open: list[str] = []  # IDs being made: a circle is found by it
        self._index()
        self.rois = {roi.id: roi for roi in ome.rois}
        self.folders: dict[str, list[str]] = defaultdict(list)  # ID of an image or ROI -> IDs of its folders
        self.parents: dict[str, str] = {}  # ID of a folder -> of the folder it is in
        for folder in ome.folders:
            for reference in (*folder.image_refs, *folder.roi_refs):
                self.folders[reference.id].append(folder.id)
            self.parents.update({child.id: folder.id for child in folder.folder_refs})

    def _index(self) -> None:
        ome = self.ome
        roots = (*ome.instruments, *ome.experiments, *ome.plates, *ome.screens, *ome.folders)
        for root in (*roots, *(ome.structured_annotations or ())):
            self.elements[root.id] = root
            for part in _parts(root):
                self.elements[part.id] = part
                self.owners[part.id] = root

    # objects of any class

    def element(self, element: BaseModel) -> IObject | None:
        """Make the object of an element; None if it says nothing and has no ID that it would exist by."""
        target = model_class(type(element))
        if self.ome.plates and target in SHARED_IF_ALIKE:
            return self._alike(target, element, False, lambda: self._fill(target, element))
        return self._fill(target, element)

    def shared(self, identifier: str) -> IObject | None:
        """Give the object that an ID leads to, made when it is first asked for, with all parts of its instrument."""
        if identifier in self.objects or identifier not in self.elements:
            return self.objects.get(identifier)
        owner = self.owners.get(identifier)
        if owner is not None and owner.id not in self.objects:
            self.shared(owner.id)
            return self.shared(identifier)
        if identifier in self.open:
            raise InvalidOmeXml(f"{' -> '.join([*self.open, identifier])}: references in a circle")
        self.open.append(identifier)
        element = self.elements[identifier]
        made = self._fill(model_class(type(element)), element)
        if made is None:
            raise InvalidOmeXml(f"{identifier}: refers to something that is not there")
        if owner is not None:
            name = type(owner).__name__
            getattr(made, "set" + name)(self.objects[owner.id])
        if isinstance(made, model.FolderI) and identifier in self.parents:
            made.setParentFolder(self.shared(self.parents[identifier]))
        self.objects[identifier] = made
        self.open.pop()
        for part in _parts(element):
            self.shared(part.id)
        for child in getattr(element, "folder_refs", ()):
            self.shared(child.id)
        return made

    def _fill(self, target: type[IObject], element: BaseModel) -> Any:
        made = target()
        stated = element.model_fields_set
        how = rules(type(element), target)
        says_something = "id" in type(element).model_fields
        for rule in how.rules:
            value = getattr(element, rule.field)
            if value is None or value == [] or (rule.if_set and rule.field not in stated):
                continue
            rule.apply(self, made, value, element)
            says_something = says_something or rule.field not in POSITION
        for attribute, default in how.required:
            if getattr(made, attribute) is None:
                setattr(made, attribute, default(self))
        if how.by_reference and getattr(made, how.by_reference) is None:
            return None
        return made if says_something else None

    def _alike(self, target: type, element: BaseModel, named: bool, make: Callable[[], Any]) -> Any:
        content = element.model_dump_json(exclude=NOT_LOGICAL if isinstance(element, Channel) else None)
        key = (target, content, named)
        if key not in self.alike:
            self.alike[key] = make()
        return self.alike[key]

    # images

    def graph(self, image_names: Sequence[str]) -> Graph:
        images = {}
        for series, (image, name) in enumerate(zip(self.ome.images, image_names, strict=True)):
            images[image.id] = self._image(image, name, series)
        wells = tuple(self._wells(images))
        alike = [thing for thing in self.alike.values() if thing is not None]
        return Graph(waves([*self.objects.values(), *alike]), tuple(images.values()), wells)

    def _image(self, image: Image, name: str, series: int) -> model.ImageI:
        made = self._fill(model.ImageI, image)
        made.setName(rstring(name))
        made.setSeries(rint(series))
        made.addPixels(self._pixels(image.pixels))
        for reference in image.roi_refs:
            if reference.id in self.rois:
                roi = self._fill(model.RoiI, self.rois[reference.id])
                self._put_in_folders(roi, reference.id, model.FolderRoiLinkI, roi.addFolderRoiLink)
                made.addRoi(roi)
        self._put_in_folders(made, image.id, model.FolderImageLinkI, made.addFolderImageLink)
        return made

    def _put_in_folders(self, made: Any, identifier: str, link_class: type, add: Callable[[Any], None]) -> None:
        for folder in self.folders[identifier]:
            link = link_class()
            link.setParent(self.shared(folder))
            add(link)

    def _pixels(self, pixels: Pixels) -> model.PixelsI:
        made = self._fill(model.PixelsI, pixels)
        made.setSha1(rstring("Pending..."))
        made.setDimensionOrder(self.enums("DimensionOrder", "XYZCT"))
        if pixels.significant_bits is None:
            made.setSignificantBits(rint(BITS[pixels.type.value]))
        stated: list[Channel | None] = [*pixels.channels[: pixels.size_c]]
        stated += [None] * (pixels.size_c - len(stated))
        for channel, rgba in zip(stated, channels.colours(stated, self.elements), strict=True):
            made.addChannel(self._channel(channel or Channel(), rgba, len(stated) > 1))
        return made

    def _channel(self, channel: Channel, rgba: channels.Rgba, one_of_several: bool) -> model.ChannelI:
        made = self._fill(model.ChannelI, channel)
        for set_part, part in zip((made.setRed, made.setGreen, made.setBlue, made.setAlpha), rgba, strict=True):
            set_part(rint(part))
        statistics = model.StatsInfoI()
        statistics.setGlobalMin(rdouble(0.0))
        statistics.setGlobalMax(rdouble(0.0))
        made.setStatsInfo(statistics)
        if self.ome.plates:
            logical = self._alike(
                model.LogicalChannelI, channel, one_of_several, lambda: self._logical(channel, one_of_several)
            )
        else:
            logical = self._logical(channel, one_of_several)
        made.setLogicalChannel(logical)
        return made

    def _logical(self, channel: Channel, one_of_several: bool) -> model.LogicalChannelI:
        made = self._fill(model.LogicalChannelI, channel)
        made.setSamplesPerPixel(rint(1))
        made.setPhotometricInterpretation(self.enums("PhotometricInterpretation", "Monochrome"))
        if channel.name is None and one_of_several:
            name = channels.name(channel, self.elements)
            made.setName(None if name is None else rstring(name))
        return made

    # plates

    def _wells(self, images: dict[str, model.ImageI]) -> Iterator[model.WellI]:
        """Make the wells of all plates that one of the images is on, and those plates' screens."""
        for plate in self.ome.plates:
            samples = [sample for well in plate.wells for sample in well.well_samples]
            if any(sample.image_ref and sample.image_ref.id in images for sample in samples):
                made = self.shared(plate.id)
                _fit(made, plate)
                acquisitions = {
                    reference.id: self.shared(acquisition.id)
                    for acquisition in plate.plate_acquisitions
                    for reference in acquisition.well_sample_refs
                }
                for well in plate.wells:
                    yield self._well(well, made, acquisitions, images)
        for screen in self.ome.screens:
            if any(reference.id in self.objects for reference in screen.plate_refs):
                self.shared(screen.id)

    def _well(self, well: Well, plate: Any, acquisitions: dict, images: dict[str, model.ImageI]) -> model.WellI:
        made = self._fill(model.WellI, well)
        made.setPlate(plate)
        for sample in well.well_samples:
            if sample.image_ref and sample.image_ref.id in images:
                part = self._fill(model.WellSampleI, sample)
                part.setImage(images[sample.image_ref.id])
                part.setPlateAcquisition(acquisitions.get(sample.id))
                made.addWellSample(part)
        return made


def _parts(owner: BaseModel) -> list[BaseModel]:
    return [part for kind in OWNERS.get(type(owner).__name__, ()) for part in getattr(owner, kind)]


def _fit(made: Any, plate: Plate) -> None:
    """Make a plate's rows and columns at least as many as its wells need."""
    rows = max([plate.rows or 1, *(well.row + 1 for well in plate.wells)])
    columns = max([plate.columns or 1, *(well.column + 1 for well in plate.wells)])
    made.setRows(rint(rows))
    made.setColumns(rint(columns))
