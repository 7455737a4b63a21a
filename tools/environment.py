"""`python -m tools.environment`: make .venv with Ice, this package and what its tests need, at pinned versions."""

import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

from tools.ice import needs, wheel

FOLDER = Path(".venv")
PYTHON = FOLDER / "bin" / "python"
READY = FOLDER / "ready"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Make the environment; the exit status is 1 when something is missing, which was said then."""
    if lacking := needs.missing_venv():
        print(needs.advice([*lacking, *needs.missing()]), file=sys.stderr)
        return 1
    start = time.monotonic()
    if not _usable():
        _say(f"making {FOLDER} with Python {VERSION} ({sys.executable})")
        venv.create(FOLDER, clear=True, with_pip=True, symlinks=True, system_site_packages=wheel.importable())
    ice = subprocess.run([PYTHON, "-m", "tools.ice"], stdout=subprocess.PIPE, text=True)
    if ice.returncode:
        return 1
    _say("installing the packages")
    if not _install(ice.stdout.split("\n")[:-1]):
        return 1
    READY.touch()
    _say(f"ready after {time.monotonic() - start:.0f} s")
    return 0


def _usable() -> bool:
    """Say whether a whole environment of this Python's version is there already."""
    test = f"import pip, sys; raise SystemExit('%d.%d' % sys.version_info[:2] != {VERSION!r})"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", test], capture_output=True).returncode == 0


def _install(ice: Sequence[str]) -> bool:
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pins = ["--constraint", "tools/constraints.txt"]
    return subprocess.run([*command, *pins, *ice, "--editable", ".[test,lint]"]).returncode == 0


def _say(line: str) -> None:
    print(f"Set-up: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
