"""What a server can do for omero-roz, asked before anything of anybody's is touched.

All that is made for it (a tiny Zarr in the user's own directory of the ManagedRepository, scratch images) is deleted
at once.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.binding import external_info, zarr_reader
from omero_roz.change import Change, Move, Reading
from omero_roz.doctor.tiny import write_tiny
from omero_roz.errors import Problem, RozError
from omero_roz.fileset import OmeroImage, Owner
from omero_roz.layout.model import Series, ZarrFormat, ZarrLayout
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.places import DOCTOR, KNOWN, SHADOWS, Place, default_top
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.scratch import scratch_images
from omero_roz.ports.omero.server import repository_root, runs_scripts, server_facts
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.repository.managed import ManagedRepository
from omero_roz.ports.zarr.local_tree import open_tree
from omero_roz.proving.evidence import seek
from omero_roz.proving.pixels import compare
from omero_roz.proving.sampling import Sample, representatives
from omero_roz.proving.served import Bound, not_served, stands

State = Literal["good", "note", "bad"]
BYTES = "application/octet-stream"
SLOW_CALL = 0.05  # seconds; a plate's import makes about a hundred, a replacement about twenty-five
DEPLOY = "see docs/deploy.md"
_FILESET = "select i.fileset.id from Image i where i.id = :id"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, how it is, what there is to say, what to do.

    `bad` means that the main job would fail; a `note` says what will not be possible, or was not looked at.
    """

    what: str
    state: State
    said: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Zarrs:
    """A Zarr that the server is asked to read, and its address for the server."""

    store: Store
    layout: ZarrLayout
    root: str


def examine(means: Means, zarr: Zarrs | None) -> Iterator[Finding]:
    """Look at a server, one finding after another as they come; `zarr` is what the user wants to be read, if any."""
    session = means.session
    yield from _told("server", lambda: _server(session))
    yield from _told("Processor", lambda: _processor(session))
    yield from _told("database", lambda: _database(means))
    yield from _told("repository's directory", lambda: _disk(means))
    try:
        with _lent(session) as lent:
            yield Finding("ManagedRepository", "good", "small files can be written into it and deleted")
            yield from _readers(means, zarr, lent)
    except RozError as error:
        yield _bad("ManagedRepository", error)


def _told(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except RozError as error:
        yield _bad(what, error)


def _bad(what: str, error: RozError) -> Finding:
    first = error.problems[0]
    return Finding(what, "bad", str(Problem(first.where, first.what)), first.fix)


def _server(session: OmeroSession) -> Iterator[Finding]:
    facts, who = server_facts(session), session.who
    yield Finding("server", "good", f"OMERO.server {facts.version} at {session.server}")
    as_whom = "administrator" if who.is_admin else "user"
    yield Finding("session", "good", f"{as_whom} {who.user_name} in group {who.group_id}")
    said = f"{1000 * facts.call_seconds:.1f} ms a call"
    slow = facts.call_seconds > SLOW_CALL
    fix = "run omero roz nearer to the server: a plate's import makes about a hundred calls" if slow else ""
    yield Finding("network", "note" if slow else "good", said, fix)
    if facts.may_sudo:
        yield Finding("sudo", "good", "filesets of all users can be replaced")
    else:
        fix = "for others' filesets log in as an administrator with the privilege Sudo"
        yield Finding("sudo", "note", f"only what belongs to {who.user_name} can be replaced", fix)


def _processor(session: OmeroSession) -> Iterator[Finding]:
    runs = runs_scripts(session)
    if runs:
        yield Finding("Processor", "good", "scripts can be run from OMERO.web")
    else:
        said = "the server has no scripts to ask about" if runs is None else "no Processor takes scripts now"
        yield Finding("Processor", "note", said, "needed for OMERO.web's script menu only")


def _database(means: Means) -> Iterator[Finding]:
    if means.database is None:
        fix = "give --db where --binding zarr-reader or large plates are to be replaced"
        yield Finding("database", "note", "not looked at", fix)
        return
    missing = swap.lacking_rights(means.database)
    if missing:
        what = f"its account may not {', '.join(missing)}"
        yield Finding("database", "bad", what, "use the account that OMERO.server has")
    else:
        yield Finding("database", "good", "it may be read and changed")


def _disk(means: Means) -> Iterator[Finding]:
    if means.database is None or means.repository is None:
        yield Finding("repository's directory", "note", "not looked at", "give --db and --managed-repository for it")
        return
    owner = means.session.who.as_owner
    disk, place = means.disk(default_top(owner), owner), _place(owner, SHADOWS)
    try:
        disk.write(place, "written.xml", b"<written/>")
    finally:
        disk.remove(place)
    yield Finding("repository's directory", "good", f"{means.repository} is OMERO's, and can be written to")


def _readers(means: Means, zarr: Zarrs | None, lent: dict[ZarrFormat, Zarrs]) -> Iterator[Finding]:
    v2 = _finding("reader external-info, Zarr v2", lambda: _by_info(means, lent[2]))
    v3 = _finding("reader external-info, Zarr v3", lambda: _by_info(means, lent[3]))
    shadows = _finding("reader zarr-reader", lambda: _by_shadow(means, lent[2]))
    if means.database is None or means.repository is None:
        fix = "give --db and --managed-repository for it"
        shadows = Finding("reader zarr-reader", "note", "not looked at", fix)
    one = "good" in (v2.state, v3.state, shadows.state)
    for found in (v2, v3, shadows):
        fix = f"the server needs a reader for it: {DEPLOY}" if found.state == "bad" else found.fix
        yield Finding(found.what, "note" if one and found.state == "bad" else found.state, found.said, fix)
    if zarr is not None:
        yield _finding(f"Zarr {zarr.layout.uri}", lambda: _by_info(means, zarr))


def _finding(what: str, looked: Callable[[], Sequence[Problem]]) -> Finding:
    try:
        problems = looked()
    except RozError as error:
        return _bad(what, error)
    if not problems:
        return Finding(what, "good", "planes are the same through OMERO as in the Zarr")
    state: State = "note" if problems[0].severity == "warning" else "bad"
    return Finding(what, state, problems[0].what, problems[0].fix)


def _by_info(means: Means, zarr: Zarrs) -> Sequence[Problem]:
    """What tells that the server does not read the series of a Zarr by their ExternalInfo."""
    session, pairs = means.session, _pairs(zarr)
    infos = external_info.bind(zarr.root, [pair.series for pair in pairs])
    bound = {pair.image.id: info for pair, info in zip(pairs, infos, strict=True)}
    group = session.who.group_id
    evidence = seek(zarr.store, pairs)
    if evidence.missing:
        return [Problem(zarr.layout.uri, evidence.missing, "name one whose pixels differ", "warning")]
    with stands(session, [Bound(pairs, evidence, bound)], group) as [stood], plane_readers(session, group) as readers:
        return not_served(readers, zarr.store, stood)


def _by_shadow(means: Means, zarr: Zarrs) -> Sequence[Problem]:
    """The same of a shadow in the ManagedRepository, to which a scratch image is bound by SQL."""
    if means.database is None or means.repository is None:
        return ()
    session, who = means.session, means.session.who
    [pair] = _pairs(zarr)
    owner = session.who.as_owner
    disk, place = means.disk(default_top(owner), owner), _place(owner, SHADOWS)
    try:
        with scratch_images(session, [pair.image], who.group_id) as [scratch]:
            files = disk.write_trees(place, zarr_reader.shadows(zarr.store, zarr.root, [pair.series]))
            [[fileset]] = session.rows(_FILESET, "reading a scratch image", id=scratch.id)
            [before] = swap.pixels_files(means.database, [scratch.id]).values()
            after = Reading(0, None, zarr_reader.pixels_file(str(place), 0, disk.uuid))
            move = Move(scratch.id, Reading(scratch.series, None, before), after)
            swap.apply_one(means.database, Change(fileset, fileset, owner, [move], files=files), who)
            with plane_readers(session, who.group_id) as readers:
                return compare(readers, zarr.store, [Pair(scratch, pair.series)], Sample(), _quiet).problems
    finally:
        disk.remove(place)


def _pairs(zarr: Zarrs) -> list[Pair]:
    """First and last series and one of each pixel type, as images that are not in OMERO yet."""
    pairs = [Pair(_image(number, one), one) for number, one in enumerate(zarr.layout.mapped_series())]
    return list(representatives(pairs))


def _image(number: int, one: Series) -> OmeroImage:
    return OmeroImage(number, one.path, 0, 0, one.sizes, one.pixel_type or "", one.sizes.c, None)


@contextmanager
def _lent(session: OmeroSession) -> Iterator[dict[ZarrFormat, Zarrs]]:
    """Tiny Zarrs of both formats where the server sees them: in the user's own directory of the ManagedRepository."""
    repository = ManagedRepository(session, session.who.group_id)
    top = str(_place(session.who.as_owner, KNOWN))
    root, made = repository_root(session), {top}
    formats: tuple[ZarrFormat, ...] = (2, 3)
    with TemporaryDirectory(prefix="omero-roz-") as here:
        try:
            lent = {}
            for number in formats:
                local, name = Path(here, f"v{number}"), f"{top}v{number}/"
                for path in write_tiny(local, number):
                    directory, _, file = f"{name}{path}".rpartition("/")
                    made |= {name, f"{directory}/"}
                    repository.write(f"{directory}/", file, (local / path).read_bytes(), BYTES)
                store = open_tree(local)
                lent[number] = Zarrs(store, read_layout(store), f"{root}/{name}".rstrip("/"))
            yield lent
        finally:
            for directory in sorted(made, key=len, reverse=True):
                repository.remove(directory)


def _place(owner: Owner, area: str) -> Place:
    return Place.new(default_top(owner), area, DOCTOR, datetime.now(UTC))


def _quiet(what: str, done: int, total: int) -> None:
    """A look at a few planes shows no progress."""
