"""Making images in OMERO from a graph of model objects, in batches that belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omero.model import FilesetI, ImageI
from omero.rtypes import rdouble, rint, rlong, rstring

from omero_roz.fileset import ExternalInfo
from omero_roz.ports.omero.filesets import external_info_object
from omero_roz.ports.omero.rendering import Display, rendering_def
from omero_roz.ports.omero.session import OmeroSession

if TYPE_CHECKING:
    from ome_graph import Graph

Enums = Callable[[str, str], Any]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be made: its place in the OME-XML, its name, its series, and how the server will read it.

    `binding` is None for one that is not read before SQL has bound it.
    """

    series: int
    name: str
    path: str
    binding: ExternalInfo | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is known of the pixels: SHA-1 of all, minimum and maximum of each channel; None is not known."""

    ranges: tuple[Range | None, ...]
    sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pixels bring to an image: their statistics, and how it is shown at first."""

    statistics: Statistics
    display: Display


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is ready: what is saved, all its images and wells, and what an error says of it."""

    objects: tuple
    parts: tuple
    what: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What must be saved in one transaction: wells with their images (places in the graph), or one plain image."""

    wells: tuple[int, ...]
    images: tuple[int, ...]


@dataclass(eq=False, slots=True)
class _Growing:
    wells: list[int]
    images: dict[int, None]


def units(made: Graph) -> list[Unit]:
    """The smallest parts that can be saved by themselves, in the order of the plates, plain images last.

    Wells that share an image stay together, and one without images goes with its neighbour: so whether a unit is
    in OMERO can be seen by its images.
    """
    places = {id(image): place for place, image in enumerate(made.images)}
    grown: list[_Growing] = []
    unit_of: dict[int, _Growing] = {}
    for number, well in enumerate(made.wells):
        images = [places[id(sample.image)] for sample in well.copyWellSamples()]
        joined = list(dict.fromkeys(unit_of[place] for place in images if place in unit_of))
        if not joined and grown and not (images and grown[-1].images):
            joined = [grown[-1]]
        if not joined:
            grown.append(_Growing([], {}))
            joined = [grown[-1]]
        unit, *others = joined
        for other in others:
            unit.wells += other.wells
            unit.images |= other.images
            grown.remove(other)
        unit.wells.append(number)
        unit.images |= dict.fromkeys(images)
        unit_of |= dict.fromkeys(unit.images, unit)
    plain = [Unit((), (place,)) for place in range(len(made.images)) if place not in unit_of]
    return [Unit(tuple(one.wells), tuple(one.images)) for one in grown] + plain


FIRST = 8  # the first of several batches is so much smaller: nothing else is saved beside it


def in_batches(all_units: Sequence[Unit], size: int) -> Iterator[list[Unit]]:
    """The units in runs of at most `size` images, a small one first; a unit that is larger is a run by itself."""
    batch: list[Unit] = []
    count, most = 0, size
    if sum(len(unit.images) for unit in all_units) > size:
        most = max(1, size // FIRST)
    for unit in all_units:
        if batch and count + len(unit.images) > most:
            yield batch
            batch, count, most = [], 0, size
        batch.append(unit)
        count += len(unit.images)
    if batch:
        yield batch


def refer(objects: Sequence, ids: Sequence[int]) -> None:
    """Let saved objects stand for themselves by their ids only, so that later ones refer to them."""
    for one, number in zip(objects, ids, strict=True):
        one.setId(rlong(number))
        one.unload()


def kind(obj) -> str:
    """The class of a model object as HQL and Delete2 name it."""
    return type(obj).__name__.removesuffix("I")


class NewImages:
    """Saves new images of one fileset, in one group."""

    def __init__(self, session: OmeroSession, group_id: int, fileset_id: int, made: Graph, enums: Enums) -> None:
        self._session, self._group, self._fileset = session, group_id, fileset_id
        self._made, self._enums = made, enums

    def prepare(self, batch: Sequence[Unit], planned: Sequence[NewImage], seen: Sequence[Seen]) -> Prepared:
        """Make units ready to be saved, each image bound, in its fileset and with its display from the start.

        `planned` and `seen` belong to the images of the units, in their order.
        """
        images = [place for unit in batch for place in unit.images]
        for place, plan, known in zip(images, planned, seen, strict=True):
            self._prepare(self._made.images[place], plan, known)
        wells = [self._made.wells[number] for unit in batch for number in unit.wells]
        plain = [self._made.images[place] for unit in batch if not unit.wells for place in unit.images]
        parts = [self._made.images[place] for place in images] + wells
        return Prepared((*wells, *plain), tuple(parts), f"saving images {images[0]} to {images[-1]}")

    def save(self, prepared: Prepared, note: Any) -> None:
        """Save a batch in one transaction, `note` along with it; what was saved is then let go of."""
        self._session.save_batch([note, *prepared.objects], prepared.what, self._group)
        for part in prepared.parts:
            _let_go(part)

    def _prepare(self, image, plan: NewImage, known: Seen) -> None:
        image.fileset, image.series = FilesetI(self._fileset, False), rint(plan.series)
        image.details.externalInfo = plan.binding and external_info_object(plan.binding)
        pixels = image.getPrimaryPixels()
        channels = pixels.copyChannels()
        for channel, ends in zip(channels, known.statistics.ranges, strict=True):
            if ends is not None:
                channel.statsInfo.globalMin, channel.statsInfo.globalMax = map(rdouble, ends)
        if known.statistics.sha1 is not None:
            pixels.sha1 = rstring(known.statistics.sha1)
        pixels.addRenderingDef(rendering_def(known.display, channels, self._enums))


def _let_go(saved: Any) -> None:
    """Forget what hangs on an image or a well: by references, for parts that refer to their owners are circles."""
    if isinstance(saved, ImageI):
        for pixels in saved.copyPixels():
            for held in pixels.copySettings():
                held.unload()
            pixels.clearChannels()
            pixels.clearPlaneInfo()
        for roi in saved.copyRois():
            roi.unload()
    saved.unload()


def saved_images(session: OmeroSession, fileset_id: int) -> list[tuple[int, int, int]]:
    """Id, series and pixels' id of a fileset's images, in the order of their series."""
    hql = """select i.id, i.series, p.id from Image i join i.pixels p where i.fileset.id = :id
        order by i.series, i.id"""
    return [
        (image, series, pixels) for image, series, pixels in session.rows(hql, "reading the new images", id=fileset_id)
    ]
