"""`python -m tools.ice`: print the path of a zeroc-ice wheel for this Python, built if there is none yet.

Prints nothing when Ice is importable already. Progress and errors go to stderr; the exit status after an error is 1.
"""

import os
import sys
import time
from pathlib import Path

from tools import SetupError, cache, pip
from tools.ice import OWN_WHEEL, VERSION, build, needs, source, wheel

BUILD_SECONDS = 100  # on one core of 2023
PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Find or build, and print."""
    try:
        if path := obtain():
            print(path)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def obtain() -> Path | None:
    """Return a wheel: the user's, the cache's, one that pip finds or a new one; None when Ice is there already."""
    if own := os.environ.get(OWN_WHEEL):
        return _own(Path(own))
    if wheel.importable():
        return None
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


if __name__ == "__main__":
    sys.exit(main())
