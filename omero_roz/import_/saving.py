"""Saving the images of an import in batches, two at a time, while the next one is made ready."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ome_types import OME

from ome_graph import Graph
from ome_graph.bulk import many_objects
from omero_roz.errors import Refused
from omero_roz.fileset import Fileset
from omero_roz.import_.display import display, stated
from omero_roz.import_.opening import Opened, Opening
from omero_roz.import_.statistics import read_all
from omero_roz.layout.model import Series, ZarrLayout
from omero_roz.layout.store import Store
from omero_roz.plan import ImportPlan
from omero_roz.ports.omero.enumerations import Enumerations
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.new_images import NewImages, Prepared, Seen, Statistics, Unit, in_batches, units
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.pixels import Progress

StatisticsFrom = Literal["auto", "read", "none"]


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported: a layout with its store and its metadata, as OME-XML and as ome-types."""

    layout: ZarrLayout
    store: Store
    xml: bytes
    ome: OME


class Saving:
    """Saves the images that are not in OMERO yet."""

    def __init__(
        self,
        session: OmeroSession,
        plan: ImportPlan,
        source: Source,
        made: Graph,
        enums: Enumerations,
        statistics: StatisticsFrom,
    ) -> None:
        self._session, self._plan, self._source = session, plan, source
        self._made, self._enums, self._statistics = made, enums, statistics
        self._series = source.layout.mapped_series()

    def run(self, opening: Opening, opened: Opened, progress: Progress) -> None:
        """Save what is missing; while batches are being saved, the next one is made ready."""
        present = _present(Filesets(self._session).get(opened.fileset), self._plan) if self._plan.resumes else set()
        missing = [unit for unit in units(self._made) if not present.issuperset(unit.images)]
        images = NewImages(self._session, self._plan.group_id, opened.fileset, self._made, self._enums)
        done, total = len(present), len(self._plan.images)

        def save(batch: Prepared, count: int, lane: int) -> int:
            images.save(batch, opening.note(f"{done + count} of {total} images saved", lane))
            return count

        def tell(saved: Iterable[int]) -> None:
            nonlocal done
            for count in saved:
                done += count
                progress("saving images", done, total)

        progress("saving images", done, total)
        # In shadows all images are series 0: there their ids have the order, so one batch is saved after the other.
        wanted = opening.lanes if all(image.binding for image in self._plan.images) else opening.lanes[:1]
        with many_objects(), ThreadPoolExecutor(len(wanted)) as threads:  # its end waits: what is being saved is not
            lanes = _Lanes(threads, wanted)  # taken back
            for batch, places, seen in self._batches(missing):
                ready = images.prepare(batch, [self._plan.images[place] for place in places], seen)
                tell(lanes.freed(1))
                alone = not opening.is_written  # what the others refer to is told with it
                lanes.start(save, ready, len(places))
                if alone:
                    tell(lanes.freed())
            tell(lanes.freed())

    def _batches(self, missing: Sequence[Unit]) -> Iterator[tuple[list[Unit], list[int], list[Seen]]]:
        known = self._known([self._series[place] for place in _images(missing)])
        for batch in in_batches(missing, self._plan.batch):
            places = _images(batch)
            yield batch, places, [self._seen(*one) for one in zip(places, islice(known, len(places)), strict=True)]

    def _known(self, series: Sequence[Series]) -> Iterator[Statistics]:
        if self._statistics == "read":
            return read_all(self._source.store, series)
        if self._statistics == "none":
            return (Statistics((None,) * one.sizes.c) for one in series)
        return map(stated, series)

    def _seen(self, place: int, statistics: Statistics) -> Seen:
        colored = ["color" in channel.model_fields_set for channel in self._source.ome.images[place].pixels.channels]
        return Seen(statistics, display(self._series[place], statistics, colored))


class _Lanes:
    """Batches on their way to OMERO: one in each lane at most, for it needs what the one before it left."""

    def __init__(self, threads: ThreadPoolExecutor, lanes: Sequence[int]) -> None:
        self._threads, self._free, self._number = threads, list(lanes), len(lanes)
        self._saving: dict[Future[int], int] = {}

    def start(self, save: Callable[[Prepared, int, int], int], batch: Prepared, count: int) -> None:
        """Save a batch in a free lane."""
        lane = self._free.pop(0)
        self._saving[self._threads.submit(save, batch, count, lane)] = lane

    def freed(self, number: int | None = None) -> Iterator[int]:
        """What was saved until a number of lanes, or all, are free. Raises what saving raised."""
        while len(self._free) < (number or self._number):
            done, _ = wait(self._saving, return_when=FIRST_COMPLETED)
            for future in done:
                self._free.append(self._saving.pop(future))
                yield future.result()


def _images(some: Iterable[Unit]) -> list[int]:
    return [place for unit in some for place in unit.images]


def _present(fileset: Fileset, plan: ImportPlan) -> set[int]:
    """The series that are in OMERO already; Refused where they were bound otherwise than planned now."""
    for image in fileset.images:
        if image.external_info != plan.images[image.series].binding:
            what = "it was begun with other options: its images are bound otherwise"
            raise Refused(what, f"Fileset:{fileset.id}", "repeat it as it was begun, or delete it")
    return {image.series for image in fileset.images}
