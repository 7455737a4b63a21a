"""Planning an import: what new images a layout gives, and how the server will read them."""

from datetime import datetime
from pathlib import PurePosixPath

from omero_roz.binding import external_info
from omero_roz.binding.lsid import ServerView, server_root
from omero_roz.errors import LayoutError, Refused
from omero_roz.fileset import Who
from omero_roz.layout.model import ZarrLayout
from omero_roz.plan import FilesetFile, ImportPlan
from omero_roz.ports.new_images import NewImage, Target

BATCH = 100


def plan_import(
    layout: ZarrLayout, who: Who, target: Target | None, view: ServerView, now: datetime
) -> ImportPlan:
    """The plan for a layout's images, in the order of its OME-XML and with its names.

    Raises LayoutError with all that is wrong with the layout, Refused where the reader could not open it.
    """
    series = layout.mapped_series()
    names = _names(layout)
    bindings = external_info.bind(server_root(layout.uri, view), series)
    images = tuple(
        NewImage(index, name, one.path, binding)
        for index, (name, one, binding) in enumerate(zip(names, series, bindings, strict=True))
    )
    group = target.group_id if target else who.group_id
    file = FilesetFile.below(f"{who.user_name}_{who.user_id}", now)
    return ImportPlan(layout.uri, external_info.NAME, group, target, file, images, BATCH)


def _names(layout: ZarrLayout) -> list[str]:
    """The images' names: the OME-XML's, or the Zarr's own with a number for one that has none."""
    if layout.plates:
        raise Refused("it holds a plate, and this version imports plain images", layout.uri, "wait for the next version")
    summary = next((source.summary for source in layout.sources if source.summary), None)
    if summary is None:
        raise LayoutError("it has no OME-XML", layout.uri, "convert again without --no-ome-meta-export")
    stem = PurePosixPath(layout.uri.partition("?")[0]).name
    numbers = range(len(summary.images))
    return [image.name or f"{stem} [{number}]" for number, image in zip(numbers, summary.images, strict=True)]
