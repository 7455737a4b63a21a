"""How long the import of a plate takes: `python -m bench.import_plate [--wells 384] [--fields 9]`.

The measure is the bare saveArray calls with ready objects: what the server needs whatever the client does. Prints
ratios, for the machine's own speed says nothing, and ends with exit code 1 where one is over its limit.
"""

import argparse
import cProfile
import io
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import omero.clients

import omero
from bench.plate import write_plate
from demo.omero_client import new_account
from omero_roz import zarrs
from omero_roz.import_.one import Prepared, Wanted, prepare, run
from omero_roz.import_.steps import Options
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.ports.zarr_stores import Access
from omero_roz.replace.steps import Means
from omero_sandbox.sandbox import Access as Running
from omero_sandbox.sandbox import OmeroSandbox

SMALL = 384  # images
CALLS = 40  # and one per 100 images
GROWTH = 1.3  # time per image, the whole plate against a small one
WHOLE = 1.5  # the whole import against its saveArray calls


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole import and of its saveArray calls alone; the number of remote calls."""

    images: int
    whole: float
    saving: float
    calls: int


class TimedSession(OmeroSession):
    """A session that knows how long its batches took."""

    saving = 0.0

    def save_batch(self, objects, what: str, group_id: int) -> None:
        """As OmeroSession has it."""
        began = time.perf_counter()
        super().save_batch(objects, what, group_id)
        self.saving += time.perf_counter() - began


def main() -> int:
    """Measure a small plate and the whole one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--fields", type=int, default=9)
    parser.add_argument("--thumbnails", action="store_true", help="let the server draw them, too")
    parser.add_argument("--profile", metavar="FILE", help="write a profile of the whole plate's import")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as folder, OmeroSandbox() as sandbox:
        options = Options(thumbnails=args.thumbnails)
        warm_up = write_plate(Path(folder) / "warm.zarr", 2, 1)
        import_plate(sandbox, warm_up, Path(folder), options)
        wells = max(1, SMALL // args.fields)
        small = import_plate(
            sandbox, write_plate(Path(folder) / "small.zarr", wells, args.fields), Path(folder), options
        )
        plate = write_plate(Path(folder) / "whole.zarr", args.wells, args.fields)
        with profiled(args.profile):
            whole = import_plate(sandbox, plate, Path(folder), options)
    return report(small, whole)


def import_plate(sandbox: Running, zarr: Path, folder: Path, options: Options) -> Measured:
    """Import as a user does, from reading the Zarr to the closed record."""
    log = folder / f"{zarr.name}.log"
    with client(sandbox, log) as connected:
        session = TimedSession(connected)
        means = Means(session)
        before = calls(log)
        began = time.perf_counter()
        read = zarrs.read(str(zarr), Access())
        prepared = prepare(means, read.layout, read.store, Wanted(str(zarr)), [])
        assert isinstance(prepared, Prepared)
        done = run(means, prepared, options, lambda what, number, total: None)
        took = time.perf_counter() - began
        return Measured(len(done.images), took, session.saving, calls(log) - before)


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


def report(small: Measured, whole: Measured) -> int:
    """Print what was measured against the limits; the exit code."""
    out = io.StringIO()
    for one in (small, whole):
        print(
            f"{one.images} images: {one.whole:.1f} s, of it saveArray {one.saving:.1f} s "
            f"({1000 * one.whole / one.images:.1f} ms an image), {one.calls} remote calls",
            file=out,
        )
    checks = [
        ("remote calls", whole.calls, CALLS + whole.images / 100),
        ("time per image against a small plate", (whole.whole / whole.images) / (small.whole / small.images), GROWTH),
        ("whole import against saveArray alone", whole.whole / whole.saving, WHOLE),
    ]
    for what, found, limit in checks:
        print(f"{what}: {found:.2f} (at most {limit:.2f}) {'ok' if found <= limit else 'TOO MUCH'}", file=out)
    print(out.getvalue(), end="")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"this process, which the sandbox runs apart from, took at most {most:.0f} MiB")
    return int(any(found > limit for _, found, limit in checks))


if __name__ == "__main__":
    sys.exit(main())
