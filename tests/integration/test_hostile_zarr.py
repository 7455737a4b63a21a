"""What the author of a Zarr puts into it harms nobody who reads it: one line says what is wrong, by whatever verb."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from numcodecs import Blosc

from tests.support.replacing import Replacing
from tests.support.servers import Omero

CHUNK = "0/0/0/0/0/0/0"
Make = Callable[[Path], object]


@pytest.fixture
def zarr(acquisition: Path, tmp_path: Path) -> Path:
    """The demo's Zarr, in a directory beside which there is something private."""
    (tmp_path / "private").write_bytes(bytes(64))
    return Path(shutil.copytree(acquisition / "v2.zarr", tmp_path / "study" / "x.zarr"))


def link(target: str) -> Make:
    return lambda chunk: chunk.symlink_to(target)


def inflating(chunk: Path) -> None:
    chunk.write_bytes(Blosc().encode(bytes(1 << 20)))


HOSTILE: dict[str, tuple[Make, str]] = {
    "a private file": (link("../" * 8 + "private"), "a symbolic link leads out of the layout"),
    "a device": (link("/dev/zero"), "a symbolic link leads out of the layout"),
    "a loop": (link("0"), "a symbolic link leads to nothing"),
    "a pipe": (os.mkfifo, "it is no regular file"),
    "a bomb": (inflating, "it holds more than the "),
}


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest, zarr: Path) -> tuple[Path, str]:
    make, told = HOSTILE[request.param]
    (zarr / CHUNK).unlink()
    make(zarr / CHUNK)
    return zarr, told


def check(code: int, err: str, zarr: Path, told: str, started: float) -> None:
    assert code == 1
    [line] = [line for line in err.splitlines() if f"{zarr}/{CHUNK}" in line]
    assert told in line
    assert "Traceback" not in err
    assert time.monotonic() - started < 60


def test_an_import(omero_cli: Omero, hostile: tuple[Path, str]) -> None:
    started = time.monotonic()
    result = omero_cli("roz", "import", str(hostile[0]))
    check(result.code, result.err, *hostile, started)


@pytest.mark.parametrize("binding", ["api", "zarr-reader"])
def test_a_replacement(replacing: Replacing, hostile: tuple[Path, str], binding: str) -> None:
    started = time.monotonic()
    result = replacing.run(hostile[0], binding)
    told = "a symbolic link leads out of the" if "leads out" in hostile[1] else hostile[1]
    if binding == "zarr-reader" and hostile[1] == HOSTILE["a loop"][1]:
        told = "a symbolic link leads"  # wherever: it is refused before anything is read
    check(result.code, result.err, hostile[0], told, started)
    assert replacing.filesets() == {replacing.fileset}


def test_a_verification(omero_cli: Omero, zarr: Path) -> None:
    result = omero_cli("roz", "import", str(zarr), "--json")
    assert result.code == 0, result.err
    fileset = json.loads(result.out)[0]["fileset"]
    for make, told in HOSTILE.values():
        (zarr / CHUNK).unlink()
        make(zarr / CHUNK)
        started = time.monotonic()
        found = omero_cli("roz", "verify", f"Fileset:{fileset}", "--json")
        [bad] = [one for one in json.loads(found.out)["images"] if not one["ok"]]
        check(found.code, "\n".join(bad["problems"]), zarr, told, started)


@pytest.mark.parametrize("binding", ["api", "zarr-reader"])
def test_links_into_a_directory_that_the_user_names(replacing: Replacing, zarr: Path, binding: str) -> None:
    """Chunks that lie on another disk are ordinary, if it is the user who says so."""
    elsewhere = zarr.parents[1] / "elsewhere"
    shutil.move(zarr / "0" / "0" / "0", elsewhere / "0")
    (zarr / "0" / "0" / "0").symlink_to(elsewhere / "0")
    refused = replacing.run(zarr, binding)
    assert refused.code == 1 and "a symbolic link leads out" in refused.err and "--follow-links" in refused.err
    wrong = replacing.run(zarr, binding, "--follow-links", str(zarr.parents[1] / "nowhere"))
    assert wrong.code == 2 and "no such directory" in wrong.err
    planes = replacing.planes()
    replacing.replaced(zarr, binding, "--follow-links", str(elsewhere))
    assert replacing.planes() == planes


def test_a_locale_without_any_letter(zarr: Path) -> None:
    """As cron jobs have it: what cannot be shown is shown escaped."""
    (zarr / ".zattrs").unlink()
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    program = "import sys; from omero.cli import CLI; c = CLI(); c.loadplugins(); c.invoke(sys.argv[1:]); exit(c.rv)"
    command = [sys.executable, "-c", program, "roz", "inspect", str(zarr)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr and "Zelle \\u03b1" in result.stdout


@pytest.mark.parametrize("document", [".zattrs", "OME/METADATA.ome.xml", "1/.zattrs"])
@pytest.mark.parametrize("make", [link("/dev/zero"), link("../private"), os.mkfifo], ids=["device", "link", "pipe"])
def test_metadata(omero_cli: Omero, zarr: Path, document: str, make: Make) -> None:
    (zarr / document).unlink()
    make(zarr / document)
    result = omero_cli("roz", "inspect", str(zarr))
    assert result.code == 1 and "Traceback" not in result.err
    assert document.split("/")[0] in result.out + result.err
