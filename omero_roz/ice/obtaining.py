"""Where a wheel of Ice comes from: the user, the cache, pip's index, or a compiler."""

import os
import sys
import time
from pathlib import Path

from omero_roz.ice import OWN_WHEEL, VERSION, SetupError, build, cache, needs, pip, source, wheel

BUILD_SECONDS = 100  # on one core of 2023
PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


def requirement() -> str:
    """Return what pip has to install: nothing new where the right Ice is installed, and pip can see it."""
    if not os.environ.get(OWN_WHEEL) and wheel.installed():
        return f"zeroc-ice=={VERSION}"
    return str(obtain())


def obtain() -> Path:
    """Return a wheel: the user's, the cache's, one that pip finds or a new one."""
    if own := os.environ.get(OWN_WHEEL):
        return _own(Path(own))
    kept = cache.folder()
    if found := wheel.find(kept):
        return found
    with cache.locked(kept, "ice"):
        return wheel.find(kept) or _find_with_pip(kept) or _build(kept)


def _own(path: Path) -> Path:
    if not wheel.works(path):
        raise SetupError(f"{OWN_WHEEL}={path}: no Ice {VERSION} that {PYTHON} can load: unset it, or name another")
    return path.resolve()


def _find_with_pip(kept: Path) -> Path | None:
    with cache.workplace(kept, "ice") as folder:
        pip.run("download", "--no-deps", "--only-binary", ":all:", "--dest", folder, f"zeroc-ice=={VERSION}")
        found = wheel.find(folder)
        return cache.keep(found, kept) if found else None


def _build(kept: Path) -> Path:
    if lacking := needs.missing():
        raise SetupError(needs.advice(lacking))
    command = needs.compiler()
    assert command is not None, "needs.missing() names a missing compiler"
    start = time.monotonic()
    with cache.workplace(kept, "ice") as folder:
        _say(f"fetching the sources of {VERSION}, for which there is no wheel")
        root = source.fetch(folder)
        source.patch(root)
        seconds = BUILD_SECONDS // build.cores() + 5
        _say(f"compiling for {PYTHON} on {build.cores()} cores, once for this user: about {seconds} s if they are idle")
        finished = folder / wheel.NAME
        wheel.pack(root, build.extension(root, command), finished)
        if not wheel.works(finished):
            raise SetupError(f"Ice was built, but {PYTHON} cannot load it: try another compiler with CXX=...")
        _say(f"built in {time.monotonic() - start:.0f} s, kept in {kept}")
        return cache.keep(finished, kept)


def _say(line: str) -> None:
    print(f"Ice: {line}", file=sys.stderr, flush=True)

