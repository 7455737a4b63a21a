"""`python -m tools.environment`: make .venv with Ice, this package and its tests' packages, all pinned."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

from omero_roz.ice import OWN_WHEEL, SetupError, cache, needs, pip, wheel
from omero_roz.ice.alive import alive

PINS = Path(__file__).with_name("pins.txt")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PACKAGES = Path("lib", f"python{VERSION}", "site-packages")
USED = "used"
DAYS_KEPT = 3
# Measured: 930 MB in the end, and pip's wheels on the way. Busy cores take several times as long.
DISK_MB = 1200
TIME = "about two minutes on two idle cores, one more where Ice has to be compiled"
# Never imported, or compiled to machine code or by venv already.
UNCOMPILED = "/(mypy|mypyc|pip|setuptools|pygments|tests)/"
# Both forms that pip writes; the second where the path has spaces.
COMMAND_START = re.compile(rb"\A(#!/.*python\S*\n|#!/bin/sh\n'''exec' .*\n' '''\n)")


def main() -> int:
    """Make .venv in the working directory; the exit status is 1 when that failed, and why is on stderr."""
    start = time.monotonic()
    try:
        make(Path(".venv"))
    except (SetupError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Set-up: ready after {time.monotonic() - start:.0f} s")
    return 0


def make(folder: Path) -> None:
    """Make the environment `folder` anew, as a copy of the cache's with this package in it, and mark it as ready."""
    if lacking := needs.missing_venv():
        raise SetupError(needs.advice([*lacking, *needs.missing()]))
    has_ice = wheel.importable()
    kept = cache.folder()
    with cache.locked(kept, "environment"):
        model = _model(kept, has_ice)
        venv.create(folder, clear=True, with_pip=False, symlinks=True, system_site_packages=has_ice)
        _copy(model, folder)
    _install(folder, "--no-build-isolation", "--editable", ".")
    (folder / "ready").touch()


def _model(kept: Path, has_ice: bool) -> Path:
    """Return the cache's environment of pinned packages for this Python, made if it is not there yet.

    pip takes half a minute to install what is copied in two seconds, whatever its own cache holds.
    """
    given = [PINS.read_text(), sys.version, sys.base_prefix, str(has_ice), os.environ.get(OWN_WHEEL, "")]
    model = kept / f"{wheel.INTERPRETER}-{hashlib.sha256(repr(given).encode()).hexdigest()[:16]}"
    cache.clear(kept, "environment")
    if not model.is_dir():
        _announce(kept)
        with cache.workplace(kept, "environment") as work:
            _make_model(work / model.name, has_ice)
            cache.keep(work / model.name, kept)
    (model / USED).touch()
    for other in kept.glob(f"{wheel.INTERPRETER}-*"):
        if other != model and _unused(other):
            shutil.rmtree(other)
    return model


def _announce(kept: Path) -> None:
    """Tell what a first set-up takes; SetupError where the disk has less."""
    free = shutil.disk_usage(kept).free
    if free < DISK_MB * 1_000_000:
        what = f"{DISK_MB / 1000:.1f} GB are needed on its disk, and {free / 1e9:.1f} GB are free"
        raise SetupError(f"{kept}: {what}: make room, or set XDG_CACHE_HOME to a folder on another disk")
    print(f"Set-up: first time for Python {VERSION} ({sys.executable})", flush=True)
    print(f"Set-up: takes {DISK_MB / 1000:.1f} GB of disk in {kept}, and {TIME}", flush=True)


def _unused(model: Path) -> bool:
    """Whether no set-up has used it for some time; a clone with other pins may want it."""
    mark = model / USED
    return not mark.exists() or time.time() - mark.stat().st_mtime > DAYS_KEPT * 86400


def _make_model(model: Path, has_ice: bool) -> None:
    venv.create(model, with_pip=True, symlinks=True, system_site_packages=has_ice)
    python = model / "bin" / "python"
    ice = "" if has_ice and not os.environ.get(OWN_WHEEL) else _ice(python)
    print("Set-up: installing the packages", flush=True)
    with alive("Set-up: installing the packages"):
        _install(model, "--requirement", PINS, *([ice] if ice else []))
    # On all cores, where pip takes one; uncompiled, omero's first use warns of its escape sequences.
    options = ["-q", "-j", "0", "-x", UNCOMPILED]
    with alive("Set-up: compiling the packages"):
        subprocess.run([python, "-W", "ignore", "-m", "compileall", *options, model / PACKAGES], capture_output=True)


def _ice(python: Path) -> str:
    """What pip has to install as Ice."""
    done = subprocess.run([python, "-m", "omero_roz.ice"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SetupError("Set-up stopped: there is no Ice for this Python")
    return done.stdout.strip()


def _copy(model: Path, folder: Path) -> None:
    """Copy packages and commands; cp does in two seconds what takes shutil ten.

    On one disk packages are linked, which takes no space: neither pip nor Python ever writes into a file that is there.
    """
    link = ["-l"] if model.stat().st_dev == folder.stat().st_dev else []
    subprocess.run(["cp", "-R", "-p", *link, f"{model / PACKAGES}/.", folder / PACKAGES], check=True)
    python = (folder / "bin" / "python").absolute()
    for command in (model / "bin").iterdir():
        target = folder / "bin" / command.name
        if not target.exists() and not command.is_symlink():
            shutil.copy2(command, target)
            _start_with(python, target)


def _start_with(python: Path, command: Path) -> None:
    """Let a command start with `python`; through sh, because a path with spaces cannot stand in the first line."""
    start = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n".encode()
    command.write_bytes(COMMAND_START.sub(lambda _: start, command.read_bytes()))


def _install(environment: Path, *what: str | Path) -> None:
    """Install nothing but this: the pins name every dependency."""
    if error := pip.run("install", "--no-deps", "--no-compile", *what, python=environment / "bin" / "python"):
        raise SetupError(f"pip cannot install the packages: {error}: check the network and pip's index")


if __name__ == "__main__":
    sys.exit(main())
