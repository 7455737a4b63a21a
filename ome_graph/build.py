"""OME metadata as a graph of OMERO's model objects, as a server's importer would store it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import omero.model as model
from ome_types.model import OME, Channel, Image, Pixels, Plate, Reference, Well
from omero.model import IObject
from omero.rtypes import rdouble, rint, rstring

from . import channels, values
from .bulk import many_objects
from .errors import InvalidOmeXml
from .mapping import OWNERS, model_class, rules
from .waves import waves

Enums = Callable[[str, str], IObject | None]

POSITION = {"the_z", "the_c", "the_t"}  # a plane that says no more than where it is, is not stored
NOT_LOGICAL = {"id", "color", "annotation_refs"}  # what of an OME-XML Channel is not its LogicalChannel's
BITS = {
    "bit": 1, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32,
    "float": 32, "double": 64, "complex": 64, "double-complex": 128,
}  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """What there is to save, in this order.

    shared: waves; each object refers only to objects of earlier waves.
    images: in the order of the OME-XML; what is only theirs is inside; they refer to `shared` by identity.
    wells:  samples inside; they refer to `images`, and to plates, acquisitions and reagents in `shared`.
    """

    shared: tuple[tuple[IObject, ...], ...]
    images: tuple[model.ImageI, ...]
    wells: tuple[model.WellI, ...]


def graph(ome: OME, image_names: Sequence[str], enums: Enums) -> Graph:
    """Make the objects that an import of `ome` stores, with `image_names` for the images, in their order.

    `enums(class, value)` gives the reference to the server's enumeration row (see EnumTable). Left out, as a
    server leaves it out: experimenters, groups, projects and datasets of the XML, and what no image leads to.
    A reference to something that is not there is dropped. The caller sets what does not stem from the XML:
    fileset, format, sha1 ('Pending...' until then), statistics (0 and 0). Equal values may be one object:
    replace them, never change them. Raises InvalidOmeXml for references in a circle, ValueError for a wrong
    count of names.
    """
    if len(image_names) != len(ome.images):
        raise ValueError(f"{len(ome.images)} images in the OME metadata, but {len(image_names)} names")
    try:
        with many_objects():
            return _Builder(ome, enums).graph(image_names)
    except RecursionError as error:
        raise InvalidOmeXml("OME-XML: references lead too deep, one after another") from error


class _Builder:
    def __init__(self, ome: OME, enums: Enums) -> None:
        self.ome = ome
        self._resolve = enums
        self._rows: dict[tuple[str, str], IObject | None] = {}
        self.elements: dict[str, Any] = {}  # by ID: what can be referred to
        self.owners: dict[str, Any] = {}  # ID of a part -> its instrument, plate, screen or folder
        self.objects: dict[str, Any] = {}  # by ID: what was referred to, in the order of making
        self.alike: dict[tuple[type, str, bool], Any] = {}  # what a plate's images share if its content is the same
        self.open: list[tuple[str, ...]] = []  # what is being made, and why: a circle is found by it
        self.rois = {roi.id: roi for roi in ome.rois}
        self.folders: dict[str, list[str]] = defaultdict(list)  # ID of an image or ROI -> IDs of its folders
        self._index()

    def _index(self) -> None:
        ome = self.ome
        roots = (*ome.instruments, *ome.experiments, *ome.plates, *ome.screens, *ome.folders)
        for root in (*roots, *(ome.structured_annotations or ())):
            self.elements[root.id] = root
            for part in _parts(root):
                self.owners[part.id] = root
                if not isinstance(part, Reference):
                    self.elements[part.id] = part
        for folder in ome.folders:
            for reference in (*folder.image_refs, *folder.roi_refs):
                self.folders[reference.id].append(folder.id)

    # objects of any class: what the rules of mapping.py ask for

    def enums(self, name: str, value: str) -> IObject | None:
        if (name, value) not in self._rows:
            self._rows[name, value] = self._resolve(name, value)
        return self._rows[name, value]

    def element(self, element: Any) -> IObject | None:
        """Make the object of an element; None if it says nothing and has no ID that it would exist by."""
        target: Any = model_class(type(element))
        if self.ome.plates and target is model.ObjectiveSettingsI:
            return self._alike(target, element, False, lambda: self._fill(target, element))
        return self._fill(target, element)

    def shared(self, identifier: str) -> IObject | None:
        """Give the object that an ID leads to, made when first asked for, with its owner and all its parts."""
        if identifier in self.objects or identifier not in self.elements:
            return self.objects.get(identifier)
        owner = self.owners.get(identifier)
        if owner and owner.id not in self.objects:
            with self._opened(identifier, "is part of"):
                self.shared(owner.id)  # makes this one as well
            return self.objects[identifier]
        element = self.elements[identifier]
        with self._opened(identifier, "refers to"):
            made: Any = self._fill(model_class(type(element)), element)
        if owner:
            getattr(made, OWNERS[type(owner).__name__][0])(self.objects[owner.id])
        self.objects[identifier] = made
        for part in _parts(element):
            self.shared(part.id)
        return made

    @contextmanager
    def _opened(self, *step: str) -> Iterator[None]:
        if step in self.open:
            circle = " ".join(" ".join(step) for step in self.open[self.open.index(step) :])
            raise InvalidOmeXml(f"OME-XML: a circle: {circle} {step[0]}")
        self.open.append(step)
        yield
        self.open.pop()

    def _fill(self, target: Any, element: Any) -> Any:
        made, source = target(), cast(Any, type(element))
        stated = element.model_fields_set
        how = rules(source, target)
        exists = "id" in source.model_fields
        for rule in how.rules:
            value = getattr(element, rule.field)
            if value is None or value == [] or (rule.has_default and rule.field not in stated):
                continue
            rule.apply(self, made, value, element)
            exists = exists or rule.field not in POSITION
        for attribute, default in how.required:
            if getattr(made, attribute) is None:
                setattr(made, attribute, default(self))
        if how.needs and getattr(made, how.needs) is None:
            return None
        return made if exists else None

    def _alike(self, target: type, element: Any, several: bool, make: Callable[[], Any]) -> Any:
        """Make what alike elements share: one row for all images of a plate (facts/omero_import_rows.md, HCS)."""
        content = element.model_dump_json(exclude=NOT_LOGICAL if isinstance(element, Channel) else None)
        key = (target, content, several)
        if key not in self.alike:
            self.alike[key] = make()
        return self.alike[key]

    # images

    def graph(self, image_names: Sequence[str]) -> Graph:
        images: dict[str, Any] = {}
        for series, (image, name) in enumerate(zip(self.ome.images, image_names, strict=True)):
            images[image.id] = self._image(image, name, series)
        wells = tuple(self._wells(images))
        alike = [thing for thing in self.alike.values() if thing is not None]
        return Graph(waves([*self.objects.values(), *alike]), tuple(images.values()), wells)

    def _image(self, image: Image, name: str, series: int) -> Any:
        made = self._fill(model.ImageI, image)
        made.setName(rstring(name))
        made.setSeries(rint(series))
        made.addPixels(self._pixels(image.pixels))
        for reference in image.roi_refs:
            if reference.id in self.rois:
                roi = self._fill(model.RoiI, self.rois[reference.id])
                self._put_in_folders(reference.id, model.FolderRoiLinkI, roi.addFolderRoiLink)
                made.addRoi(roi)
        self._put_in_folders(image.id, model.FolderImageLinkI, made.addFolderImageLink)
        return made

    def _put_in_folders(self, identifier: str, link_class: Any, add: Callable[[Any], None]) -> None:
        for folder in self.folders.get(identifier, ()):
            link = link_class()
            link.setParent(self.shared(folder))
            add(link)

    def _pixels(self, pixels: Pixels) -> Any:
        made = self._fill(model.PixelsI, pixels)
        made.setSha1(rstring("Pending..."))
        made.setDimensionOrder(self.enums("DimensionOrder", "XYZCT"))
        if pixels.significant_bits is None:
            made.setSignificantBits(rint(BITS[pixels.type.value]))
        stated: list[Channel | None] = [*pixels.channels[: pixels.size_c]]
        stated += [None] * (pixels.size_c - len(stated))
        for channel, rgba in zip(stated, channels.colours(stated, self.elements), strict=True):
            made.addChannel(self._channel(channel or Channel(), rgba, several=len(stated) > 1))
        return made

    def _channel(self, channel: Channel, rgba: values.Rgba, several: bool) -> Any:
        made = self._fill(model.ChannelI, channel)
        values.set_rgba(made, rgba)
        statistics = model.StatsInfoI()
        statistics.setGlobalMin(rdouble(0.0))
        statistics.setGlobalMax(rdouble(0.0))
        made.setStatsInfo(statistics)
        if self.ome.plates:
            logical = self._alike(model.LogicalChannelI, channel, several, lambda: self._logical(channel, several))
        else:
            logical = self._logical(channel, several)
        made.setLogicalChannel(logical)
        return made

    def _logical(self, channel: Channel, several: bool) -> Any:
        made = self._fill(model.LogicalChannelI, channel)
        made.setSamplesPerPixel(rint(1))
        made.setPhotometricInterpretation(self.enums("PhotometricInterpretation", "Monochrome"))
        if channel.name is None and several:
            name = channels.name(channel, self.elements)
            made.setName(None if name is None else rstring(name))
        return made

    # plates

    def _wells(self, images: dict[str, Any]) -> Iterator[Any]:
        """Make the wells of all plates that one of the images is on, and those plates' screens."""
        for plate in self.ome.plates:
            samples = [sample for well in plate.wells for sample in well.well_samples]
            if any(sample.image_ref and sample.image_ref.id in images for sample in samples):
                made = self.shared(plate.id)
                _fit(made, plate)
                runs = {
                    reference.id: self.shared(run.id)
                    for run in plate.plate_acquisitions
                    for reference in run.well_sample_refs
                }
                for well in plate.wells:
                    yield self._well(well, made, runs, images)
        for screen in self.ome.screens:
            if any(reference.id in self.objects for reference in screen.plate_refs):
                self.shared(screen.id)

    def _well(self, well: Well, plate: Any, runs: dict[str, Any], images: dict[str, Any]) -> Any:
        made = self._fill(model.WellI, well)
        made.setPlate(plate)
        for sample in well.well_samples:
            if sample.image_ref and sample.image_ref.id in images:
                part = self._fill(model.WellSampleI, sample)
                part.setImage(images[sample.image_ref.id])
                part.setPlateAcquisition(runs.get(sample.id))
                made.addWellSample(part)
        return made


def _parts(owner: Any) -> list[Any]:
    _, kinds = OWNERS.get(type(owner).__name__, ("", ()))
    return [part for kind in kinds for part in getattr(owner, kind)]


def _fit(made: Any, plate: Plate) -> None:
    """Make a plate's rows and columns at least as many as its wells need."""
    made.setRows(rint(max([plate.rows or 1, *(well.row + 1 for well in plate.wells)])))
    made.setColumns(rint(max([plate.columns or 1, *(well.column + 1 for well in plate.wells)])))
