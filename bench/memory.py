"""How much memory a bulk run takes, by the number of its lines: each run is a process of its own.

A hundred and a thousand lines are replaced; ten thousand are planned (a dry run), which is what memory could grow by:
all that a swap has in memory is one batch.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import omero.clients

import omero
from bench.bulk import FIRST, SMALL, multiply
from demo.acquisition import write_layout, write_ome_tiff
from demo.omero_client import import_file
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.replace.bulk import Run
from omero_roz.replace.bulk_plan import Options
from omero_roz.replace.bulk_table import Line
from omero_roz.replace.owners import owners_for
from omero_roz.replace.proof import NONE
from omero_roz.replace.workers import threads
from omero_sandbox.sandbox import OmeroSandbox

SIZES = (100, 1_000, 10_000)
MOST_GROWTH = 100  # MiB from the first to the last


def main() -> int:
    """Measure, and print; 1 where memory grows more than it may."""
    with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as name, OmeroSandbox() as sandbox:
        folder = Path(name)
        write_ome_tiff(folder / "small.ome.tif", [SMALL])
        write_layout(folder / "small.zarr", [SMALL])
        client = omero.client(sandbox.host, sandbox.ssl_port)
        client.createSession("root", sandbox.root_password)
        model, _ = import_file(client, folder / "small.ome.tif")
        print("\nmemory of a bulk run of small filesets, by the lines of its table")
        found = []
        for part, size in enumerate(SIZES):
            first = FIRST + part * 100_000
            multiply(sandbox.dsn, model, first, size)
            place = (sandbox.host, str(sandbox.ssl_port), sandbox.dsn, str(sandbox.managed_repository))
            command = [sys.executable, "-m", "bench.memory", *place, str(folder / "small.zarr"), str(first), str(size)]
            key = os.environ | {"BENCH_SESSION": client.getSessionId()}
            done = subprocess.run(command, env=key, capture_output=True, text=True, check=True)
            found.append(int(done.stdout.split()[-1]) // 1024)
            print(f"  {size:6d} lines {found[-1]:6d} MiB" + ("   (planned only)" if size == SIZES[-1] else ""))
        client.closeSession()
    print(f"  from the first to the last {found[-1] - found[0]} MiB more   (goal: at most {MOST_GROWTH})")
    return 0 if found[-1] - found[0] <= MOST_GROWTH else 1


def one(host: str, port: str, dsn: str, repository: str, zarr: str, first: str, size: str) -> None:
    """Run a table of lines, and print the most kibibytes that this process had."""
    client = omero.client(host, int(port))
    client.joinSession(os.environ["BENCH_SESSION"])
    client.getSession().detachOnDestroy()
    lines = [Line(n, str(int(first) + n), zarr) for n in range(int(size))]
    options = Options("bench", "external-info", NONE, False, dry_run=int(size) == SIZES[-1])
    with owners_for(OmeroSession(client), dsn, repository) as owners, threads(options.jobs) as workers:
        run = Run(owners, lines, options, workers, lambda *_: None)
        run.go()
    assert {outcome.state for outcome in run.outcomes.values()} <= {"replaced", "planned"}
    # Not ru_maxrss, which a process inherits from the one that started it.
    [peak] = [text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM:")]
    print(peak.split()[1])


if __name__ == "__main__":
    sys.exit(one(*sys.argv[1:]) if len(sys.argv) > 1 else main())
