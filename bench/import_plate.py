"""How long the import of a plate takes: `python -m bench.import_plate [--wells 384] [--fields 9]`.

The measure is the bare saveArray calls with ready objects, taken in an import beside it that makes nothing else ready
meanwhile: what the server needs whatever the client does. The import is done as `omero roz import` does it, and told by
phase: seconds and remote calls of reading, planning, the graph, saving, comparing, closing, thumbnails. Prints ratios,
for the machine's own speed says nothing, medians of some plates, and ends with exit code 1 where one is over its limit.
On a sandbox that is near and one that is 5 ms away, or on a real server with root's password in OMERO_PASSWORD.
"""

import argparse
import cProfile
import os
import resource
import statistics
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import omero.clients

import omero
from bench.calls import counted
from bench.plate import write_plate
from demo.omero_client import new_account
from ome_graph.bulk import many_objects
from omero_roz import zarrs
from omero_roz.applying.means import Means
from omero_roz.import_ import saving
from omero_roz.import_.one import Prepared, Wanted, prepare, run
from omero_roz.import_.steps import Options
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.trace import Call
from omero_roz.ports.zarr.stores import Access
from omero_sandbox.sandbox import OmeroSandbox

DEFAULT = Options()
DRAWING = "making thumbnails"
SMALL = 384  # images
CALLS = 65  # and one per 100 images, without those for thumbnails: they go by how long drawing takes
GROWTH = 1.3  # time per image, the whole plate against a small one
WHOLE = 1.5  # the whole import against its saveArray calls


@dataclass(frozen=True)
class Measured:
    """Seconds of the import without drawing, and of its saveArray calls alone; seconds and remote calls of its phases.

    The calls of the log-in are not among them.
    """

    images: int
    whole: float
    saving: float
    seconds: Mapping[str, float]
    calls: Counter[str]

    @property
    def all_calls(self) -> int:
        """Remote calls without those for thumbnails."""
        return sum(self.calls.values()) - self.calls[DRAWING]


@dataclass(frozen=True)
class Address:
    """A server and the password of its root."""

    host: str
    port: int
    password: str


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


class Phases:
    """When each phase of an import began, as its progress says; what follows the comparison closes the record."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []
        self.begin("read")

    def begin(self, phase: str) -> None:
        """A phase begins, and the one before it ends."""
        self.begun.append((phase, time.perf_counter()))

    def __call__(self, what: str, number: int, total: int) -> None:
        if what != self.begun[-1][0]:
            self.begin(what)
        if number == total and what == "comparing planes":
            self.begin("close")

    def seconds(self) -> dict[str, float]:
        """How long each took, until the last one to begin."""
        return {name: end - began for (name, began), (_, end) in pairwise(self.begun)}

    def calls(self, heard: Sequence[Call]) -> Counter[str]:
        """How many calls began in each."""
        starts = [began for _, began in self.begun]
        return Counter(self.begun[bisect_right(starts, call.began) - 1][0] for call in heard)


def main() -> int:
    """Measure on a sandbox, or on the server that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--fields", type=int, default=9)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", metavar="FILE", help="write a profile of the last whole plate's import")
    parser.add_argument("--server", metavar="HOST:PORT", help="a server that sees this machine's files")
    parser.add_argument("--latency", type=float, action="append", metavar="MS", help="of a call to the sandbox")
    args = parser.parse_args()
    if args.server:
        host, _, port = args.server.rpartition(":")
        return 0 if measure(Address(host, int(port), os.environ["OMERO_PASSWORD"]), args) else 1
    good = True
    for latency in args.latency or (0.0, 5.0):
        print(f"calls take {latency} ms longer")
        with OmeroSandbox(latency_ms=latency) as sandbox:
            good &= measure(Address(sandbox.host, sandbox.ssl_port, sandbox.root_password), args)
    return 0 if good else 1


def measure(server: Address, args: argparse.Namespace) -> bool:
    """Measure small plates and whole ones, one after the other."""
    small, whole, bare = [], [], []
    with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        import_plate(server, write_plate(folder / "warm.zarr", 2, 1))
        wells = max(1, SMALL // args.fields)
        for run_number in range(args.runs):
            small.append(import_plate(server, write_plate(folder / f"s{run_number}", wells, args.fields)))
            plate = write_plate(folder / f"w{run_number}", args.wells, args.fields)
            bare.append(saved_alone(server, plate))
            with profiled(args.profile if run_number == args.runs - 1 else None):
                whole.append(import_plate(server, plate))
            if run_number == 0:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"after it this process, which the server runs apart from, took at most {peak:.0f} MiB")
    return report(small, whole, bare)


def saved_alone(server: Address, zarr: Path) -> float:
    """Seconds of the saveArray calls of an import, when nothing is made ready beside them."""
    saving.ThreadPoolExecutor = AtOnce  # type: ignore[assignment,misc]
    try:
        return import_plate(server, zarr, Options(thumbnails=False)).saving
    finally:
        saving.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]


def import_plate(server: Address, zarr: Path, options: Options = DEFAULT) -> Measured:
    """Import as a user does (each time another one), from reading the Zarr to the closed record."""
    with client(server) as connected, counted() as heard:
        session, phases = TimedSession(connected), Phases()
        with many_objects():
            read = zarrs.read(str(zarr), Access())
            phases.begin("plan")
            prepared = prepare(Means(session), read.layout, read.store, Wanted(str(zarr)), [])
            assert isinstance(prepared, Prepared)
            phases.begin("graph")
            done = run(Means(session), prepared, options, phases)
        phases.begin("end")
    seconds = phases.seconds()
    took = sum(seconds.values()) - seconds.get(DRAWING, 0)
    made = Measured(len(done.images), took, session.saving, seconds, phases.calls(heard))
    print(
        f"{made.images} images: {made.whole:.1f} s without thumbnails, of it saveArray {made.saving:.1f} s "
        f"({1000 * made.whole / made.images:.1f} ms an image); {made.all_calls} remote calls"
    )
    told = [f"{phase} {took:.1f} s, {made.calls[phase]} calls" for phase, took in seconds.items()]
    print(f"    {'; '.join(told)}; load {os.getloadavg()[0]:.1f}", flush=True)
    return made


@contextmanager
def client(server: Address) -> Iterator[omero.clients.BaseClient]:
    """A curator's session."""
    root = omero.client(server.host, server.port)
    root.createSession("root", server.password)
    account = new_account(root)
    root.closeSession()
    connected = omero.client(server.host, server.port)
    connected.createSession(account.name, account.password)
    try:
        yield connected
    finally:
        connected.closeSession()


@contextmanager
def profiled(file: str | None) -> Iterator[None]:
    """A profile into a file, if one is named."""
    if file is None:
        yield
        return
    with cProfile.Profile() as profile:
        yield
    profile.dump_stats(file)


def report(small: Sequence[Measured], whole: Sequence[Measured], bare: Sequence[float]) -> bool:
    """Print what was measured against the limits; whether all is within them."""
    growth = [(w.whole / w.images) / (s.whole / s.images) for s, w in zip(small, whole, strict=True)]
    against = statistics.median(one.whole / alone for one, alone in zip(whole, bare, strict=True))
    checks = [
        ("remote calls", float(max(one.all_calls for one in whole)), CALLS + whole[0].images / 100),
        ("time per image against a small plate", statistics.median(growth), GROWTH),
        ("whole import against saveArray alone", against, WHOLE),
    ]
    for what, found, limit in checks:
        print(f"{what}: {found:.2f} (at most {limit:.2f}) {'ok' if found <= limit else 'TOO MUCH'}")
    return all(found <= limit for _, found, limit in checks)


if __name__ == "__main__":
    sys.exit(main())
