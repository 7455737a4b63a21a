"""The user's cache: each entry is written whole or not at all, by one process at a time for entries of a kind."""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omero_roz.ice import SetupError


def folder() -> Path:
    """Return the cache's folder, made if need be: $XDG_CACHE_HOME/omero-roz, or ~/.cache/omero-roz."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser(), "omero-roz")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}: set XDG_CACHE_HOME to a folder of yours") from None
    return path


@contextmanager
def locked(path: Path, kind: str) -> Iterator[None]:
    """Hold one kind of entries for this process; another one waits, and goes on too when this one is killed."""
    with (path / f"{kind}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Set-up: another set-up is filling the cache, waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def clear(path: Path, kind: str) -> None:
    """Remove what killed runs have left; only under the lock."""
    for left in path.glob(f"{kind}-work-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def workplace(path: Path, kind: str) -> Iterator[Path]:
    """Give an empty folder on the cache's disk and clear those that killed runs left; only under the lock."""
    clear(path, kind)
    with tempfile.TemporaryDirectory(prefix=f"{kind}-work-", dir=path) as temporary:
        yield Path(temporary)


def keep(finished: Path, path: Path) -> Path:
    """Move a finished file or folder from a workplace into the cache, in one step."""
    target = path / finished.name
    os.replace(finished, target)
    return target
