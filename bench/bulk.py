"""How fast many filesets are replaced, and how fast every plane is compared.

A thousand filesets of one small image each, among a million other rows: through the whole command's work (planning,
files, batches, records), and in the database alone, whose commits wait for the disk, beside the way it was done before:
one psql and one row-by-row function a fileset. Then `--check all` beside a bare loop that reads and hashes the same
planes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import omero.clients

import omero
from bench.background import fill
from bench.replace import admin
from demo.acquisition import GFP, Shot, write_layout, write_ome_tiff
from demo.omero_client import import_file
from omero_roz import zarrs
from omero_roz.applying import swap
from omero_roz.layout.planes import Planes
from omero_roz.matching import match_fileset
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.planes import plane_readers
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.zarr.stores import Access
from omero_roz.proving.pixels import JOBS, compare
from omero_roz.proving.sampling import Everything
from omero_roz.replace.bulk import Run
from omero_roz.replace.bulk_plan import Options
from omero_roz.replace.bulk_table import Line
from omero_roz.replace.owners import owners_for
from omero_roz.replace.proof import NONE, Proof
from omero_roz.replace.workers import threads
from omero_sandbox.database import postgres
from omero_sandbox.sandbox import Access as SandboxAccess
from omero_sandbox.sandbox import OmeroSandbox

COUNT, FIRST, BASELINE = 1000, 5_000_000, 50
MOST_SECONDS = 60
SMALL = Shot("small", (1, 1, 1, 32, 32), "uint8", (GFP,))
LARGE = Shot("large", (4, 2, 8, 1024, 1024), "uint16", (GFP, GFP))
PATHS = [
    ".zgroup",
    ".zattrs",
    "OME/.zgroup",
    "OME/.zattrs",
    "OME/METADATA.ome.xml",
    "0/.zgroup",
    "0/.zattrs",
    "0/0/.zarray",
]


def main() -> int:
    """Measure, and print; 1 where something is over its limit."""
    with (
        tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as folder,
        mock.patch.dict(postgres.OPTIONS, fsync="on", full_page_writes="on"),  # as a server that must not lose data
        OmeroSandbox() as sandbox,
    ):
        with admin(sandbox.dsn) as cursor:
            print(f"a million other rows made in {fill(cursor):.0f} s")
            cursor.execute((Path(__file__).parent / "baseline.sql").read_text())
        client = omero.client(sandbox.host, sandbox.ssl_port)
        client.createSession("root", sandbox.root_password)
        try:
            good = [filesets(sandbox, client, Path(folder)), planes(client, Path(folder))]
        finally:
            client.closeSession()
    return 0 if all(good) else 1


def filesets(sandbox: SandboxAccess, client: omero.clients.BaseClient, folder: Path) -> bool:
    """A thousand small ones, without and with comparing planes, against the baseline."""
    write_ome_tiff(folder / "small.ome.tif", [SMALL])
    write_layout(folder / "small.zarr", [SMALL])
    for number in range(COUNT):
        shutil.copytree(folder / "small.zarr", folder / "many" / f"{number}.zarr")
    model, _ = import_file(client, folder / "small.ome.tif")
    session = OmeroSession(client)
    slow = False
    print(f"\n{COUNT} filesets of one small image, external-info, batches of 100")
    for part, (proof, probe) in enumerate(((NONE, False), (Proof("sample"), True))):
        first = FIRST + part * 10_000
        multiply(sandbox.dsn, model, first)
        lines = [Line(n, str(first + n), str(folder / "many" / f"{n}.zarr")) for n in range(COUNT)]
        options = Options("bench", "external-info", proof, probe, jobs=2 * JOBS)
        repository = str(sandbox.managed_repository)
        with (
            owners_for(session, sandbox.dsn, repository) as owners,
            threads(options.jobs) as workers,
            timed_swaps() as spent,
        ):
            run = Run(owners, lines, options, workers, lambda *_: None)
            began = time.perf_counter()
            run.go()
            taken = time.perf_counter() - began
        assert {outcome.state for outcome in run.outcomes.values()} == {"replaced"}
        told = "planes compared before and after" if probe else "no planes compared"
        print(f"  {told:34s} {taken:6.1f} s together   (goal: at most {MOST_SECONDS} s; load {os.getloadavg()[0]:.1f})")
        print(f"    in the database {1000 * sum(spent) / COUNT:21.2f} ms each   (goal: at most 3)")
        ours = sum(spent) / COUNT
        slow |= 1000 * ours > 3 or taken > MOST_SECONDS
    multiply(sandbox.dsn, model, FIRST + 90_000)
    old = baseline(sandbox.dsn, FIRST + 90_000)
    times = old / ours
    print(f"  baseline, one psql each       {1000 * old:11.2f} ms each, {times:.1f} times as long (goal: at least 20)")
    return not slow and times >= 20


def multiply(dsn: str, model: int, first: int, count: int = COUNT) -> None:
    """Filesets with the image, pixels and channel of one that was imported."""
    with admin(dsn) as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table, parent in (("fileset", "id"), ("image", "fileset"), ("pixels", "image"), ("channel", "pixels")):
            cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,))
            names = [name for (name,) in cursor.fetchall()]
            values = ", ".join("n" if name in ("id", parent) else f"t.{name}" for name in names)
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {values}"
                f" FROM {table} AS t, generate_series(%s::bigint, %s::bigint) AS n WHERE t.{parent} = %s",
                (first, first + count - 1, model),
            )
            cursor.execute(f"SELECT id FROM {table} WHERE {parent} = %s", (model,))
            [model] = cursor.fetchone()
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("ANALYZE fileset, image, pixels, channel")


@contextmanager
def timed_swaps() -> Iterator[list[float]]:
    """The seconds that each transaction of a batch takes."""
    spent: list[float] = []
    apply = swap.apply

    def timed(*args: Any) -> Any:
        began = time.perf_counter()
        result = apply(*args)
        spent.append(time.perf_counter() - began)
        return result

    with mock.patch.object(swap, "apply", timed):
        yield spent


def baseline(dsn: str, first: int) -> float:
    """The seconds that a fileset took before: a psql each; every metadata file row by row, then the pixels."""
    paths = "{" + ",".join(PATHS) + "}"
    script = (
        "SELECT coalesce((SELECT uuid FROM node WHERE down IS NULL LIMIT 1), '') AS secret \\gset\n"
        f"SELECT bench_replace(:old, 'new/' || :old || '/', :'secret', '{paths}') AS made \\gset\n"
        "UPDATE pixels SET path = 'new', name = '.zattrs' WHERE image IN"
        " (SELECT id FROM image WHERE fileset = :made);\n"
    )
    psql = [str(postgres.program("psql")), "-qX", "-v", "ON_ERROR_STOP=1", "-d", dsn]
    began = time.perf_counter()
    for number in range(BASELINE):
        subprocess.run([*psql, "-v", f"old={first + number}"], input=script, text=True, check=True)
    return (time.perf_counter() - began) / BASELINE


def planes(client: omero.clients.BaseClient, folder: Path) -> bool:
    """`--check all` of one image against a bare loop with as many threads."""
    write_ome_tiff(folder / "large.ome.tif", [LARGE])
    write_layout(folder / "large.zarr", [LARGE])
    fileset, _ = import_file(client, folder / "large.ome.tif")
    session, read = OmeroSession(client), zarrs.read(str(folder / "large.zarr"), Access())
    pairs = match_fileset(Filesets(session).get(fileset), read.layout)
    ours, bare = [], []
    for _ in range(3):
        began = time.perf_counter()
        with plane_readers(session, session.who.group_id) as readers:
            checked = compare(readers, read.store, pairs, Everything(), lambda *_: None)
        ours.append(time.perf_counter() - began)
        assert not checked.problems
        began = time.perf_counter()
        bare_loop(session, read, pairs)
        bare.append(time.perf_counter() - began)
    mine, least = min(ours), min(bare)
    print(f"\n--check all, {checked.planes} planes of 1024 x 1024, {JOBS} threads, best of 3")
    print(f"  bare loop  {least:6.2f} s")
    print(f"  omero-roz  {mine:6.2f} s, {100 * least / mine:.0f} % of its rate (goal: at least 70 %)")
    return least / mine >= 0.7


def bare_loop(session: OmeroSession, read: zarrs.Zarr, pairs: Any) -> None:
    """Read the same planes through OMERO and from the Zarr, and hash both."""
    [pair] = pairs
    t, c, z, _, _ = LARGE.shape
    every = [(k, j, i) for i in range(t) for j in range(c) for k in range(z)]

    def part(number: int) -> None:
        expected = Planes(read.store, pair.series)
        with plane_readers(session, session.who.group_id) as readers, readers.of(pair.image) as reader:
            for place in every[number::JOBS]:
                for plane in (reader.read(*place), expected.read(*place)):
                    hashlib.sha1(plane.data, usedforsecurity=False)

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(part, range(JOBS)))


if __name__ == "__main__":
    sys.exit(main())
