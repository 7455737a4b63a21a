"""Verifying what a user named: finding the images, checking them side by side, keeping the certificate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, as_completed, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from omero_roz.binding.lsid import ServerView, server_root
from omero_roz.errors import Refused
from omero_roz.plan import batches
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import ANY_GROUP, OmeroSession, as_owner
from omero_roz.ports.zarr.stores import open_store
from omero_roz.proving.pixels import Progress
from omero_roz.record import Record
from omero_roz.settled import Settled
from omero_roz.settling import CHUNK, holder, imports_of, settle, settle_one
from omero_roz.verify.certificate import Certificate, now
from omero_roz.verify.image import Bound, How, ImageCheck
from omero_roz.verify.prove import prove

SAVE_EVERY = 5.0  # seconds
SAVE_SHARE = 0.05  # of the time at most: of 100,000 images a certificate takes its time


@dataclass(frozen=True, slots=True)
class Work:
    """How the work is done: where, how many images side by side, by what function; the file of the certificate."""

    pool: Executor
    jobs: int
    check: Callable[[Bound, How], ImageCheck]
    file: Path | None
    progress: Progress


def images_of(session: OmeroSession, named: Iterable[str], how: How) -> list[int]:
    """The ids of the images that are meant: objects (KIND:ID), and Zarrs for all images that are bound to them.

    Raises Refused for what has none, UsageError for what is no object.
    """
    found: dict[int, None] = {}
    for text in named:
        form = containers.find(session, text)
        found |= dict.fromkeys(_images_in(session, *form) if form else _bound_to(session, text, how))
    return list(found)


def _images_in(session: OmeroSession, kind: str, number: int) -> list[int]:
    """The images of an object; of an emptied fileset those that are elsewhere now."""
    if kind == "Fileset" and (there := [image.id for image in holder(session, number).fileset.images]):
        return there
    return containers.images_of(session, kind, number)


def _bound_to(session: OmeroSession, uri: str, how: How) -> list[int]:
    store = open_store(uri, how.access)
    images = containers.bound_to(session, server_root(store.uri, ServerView(how.paths, store.bucket)))
    for settled in imports_of(session, store.uri, ANY_GROUP):
        inside = {image.id for image in settled.fileset.images}
        try:
            record = _record(settled)
        except Refused:  # told of its images, which are all that it stops
            images += inside
            continue
        if record is not None and record.uri == store.uri:
            images += [one.id for one in record.images if one.id in inside]
    if not images:
        what = "no image that you may see is bound to it"
        raise Refused(what, store.uri, "name the images, or say with --server-path what the server sees")
    return images


def verify(session: OmeroSession, images: Sequence[int], how: How, certificate: Certificate, work: Work) -> None:
    """Check images that the certificate does not hold yet; it is saved every few seconds and at the end.

    Two images for each job are in work at a time, so memory does not grow with their number.
    """
    todo = [image for image in images if not certificate.holds(image, how.check)]
    due, done = time.monotonic() + SAVE_EVERY, len(images) - len(todo)
    try:
        work.progress("verifying", done, len(images))
        for result in _checked(session, todo, how, work):
            certificate.add(result)
            done += 1
            work.progress("verifying", done, len(images))
            if work.file is not None and (begun := time.monotonic()) > due:
                certificate.write(work.file)
                due = time.monotonic() + max(SAVE_EVERY, (time.monotonic() - begun) / SAVE_SHARE)
        certificate.ended = now()
    finally:
        if work.file is not None:
            certificate.write(work.file)


def _checked(session: OmeroSession, images: Sequence[int], how: How, work: Work) -> Iterator[ImageCheck]:
    """The checks of images as they are finished."""
    running: set[Future[ImageCheck]] = set()
    for one in _bound(session, images):
        if isinstance(one, ImageCheck):
            yield one
            continue
        running.add(work.pool.submit(work.check, one, how))
        if len(running) >= 2 * work.jobs:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in finished)
    for future in as_completed(running):
        yield future.result()


def _bound(session: OmeroSession, images: Sequence[int]) -> Iterator[Bound | ImageCheck]:
    """The images with their filesets, one fileset after another; those in none have failed already."""
    inside = containers.filesets_of(session, images)
    by_fileset: dict[int, set[int]] = {}
    for image in images:
        if image in inside:
            by_fileset.setdefault(inside[image], set()).add(image)
        else:
            yield ImageCheck(image, None, problems=("it has no fileset, so no Zarr",))
    for chunk in batches(list(by_fileset), CHUNK):
        settled = settle(session, chunk)
        for number in chunk:
            yield from _bound_in(settled.get(number), number, by_fileset[number])


def _bound_in(settled: Settled | None, number: int, wanted: set[int]) -> Iterator[Bound | ImageCheck]:
    try:
        if settled is None:
            raise Refused("it was deleted meanwhile", f"Fileset:{number}")
        record = _record(settled)
    except Refused as error:  # a record that cannot be read may be the one that says where the Zarr is
        yield from (ImageCheck(image, number, problems=(str(error),)) for image in sorted(wanted))
        return
    for one in settled.fileset.images:
        if one.id in wanted:
            yield Bound(one, number, settled.fileset.owner.group_id, record)


def _record(settled: Settled) -> Record | None:
    """The last record on a fileset that was not rolled back; Refused where one cannot be read."""
    last = settled.last
    return last.record if last is not None else None


def zarrs_of(session: OmeroSession, filesets: Sequence[int]) -> dict[int, str]:
    """The Zarr of each fileset as its record has it; none where there is no record, or one that cannot be read."""
    found = dict[int, str]()
    for chunk in batches(list(filesets), CHUNK):
        for number, settled in settle(session, chunk).items():
            with suppress(Refused):
                if record := _record(settled):
                    found[number] = record.uri
    return found


def by_fileset(certificate: Certificate, images: Iterable[int]) -> dict[int, list[ImageCheck]]:
    """What a certificate has of images, by their filesets."""
    found: dict[int, list[ImageCheck]] = {}
    for one in map(certificate.images.get, images):
        if one is not None and one.fileset is not None:
            found.setdefault(one.fileset, []).append(one)
    return found


def record_on(
    session: OmeroSession, number: int, images: Sequence[ImageCheck], certificate: Certificate, how: How
) -> bool:
    """Write what a certificate has of a fileset on it, as its owner; whether its record, unproven, is proven by that.

    What a file says of an earlier look proves nothing, for somebody else may have written it. Raises Refused where it
    is another's and the user is no administrator, or the server shows otherwise.
    """
    settled = settle_one(session, number)
    mine = settled.fileset.owner.user_id == session.who.user_id
    told = images if mine else [one if one.ok else _unsaid(one) for one in images]
    with as_owner(session, settled.fileset.owner, settled.where) as owner:
        Filesets(owner).attach(number, certificate.note(told), settled.fileset.owner.group_id)
        return all(one.ok and one.image in certificate.fresh for one in images) and prove(owner, settled, images, how)


def _unsaid(found: ImageCheck) -> ImageCheck:
    """What the owner of an image may read of a check of somebody else's that failed: anybody may bind an image to
    anywhere, and what is there, or is not, may be for that one's eyes only."""
    problems = ("it is not right; who verified it knows why",)
    return ImageCheck(found.image, found.fileset, found.name, check=found.check, problems=problems)
