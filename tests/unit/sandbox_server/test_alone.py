"""The sandbox without the rest of this repository, and how little its start imports."""

import subprocess
import sys

IMPORT_ALL = """
import importlib, pkgutil, sys
import omero_sandbox
for module in pkgutil.walk_packages(omero_sandbox.__path__, "omero_sandbox."):
    if module.name != "omero_sandbox.web.settings":  # OMERO.web's own process reads it, with an OMERODIR
        importlib.import_module(module.name)
print(*sorted(sys.modules))
"""
START = """
import importlib, pkgutil, sys
from omero_sandbox import server, services
for module in pkgutil.iter_modules(services.__path__):
    importlib.import_module("omero_sandbox.services." + module.name)
for name in server.COMMANDS:
    importlib.import_module(name)
print(*sorted(sys.modules))
"""


def imported(script: str) -> set[str]:
    """Names of the packages that a script imports, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_every_module_without_omero_roz() -> None:
    packages = imported(IMPORT_ALL)
    assert {"omero_sandbox", "ome_graph"} <= packages
    assert packages.isdisjoint({"omero_roz", "demo", "tests", "tools", "bench", "pytest"})


def test_start_imports_no_reader_of_zarr_and_no_ome_types() -> None:
    assert imported(START).isdisjoint({"zarr", "s3fs", "aiobotocore", "botocore", "aiohttp", "ome_types", "pydantic"})
