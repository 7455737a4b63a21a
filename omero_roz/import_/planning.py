"""Planning an import: what new images and plates a layout gives, and how the server will read them."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from ome_types import OME

from omero_roz.errors import Refused
from omero_roz.fileset import Who
from omero_roz.import_.earlier import Earlier
from omero_roz.import_.reader import Reader
from omero_roz.layout.model import ZarrLayout
from omero_roz.plan import FilesetFile, ImportPlan, NewPlate
from omero_roz.ports.omero.new_images import NewImage
from omero_roz.ports.omero.targets import Target

BATCH = 240  # images a transaction: the cost of an image is the same from 18 to 360 (facts: omero_import_speed)


def plan_import(
    layout: ZarrLayout,
    ome: OME,
    who: Who,
    targets: Sequence[Target],
    name: str | None,
    reader: Reader,
    earlier: Earlier | None,
    now: datetime,
) -> ImportPlan:
    """The plan for a layout's images, in the order of its OME-XML and with its names.

    `name` is for all of them, as `omero import --name` has it; `earlier` is an unfinished import to go on with.
    Raises LayoutError with all that is wrong with the layout, Refused for targets of several groups.
    """
    series = layout.mapped_series()
    named = zip(_names(layout, ome, name), series, reader.infos, strict=True)
    images = tuple(NewImage(place, own, one.path, info) for place, (own, one, info) in enumerate(named))
    plates = _plates(layout, ome, name)
    group = _group(targets, who)
    file = FilesetFile.below(f"{who.user_name}_{who.user_id}", now)
    resumed = earlier.fileset if earlier else None
    return ImportPlan(
        layout.uri,
        reader.root,
        reader.binding,
        group,
        tuple(targets),
        file,
        stem(layout),
        images,
        plates,
        BATCH,
        resumed,
    )


def stem(layout: ZarrLayout) -> str:
    """What the Zarr is called: a Dataset that is made for it in a Project, and what has no name of its own."""
    return PurePosixPath(layout.uri).name


def _names(layout: ZarrLayout, ome: OME, name: str | None) -> list[str]:
    """The images' names: the OME-XML's, or the Zarr's own with a number for one that has none."""
    own = [image.name or "" for image in ome.images]
    if name is None or _wells_of(ome):  # on a plate the name is the plate's
        return [one or f"{stem(layout)} [{number}]" for number, one in enumerate(own)]
    if len(own) == 1:
        return [name]
    return [f"{name} [{one or number}]" for number, one in enumerate(own)]


def _plates(layout: ZarrLayout, ome: OME, name: str | None) -> tuple[NewPlate, ...]:
    """The plates that have an image of the layout."""
    found = []
    for plate, wells in _wells_of(ome):
        places = sum(len(well.well_samples) for well in wells)
        named = (plate.name or stem(layout)) if name is None else name
        found.append(NewPlate(plate.id, named, len(wells), places))
    if name is not None and len(found) > 1:
        return tuple(NewPlate(one.id, f"{name} [{one.name}]", one.wells, one.images) for one in found)
    return tuple(found)


def _wells_of(ome: OME) -> list[tuple]:
    images = {image.id for image in ome.images}
    return [
        (plate, plate.wells)
        for plate in ome.plates
        if any(s.image_ref and s.image_ref.id in images for well in plate.wells for s in well.well_samples)
    ]


def has_plates(ome: OME) -> bool:
    """Whether an image of it is on a plate."""
    return bool(_wells_of(ome))


def plain_images(ome: OME) -> list[int]:
    """The places of the images that are in no well, which go into a Dataset."""
    on_plates = {
        sample.image_ref.id
        for _, wells in _wells_of(ome)
        for well in wells
        for sample in well.well_samples
        if sample.image_ref
    }
    return [place for place, image in enumerate(ome.images) if image.id not in on_plates]


def _group(targets: Sequence[Target], who: Who) -> int:
    groups = {target.group_id for target in targets}
    if len(groups) > 1:
        raise Refused("the targets are in different groups", fix="choose targets of one group")
    return groups.pop() if groups else who.group_id
