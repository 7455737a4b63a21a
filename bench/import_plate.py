"""How long the import of a plate takes: `python -m bench.import_plate [--wells 384] [--fields 9]`.

The measure is the bare saveArray calls with ready objects, taken in an import beside it that makes nothing else ready
meanwhile: what the server needs whatever the client does. The import is done as `omero roz import` does it; its remote
calls are all counted, those for thumbnails too, but the time in which the server draws them is told apart. Prints
ratios, for the machine's own speed says nothing, medians of some plates, and ends with exit code 1 where one is over
its limit.
"""

import argparse
import cProfile
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import omero.clients

import omero
from bench.plate import write_plate
from demo.omero_client import new_account
from ome_graph.bulk import many_objects
from omero_roz import zarrs
from omero_roz.applying.means import Means
from omero_roz.import_ import saving
from omero_roz.import_.one import Prepared, Wanted, prepare, run
from omero_roz.import_.steps import Options
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.zarr.stores import Access
from omero_sandbox.sandbox import Access as Running
from omero_sandbox.sandbox import OmeroSandbox

DEFAULT = Options()
SMALL = 384  # images
CALLS = 40  # and one per 100 images
GROWTH = 1.3  # time per image, the whole plate against a small one
WHOLE = 1.5  # the whole import against its saveArray calls


@dataclass(frozen=True)
class Measured:
    """Seconds of the import without drawing, of its saveArray calls alone, of drawing; the number of remote calls."""

    images: int
    whole: float
    saving: float
    drawing: float
    calls: int


class TimedSession(OmeroSession):
    """A session that knows how long its batches took."""

    saving = 0.0

    def save_batch(self, objects, what: str, group_id: int) -> None:
        """As OmeroSession has it."""
        began = time.perf_counter()
        super().save_batch(objects, what, group_id)
        self.saving += time.perf_counter() - began


class AtOnce:
    """An executor that does what it is given before anything else goes on, so that saveArray is measured alone."""

    def __init__(self, threads: int) -> None: ...

    def __enter__(self) -> "AtOnce":
        return self

    def __exit__(self, *raised: object) -> None: ...

    def submit(self, function: Callable[..., Any], *values: Any) -> Future:
        """A future that is done."""
        future: Future = Future()
        future.set_result(function(*values))
        return future


class Drawing:
    """A progress display that knows how long the server drew thumbnails."""

    seconds = 0.0

    def __call__(self, what: str, number: int, total: int) -> None:
        if what == "making thumbnails":
            self.seconds += time.perf_counter() * (-1 if number == 0 else number == total)


def main() -> int:
    """Measure small plates and whole ones, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--fields", type=int, default=9)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", metavar="FILE", help="write a profile of the last whole plate's import")
    args = parser.parse_args()
    small, whole, bare = [], [], []
    with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as name, OmeroSandbox() as sandbox:
        folder = Path(name)
        import_plate(sandbox, write_plate(folder / "warm.zarr", 2, 1), folder)
        wells = max(1, SMALL // args.fields)
        for run_number in range(args.runs):
            small.append(import_plate(sandbox, write_plate(folder / f"s{run_number}", wells, args.fields), folder))
            plate = write_plate(folder / f"w{run_number}", args.wells, args.fields)
            bare.append(saved_alone(sandbox, plate, folder))
            with profiled(args.profile if run_number == args.runs - 1 else None):
                whole.append(import_plate(sandbox, plate, folder))
            if run_number == 0:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"after it this process, which the sandbox runs apart from, took at most {peak:.0f} MiB")
    return report(small, whole, bare)


def saved_alone(sandbox: Running, zarr: Path, folder: Path) -> float:
    """Seconds of the saveArray calls of an import, when nothing is made ready beside them."""
    saving.ThreadPoolExecutor = AtOnce  # type: ignore[assignment,misc]
    try:
        return import_plate(sandbox, zarr, folder, Options(thumbnails=False)).saving
    finally:
        saving.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]


def import_plate(sandbox: Running, zarr: Path, folder: Path, options: Options = DEFAULT) -> Measured:
    """Import as a user does (each time another one), from reading the Zarr to the closed record."""
    log = folder / f"{time.time_ns()}.log"
    with client(sandbox, log) as connected:
        session, drawing = TimedSession(connected), Drawing()
        means = Means(session)
        before = calls(log)
        began = time.perf_counter()
        with many_objects():
            read = zarrs.read(str(zarr), Access())
            prepared = prepare(means, read.layout, read.store, Wanted(str(zarr)), [])
            assert isinstance(prepared, Prepared)
            done = run(means, prepared, options, drawing)
        took = time.perf_counter() - began - drawing.seconds
        made = Measured(len(done.images), took, session.saving, drawing.seconds, calls(log) - before)
    print(
        f"{made.images} images: {made.whole:.1f} s, of it saveArray {made.saving:.1f} s "
        f"({1000 * made.whole / made.images:.1f} ms an image), {made.calls} remote calls; "
        f"drawing {made.drawing:.1f} s",
        flush=True,
    )
    return made


@contextmanager
def client(sandbox: Running, log: Path) -> Iterator[omero.clients.BaseClient]:
    """A curator whose every request Ice writes into a log."""
    root = omero.client(sandbox.host, sandbox.ssl_port)
    root.createSession("root", sandbox.root_password)
    account = new_account(root)
    root.closeSession()
    traced = ["--Ice.Trace.Protocol=1", f"--Ice.LogFile={log}"]
    connected = omero.client(traced, host=sandbox.host, port=sandbox.ssl_port)
    connected.createSession(account.name, account.password)
    try:
        yield connected
    finally:
        connected.closeSession()


def calls(log: Path) -> int:
    """The requests in Ice's log."""
    return log.read_text(errors="replace").count("sending request")


@contextmanager
def profiled(file: str | None) -> Iterator[None]:
    """A profile into a file, if one is named."""
    if file is None:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    profile.dump_stats(file)


def report(small: Sequence[Measured], whole: Sequence[Measured], bare: Sequence[float]) -> int:
    """Print what was measured against the limits; the exit code."""
    growth = [(w.whole / w.images) / (s.whole / s.images) for s, w in zip(small, whole, strict=True)]
    against = statistics.median(one.whole / alone for one, alone in zip(whole, bare, strict=True))
    checks = [
        ("remote calls", float(max(one.calls for one in whole)), CALLS + whole[0].images / 100),
        ("time per image against a small plate", statistics.median(growth), GROWTH),
        ("whole import against saveArray alone", against, WHOLE),
    ]
    for what, found, limit in checks:
        print(f"{what}: {found:.2f} (at most {limit:.2f}) {'ok' if found <= limit else 'TOO MUCH'}")
    return int(any(found > limit for _, found, limit in checks))


if __name__ == "__main__":
    sys.exit(main())
