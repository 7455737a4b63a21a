"""A command starts at once: it imports what it needs, when it needs it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.omero_client import Account, import_file
from tests.support.servers import Server

# Each takes a tenth of a second to more than a second; what only a table, a bucket, a pixel or an OME-XML needs.
HEAVY = {"ome_types", "ome_graph", "pydantic", "zarr", "numcodecs", "dask", "distributed", "aiohttp", "fsspec",
         "botocore", "psycopg2", "rich", "lxml"}  # fmt: skip
MODEL = {"ome_types", "ome_graph", "pydantic", "lxml"}


@dataclass(frozen=True)
class Case:
    """A command, its exit code, which heavy packages it may import, and how many modules at most."""

    command: str
    may: frozenset[str] = frozenset()
    most: int = 250
    code: int = 0
    needs_omero: bool = True


CASES = {
    "inspect as JSON": Case("inspect {zarr} --json", most=60, needs_omero=False),
    "inspect": Case("inspect {zarr}", frozenset({"rich"}), most=120, needs_omero=False),
    "inspect what is not there": Case("inspect {zarr}/nothing", most=60, code=1, needs_omero=False),
    "annotate": Case("annotate {zarr} --dry-run", most=60, needs_omero=False),
    "status": Case("status Image:{image} --json"),
    "rollback": Case("rollback Fileset:{fileset}", code=1),
    "cleanup": Case("cleanup Fileset:{fileset} --dry-run", code=1),
    "verify": Case("verify Image:{image} --json", code=1),
    "completeness": Case("completeness Image:{image} Image:{image} --json"),
    "scripts": Case("scripts list --json"),
    "replace-fileset": Case("replace-fileset Fileset:{fileset} {zarr} --dry-run --check none --json"),
    "import": Case("import {zarr} --dry-run --json", frozenset(MODEL), most=700),
}


@pytest.fixture(scope="module")
def started(server: Server, curator: Account, acquisition: Path) -> dict[str, tuple[int, list[str], str]]:
    with server.client(curator.name, curator.password) as client:
        fileset, images = import_file(client, acquisition / "acquisition.ome.tif")
        login = ["-s", server.host, "-p", str(server.port), "-k", client.getSessionId()]
        values = {"zarr": acquisition / "v2.zarr", "fileset": fileset, "image": images[0]}
        commands = [
            ["roz", *(part.format(**values) for part in case.command.split()), *(login if case.needs_omero else [])]
            for case in CASES.values()
        ]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.support.started"],
            cwd=Path(__file__).parents[2], input=json.dumps(commands), capture_output=True, text=True,
            env={**os.environ, "OMERO_USERDIR": str(acquisition.parent / "user")},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout[done.stdout.index("[[") :]), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_imported_before_it_is_needed(
    started: dict[str, tuple[int, list[str], str]], name: str
) -> None:
    case, (code, modules, said) = CASES[name], started[name]
    assert code == case.code, said
    packages = {module.partition(".")[0] for module in modules}
    assert packages & HEAVY <= case.may
    assert len(modules) <= case.most, modules
