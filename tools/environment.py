"""`python -m tools.environment`: make .venv with Ice, this package and its tests' packages, all pinned."""

import hashlib
import subprocess
import sys
import time
import venv
from pathlib import Path

from tools import SetupError, cache, pip
from tools.ice import needs, wheel

# Never imported, or compiled to machine code or by venv already.
UNCOMPILED = "/(mypy|mypyc|pip|setuptools|pygments|tests)/"
PINS = Path(__file__).with_name("pins.txt")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Make .venv in the working directory; the exit status is 1 when that failed, and why is on stderr."""
    start = time.monotonic()
    try:
        make(Path(".venv"))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    _say(f"ready after {time.monotonic() - start:.0f} s")
    return 0


def make(folder: Path) -> None:
    """Make the environment `folder`, or go on with one that an earlier run left, and mark it as ready."""
    if lacking := needs.missing_venv():
        raise SetupError(needs.advice([*lacking, *needs.missing()]))
    python = folder / "bin" / "python"
    if not _usable(python):
        _say(f"making {folder} with Python {VERSION} ({sys.executable})")
        venv.create(folder, clear=True, with_pip=True, symlinks=True, system_site_packages=wheel.importable())
    ice = _ice(python)
    wheels = _wheels(python)
    _say("installing")
    _install(python, "--no-index", "--find-links", wheels, "--requirement", PINS, *ice)
    _install(python, "--no-build-isolation", "--editable", ".")
    _compile(python)
    (folder / "ready").touch()


def _usable(python: Path) -> bool:
    """Say whether `python` is a whole environment's, of the version that runs this."""
    test = f"import pip, sys; raise SystemExit('%d.%d' % sys.version_info[:2] != {VERSION!r})"
    return python.exists() and subprocess.run([python, "-c", test], capture_output=True).returncode == 0


def _ice(python: Path) -> list[str]:
    """Return the wheel of Ice, or nothing when the environment has Ice already."""
    found = subprocess.run([python, "-m", "tools.ice"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        raise SetupError("Set-up stopped: there is no Ice for this Python")
    return found.stdout.splitlines()


def _wheels(python: Path) -> Path:
    """Return the folder of all pinned wheels in the cache, filled by pip if it is not there yet.

    pip's own cache keeps the files as well, but asks the index for each again: that takes half a minute.
    """
    kept = cache.folder()
    name = f"{wheel.INTERPRETER}-{hashlib.sha256(PINS.read_bytes()).hexdigest()[:16]}"
    with cache.locked(kept):
        if not (kept / name).is_dir():
            _say("fetching the packages")
            with cache.workplace(kept) as folder:
                what: list[str | Path] = ["--no-deps", "--requirement", PINS, "--wheel-dir", folder / name]
                if error := pip.run("wheel", *what, python=python):
                    raise SetupError(f"pip cannot fetch the packages: {error}: check the network and pip's index")
                return cache.keep(folder / name, kept)
    return kept / name


def _install(python: Path, *what: str | Path) -> None:
    """Install nothing but this: the pins name every dependency."""
    if error := pip.run("install", "--no-deps", "--no-compile", *what, python=python):
        raise SetupError(f"pip cannot install into {python.parents[1]}: {error}: try again after make clean")


def _compile(python: Path) -> None:
    """Compile all on all cores, where pip takes one; without it, omero's first use warns of its escape sequences."""
    packages = python.parents[1] / "lib" / f"python{VERSION}" / "site-packages"
    options = ["-q", "-j", "0", "-x", UNCOMPILED]
    subprocess.run([python, "-W", "ignore", "-m", "compileall", *options, packages], capture_output=True)


def _say(line: str) -> None:
    print(f"Set-up: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
