"""Put what was built into a wheel, and try whether a wheel works."""

import base64
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from omero_roz.ice import VERSION

INTERPRETER = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAG = f"{INTERPRETER}-{INTERPRETER}-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
NAME = f"zeroc_ice-{VERSION}-{TAG}.whl"
FITTING = f"zeroc_ice-{VERSION}-*{INTERPRETER}-{INTERPRETER}-*.whl"
INFO = f"zeroc_ice-{VERSION}.dist-info"
CONSOLE_SCRIPTS = "[console_scripts]\nslice2py = slice2py:main\n"


def pack(root: Path, module: Path, target: Path) -> None:
    """Write the wheel `target`: the Python part below `root`/lib, the extension module and the licences."""
    records = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _members(root, module):
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            records.append(f"{name},sha256={digest},{len(content)}\n")
            archive.writestr(name, content)
        archive.writestr(f"{INFO}/RECORD", "".join([*records, f"{INFO}/RECORD,,\n"]))


def _members(root: Path, module: Path) -> Iterator[tuple[str, bytes]]:
    library = root / "lib"
    for path in sorted(p for p in library.rglob("*") if p.is_file() and p.suffix in (".py", ".ice")):
        yield path.relative_to(library).as_posix(), path.read_bytes()
    yield module.name, module.read_bytes()
    for path in sorted(root.glob("*LICENSE")):
        yield f"{INFO}/licenses/{path.name}", path.read_bytes()
    yield f"{INFO}/METADATA", (root / "PKG-INFO").read_bytes()
    yield f"{INFO}/entry_points.txt", CONSOLE_SCRIPTS.encode()
    about = f"Wheel-Version: 1.0\nGenerator: omero-roz\nRoot-Is-Purelib: false\nTag: {TAG}\n"
    yield f"{INFO}/WHEEL", about.encode()


def find(folder: Path) -> Path | None:
    """Return a wheel in `folder` that this Python can load."""
    return next((found for found in sorted(folder.glob(FITTING)) if works(found)), None)


def works(wheel: Path) -> bool:
    """Say whether this Python can load the right Ice from `wheel`: the libraries it was built with may be gone."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        except (OSError, zipfile.BadZipFile):
            return False
        return importable({**os.environ, "PYTHONPATH": folder})


def installed() -> bool:
    """Say whether the right Ice is installed here, as pip sees it, and can be loaded."""
    try:
        return importlib.metadata.version("zeroc-ice") == VERSION and importable()
    except importlib.metadata.PackageNotFoundError:
        return False


def importable(environment: dict[str, str] | None = None) -> bool:
    """Say whether this Python finds the right Ice by itself, or with what `environment` gives it."""
    test = f"import Ice; raise SystemExit(Ice.stringVersion() != {VERSION!r})"
    return subprocess.run([sys.executable, "-c", test], env=environment, capture_output=True).returncode == 0
