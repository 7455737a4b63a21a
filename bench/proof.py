"""What the proof of a bulk run costs: small filesets replaced with it (a sample, scratch images) and without.

On a sandbox that is as far away as a call takes, or on the server that is named: `python -m bench.proof --server
HOST:PORT --user NAME [--db ADDRESS]` with the password in OMERO_PASSWORD. What it imports there stays.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import omero.clients

import omero
from bench.calls import counted
from demo.acquisition import GFP, Shot, write_layout, write_ome_tiff
from demo.omero_client import import_file
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.pixels import JOBS
from omero_roz.replace.bulk import Run
from omero_roz.replace.bulk_plan import Options
from omero_roz.replace.bulk_table import Line
from omero_roz.replace.owners import owners_for
from omero_roz.replace.proof import NONE, Proof
from omero_roz.replace.workers import threads
from omero_sandbox.sandbox import OmeroSandbox

COUNT = 40
SHOTS = [Shot(f"field {n}", (1, 2, 3, 24, 32), "uint16", (GFP, GFP)) for n in range(2)]
MOST_TIMES, MOST_CALLS = 2.5, 30


def main() -> int:
    """Measure, and print; 1 where something is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("server", "user", "db"):
        parser.add_argument(f"--{name}")
    args = parser.parse_args()
    if args.server:
        host, _, port = args.server.rpartition(":")
        return 0 if measure(host, int(port), args.user, os.environ["OMERO_PASSWORD"], args.db) else 1
    on_sandbox(0)  # told only: without a proof nearly all that a server has to do is missing there
    return 0 if on_sandbox(5) else 1


def on_sandbox(latency: float) -> bool:
    """Measure on a sandbox whose calls take so many milliseconds longer."""
    with OmeroSandbox(latency_ms=latency) as sandbox:
        print(f"calls take {latency} ms longer")
        return measure(sandbox.host, sandbox.ssl_port, "root", sandbox.root_password, sandbox.dsn)


def measure(host: str, port: int, user: str, password: str, db: str | None) -> bool:
    """Both ways of changing, each without and with the proof."""
    good = True
    client = omero.client(host, port)
    client.createSession(user, password)
    try:
        client.enableKeepAlive(60)
        with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            write_ome_tiff(folder / "two.ome.tif", SHOTS)
            write_layout(folder / "two.zarr", SHOTS)
            replaced(client, folder, None, True, 2)  # what is only slow the first time
            for address in (None, db) if db else (None,):
                bare, _ = replaced(client, folder, address, False, COUNT)
                proven, calls = replaced(client, folder, address, True, COUNT)
                way, times, each = "--db" if address else "API", proven / bare, calls / COUNT
                print(
                    f"  {COUNT} filesets, {way}: {bare:.1f} s, with proof {proven:.1f} s: {times:.2f} times (at most"
                    f" {MOST_TIMES}), {each:.0f} calls each (at most {MOST_CALLS}); load {os.getloadavg()[0]:.1f}"
                )
                good &= times <= MOST_TIMES and each <= MOST_CALLS
    finally:
        client.closeSession()
    return good


def replaced(
    client: omero.clients.BaseClient, folder: Path, db: str | None, prove: bool, count: int
) -> tuple[float, int]:
    """The seconds and the remote calls that it takes to replace so many filesets that are imported before."""
    imported = [import_file(client, folder / "two.ome.tif")[0] for _ in range(count)]
    lines = [Line(n, str(fileset), str(folder / "two.zarr")) for n, fileset in enumerate(imported)]
    proof = Proof("sample") if prove else NONE
    options = Options("bench", "external-info", proof, prove, jobs=JOBS)
    session = OmeroSession(client)
    with counted() as calls:
        began = time.perf_counter()
        with owners_for(session, db, None) as owners, threads(options.jobs) as workers:
            run = Run(owners, lines, options, workers, lambda *_: None)
            run.go()
        seconds = time.perf_counter() - began
    assert {outcome.state for outcome in run.outcomes.values()} == {"replaced"}
    return seconds, len(calls)


if __name__ == "__main__":
    sys.exit(main())
