"""The user's cache of wheels: written whole or not at all, by one process at a time."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.ice import IceError, wheel

BUILDS = "build-"


def folder() -> Path:
    """Return the cache's folder, made if need be: $XDG_CACHE_HOME/omero-roz, or ~/.cache/omero-roz."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "omero-roz")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IceError(f"{path}: cannot be made ({error.strerror}): set XDG_CACHE_HOME to a folder that you may write to") from None
    return path


def find(path: Path) -> Path | None:
    """Return a wheel in `path` that this Python can load."""
    return next((found for found in sorted(path.glob(wheel.FITTING)) if wheel.works(found)), None)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the cache for this process alone; another one waits, and goes on too when this one is killed."""
    with (path / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Ice: another set-up is at it, waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def workplace(path: Path) -> Iterator[Path]:
    """Give an empty folder on the cache's disk, and take away those that killed builds left; only under the lock."""
    for left in path.glob(f"{BUILDS}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=BUILDS, dir=path) as temporary:
        yield Path(temporary)


def keep(finished: Path, path: Path) -> Path:
    """Move a finished wheel from a workplace into the cache, in one step."""
    target = path / finished.name
    os.replace(finished, target)
    return target
