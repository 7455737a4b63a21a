"""Doing an import as planned; whatever goes wrong before its end is taken back."""

import time
from dataclasses import dataclass, replace

from ome_types import OME

from ome_graph import Graph, graph
from ome_graph.xml import metadata_only
from omero_roz.applying.means import Means
from omero_roz.binding import zarr_reader
from omero_roz.errors import Problem, Refused, Unreachable
from omero_roz.fileset import Claim, Fileset, OmeroImage, Owner
from omero_roz.import_.earlier import Earlier, Others
from omero_roz.import_.opening import Opened, Opening
from omero_roz.import_.planning import plain_images
from omero_roz.import_.reader import bind_to_shadows, remove_shadows
from omero_roz.import_.saving import Saving, Source, StatisticsFrom
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.plan import ImportPlan
from omero_roz.ports.omero import rendering
from omero_roz.ports.omero.enumerations import with_enumerations
from omero_roz.ports.omero.new_images import Enums, saved_images
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.targets import links
from omero_roz.ports.omero.thumbnails import make_thumbnails
from omero_roz.proving.evidence import seek
from omero_roz.proving.pixels import Checked, Progress, compare
from omero_roz.proving.recorded import proven
from omero_roz.proving.sampling import Sample
from omero_roz.record import ImageRecord, Record

LATER = "nothing is to be done: OMERO draws each when somebody looks at it"


@dataclass(frozen=True, slots=True)
class Options:
    """How an import is done: whether planes are compared afterwards, where minima and maxima come from, and whether
    thumbnails are drawn at once (never unless planes were compared, for they would be black)."""

    probe: bool = True
    statistics: StatisticsFrom = "auto"
    thumbnails: bool = True


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made: the fileset, its images by series and those of them that are on no plate, its plates, and
    the number of planes that were compared, of how many.

    `compared` says the same for people, `unproven` why it proves nothing; `thumbnails` how many the server has drawn,
    in `thumbnail_ms` each. `stopped`: somebody wants nothing more after it.
    """

    uri: str
    fileset: int
    images: tuple[int, ...]
    plain: tuple[int, ...]
    plates: tuple[int, ...]
    planes: int = 0
    of_planes: int = 0
    problems: tuple[Problem, ...] = ()
    compared: str = ""
    unproven: str = ""
    thumbnails: int = 0
    thumbnail_ms: float = 0.0
    stopped: bool = False


def run_import(
    means: Means,
    plan: ImportPlan,
    source: Source,
    record: Record,
    earlier: Earlier | None,
    others: Others,
    options: Options,
    progress: Progress,
) -> Imported:
    """Make the images, compare planes that OMERO shows with the Zarr's, close the record.

    `earlier` is an unfinished import to go on with, `others` are those that run at the same time. Raises Refused or
    Unreachable; nothing of the import is then left in OMERO, but where OMERO does not answer (the same import goes on
    later), or where another process has taken it over.
    """
    session = means.session
    made, enums = with_enumerations(session, lambda enums: _graph(plan, source.ome, enums))
    opening = Opening(session, plan, made, others)
    try:
        opened = (opening.resume(earlier) if earlier else None) or opening.begin(record, metadata_only(source.xml))
        if not opened.record.images:  # else all are saved, and bound to shadows
            saving = Saving(session, plan, source, made, enums, options.statistics)
            saving.run(opening, opened, progress)
        opened, pairs = _bound(means, plan, source, opened, progress)
        done = _finish(means, plan, source, opening, opened, pairs, options, progress)
    except BaseException as error:
        _leave(means, plan, opening, error, progress)
        raise
    finally:
        opening.stop()
    return _draw(session, plan, pairs, done, progress) if options.probe and options.thumbnails else done


def _graph(plan: ImportPlan, ome: OME, enums: Enums) -> Graph:
    for kind, value in rendering.ENUMERATIONS:
        enums(kind, value)  # looked up along with those of the OME-XML
    names = {plate.id: plate.name for plate in plan.plates}
    for plate in ome.plates:
        plate.name = names.get(plate.id, plate.name)
    return graph(ome, [image.name for image in plan.images], enums)


def _bound(
    means: Means, plan: ImportPlan, source: Source, opened: Opened, progress: Progress
) -> tuple[Opened, tuple[Pair, ...]]:
    """The import with all its images bound, and what each is of the Zarr."""
    pairs = _pairs(means.session, plan, source, opened)
    if opened.record.images or plan.binding != zarr_reader.NAME:
        return opened, pairs
    progress("binding images", 0, len(pairs))
    who = means.session.who
    owner = Owner(who.user_id, who.user_name, plan.group_id)
    fileset = Fileset(opened.fileset, Claim(plan.file.directory), owner, tuple(pair.image for pair in pairs))
    record = bind_to_shadows(means, fileset, pairs, source.store, plan.root, opened.annotation, opened.record)
    return replace(opened, record=record), pairs


def _pairs(session: OmeroSession, plan: ImportPlan, source: Source, opened: Opened) -> tuple[Pair, ...]:
    """The new images and their series, in the order of the plan; Refused where one is not there."""
    rows = saved_images(session, opened.fileset)
    if order := {image.id: number for number, image in enumerate(opened.record.images)}:  # in shadows all are series 0
        rows.sort(key=lambda row: order.get(row[0], len(order)))
    elif [series for _, series, _ in rows] != [image.series for image in plan.images]:
        rows = []
    if len(rows) != len(plan.images):
        raise Refused("images of it were deleted meanwhile", f"Fileset:{opened.fileset}", "repeat the command")
    return tuple(
        Pair(OmeroImage(number, new.name, at, pixels, one.sizes, one.pixel_type or "", one.sizes.c, new.binding), one)
        for (number, at, pixels), new, one in zip(rows, plan.images, source.layout.mapped_series(), strict=True)
    )


def _finish(
    means: Means,
    plan: ImportPlan,
    source: Source,
    opening: Opening,
    opened: Opened,
    pairs: tuple[Pair, ...],
    options: Options,
    progress: Progress,
) -> Imported:
    session = means.session
    record = opened.record
    if options.probe:
        seen, record = _probe(session, plan, pairs, source.store, record, progress)
    else:
        seen, record = None, replace(record, state="unproven")
    images = tuple(pair.image.id for pair in pairs)
    plates = opening.plates
    plain = tuple(images[place] for place in plain_images(source.ome))
    linked = links(plan.targets, {"Image": plain, "Plate": plates}, plan.dataset)
    _close(plan, opening, record, pairs, linked)
    done = Imported(plan.uri, opened.fileset, images, plain, plates)
    if seen is None or record.check is None:
        return done
    unproven = record.check["after"].get("unproven", "")
    return replace(done, planes=seen.planes, of_planes=seen.of_planes, compared=seen.share, unproven=unproven)


def _probe(
    session: OmeroSession,
    plan: ImportPlan,
    pairs: tuple[Pair, ...],
    store: Store,
    record: Record,
    progress: Progress,
) -> tuple[Checked, Record]:
    """What was compared, all equal, and the record with it; raises Refused where planes differ."""
    choice, evidence = Sample(), seek(store, pairs)
    with plane_readers(session, plan.group_id) as readers:
        seen = compare(readers, store, pairs, choice, progress, evidence=evidence)
    if seen.problems:
        raise Refused.of(seen.problems)
    return seen, proven(record, choice, seen, evidence)


def _draw(
    session: OmeroSession, plan: ImportPlan, pairs: tuple[Pair, ...], done: Imported, progress: Progress
) -> Imported:
    """Let the server draw thumbnails, when all else is done.

    What fails or is stopped takes nothing back: the server draws it when somebody looks. Not
    before the planes were compared, for a server keeps black ones too.
    """
    drawn, began, problems, stopped = 0, time.perf_counter(), tuple[Problem, ...](), False
    try:
        progress("making thumbnails", 0, len(pairs))
        for drawn in make_thumbnails(session, [pair.image.pixels_id for pair in pairs], plan.group_id):
            progress("making thumbnails", drawn, len(pairs))
    except Refused as error:
        problems = tuple(replace(one, fix=LATER, severity="warning") for one in error.problems)
    except KeyboardInterrupt:
        what, stopped = f"stopped after {drawn} of {len(pairs)} thumbnails; the import is done", True
        problems = (Problem(f"Fileset:{done.fileset}", what, LATER, "warning"),)
    each = round(1000 * (time.perf_counter() - began) / drawn, 1) if drawn else 0.0
    return replace(done, problems=problems, thumbnails=drawn, thumbnail_ms=each, stopped=stopped)


def _close(plan: ImportPlan, opening: Opening, record: Record, pairs: tuple[Pair, ...], linked: list) -> None:
    """Put images and plates into their targets and close the record, in one transaction: nobody sees half of it."""
    images = record.images or tuple(
        ImageRecord(pair.image.id, planned.path, 0, planned.series, None, planned.binding)
        for pair, planned in zip(pairs, plan.images, strict=True)
    )
    opening.close(replace(record, images=images, shared=()), linked)


def _leave(means: Means, plan: ImportPlan, opening: Opening, error: BaseException, progress: Progress) -> None:
    """Take back what an import made that failed, unless another process has taken it over."""
    try:
        held = opening.is_held
        progress("taking the import back" if held else "leaving the import to another process", 0, 1)
        if not held:
            return
        opening.take_back()
        if opening.fileset is not None:
            who = means.session.who
            remove_shadows(means, opening.fileset, Owner(who.user_id, who.user_name, plan.group_id))
        if isinstance(error, KeyboardInterrupt):
            error.add_note("the import is taken back")  # told with it
    except Unreachable as left:
        first = error.problems[0] if isinstance(error, Unreachable) else None
        why = f"{first.where}: {first.what}" if first else f"{error}; it could not be taken back: {left}"
        fix = "log in if need be and repeat the same command: it goes on where it was"
        raise Unreachable(f"{why}; the import is unfinished", opening.where, fix) from error
    except Refused as left:
        what = f"{error}; and it could not be taken back ({left})"
        raise Refused(what, opening.where, "delete it by hand") from error
