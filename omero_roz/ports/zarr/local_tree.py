"""Zarrs on disk."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from zarr.abc.store import Store as ZarrStore
from zarr.storage import LocalStore

from omero_roz.errors import Refused, Unreachable
from omero_roz.layout.store import CHANGED, LEADS_OUT, NO_RIGHT, NOT_FOUND, Absent
from omero_roz.ports import own_files
from omero_roz.ports.zarr.guard import Guard, NotAllowed, inside, links_out
from omero_roz.ports.zarr.guarded_files import GuardedFiles, opened_inside

_TRIAL = 32  # files read one by one to see how fast the file system is
_SLOW = 0.0005  # seconds a file: a network file system, or a disk that seeks
_THREADS = 64
_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO}


def open_tree(path: Path, guard: Guard | None = None) -> LocalTree:
    """The directory at a path; raises Unreachable where there is none.

    With a guard it raises NotAllowed for what is not allowed, and for a tree with any link that leads out of it: the
    server would follow that later, whatever is read of it now.
    """
    root = Path(os.path.realpath(path))
    if guard is not None:
        guard.directory(str(path))
        guard.directory(str(root))
    if not root.is_dir():
        what = "this is a file, not a directory" if root.exists() else "no such directory"
        raise Unreachable(what, str(path), "check the path")
    for link in links_out(str(root)) if guard is not None else ():
        raise NotAllowed(LEADS_OUT.why, link, LEADS_OUT.fix)
    return LocalTree(root, guard)


@dataclass(frozen=True, slots=True)
class LocalTree:
    """A directory on disk; `root` is resolved, and no link is followed out of it.

    With a guard each file is looked at again once it is open, for somebody may put a link in its place meanwhile.
    """

    root: Path
    guard: Guard | None = None
    _inside: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def uri(self) -> str:
        return str(self.root)

    @property
    def bucket(self) -> None:
        return None

    def get_many(self, paths: Sequence[str]) -> list[bytes | Absent]:
        started = time.perf_counter()
        trial = [self._get(path) for path in paths[:_TRIAL]]
        rest = paths[_TRIAL:]
        if (time.perf_counter() - started) / _TRIAL < _SLOW:  # threads double the time where nothing waits
            return trial + [self._get(path) for path in rest]
        with ThreadPoolExecutor(_THREADS) as pool:
            return trial + list(pool.map(self._get, rest))

    def put(self, path: str, content: bytes, instead_of: bytes | None) -> None:
        full = Path(f"{self.root}/{path}")
        if full.is_symlink() or not self._is_inside(str(full.parent)):
            raise Refused("it is a symbolic link, which is not written through", str(full), "put a copy in its place")
        if self._get(path) != (NOT_FOUND if instead_of is None else instead_of):
            raise Refused(CHANGED[0], str(full), CHANGED[1])
        try:
            own_files.put(full, content)
        except OSError as error:
            raise Refused(f"it cannot be written ({error.strerror})", str(full), "check who may write there") from error

    def _get(self, path: str) -> bytes | Absent:
        full = f"{self.root}/{path}"
        if not self._is_inside(os.path.dirname(full)):
            return LEADS_OUT
        try:
            return self._read(full, os.O_NOFOLLOW)
        except OSError as error:
            if error.errno != errno.ELOOP:
                return _absent(error, full)
        if not self._resolves_inside(full):
            return LEADS_OUT
        try:
            return self._read(full)
        except OSError as error:
            return _absent(error, full)

    def _read(self, path: str, flags: int = 0) -> bytes:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
        try:
            if self.guard is not None and not opened_inside(descriptor, str(self.root)):
                raise FileNotFoundError(errno.ENOENT, LEADS_OUT.why, path)
            return _content(descriptor, path)
        finally:
            os.close(descriptor)

    def _is_inside(self, directory: str) -> bool:
        """Whether a directory is the root or below it, links resolved; each is looked at once."""
        if len(directory) <= len(str(self.root)):
            return True
        known = self._inside.get(directory)
        if known is None:
            parent_inside = self._is_inside(os.path.dirname(directory))
            known = parent_inside and (not os.path.islink(directory) or self._resolves_inside(directory))
            self._inside[directory] = known
        return known

    def _resolves_inside(self, path: str) -> bool:
        return inside(os.path.realpath(path), str(self.root))

    def children(self, path: str) -> tuple[str, ...] | None:
        directory = f"{self.root}/{path}".rstrip("/")
        if not self._is_inside(directory):
            return ()
        try:
            with os.scandir(directory) as entries:
                return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not _loops(entry)))
        except OSError as error:
            _absent(error, directory)
            return ()

    def below(self, path: str) -> LocalTree:
        """As in Store; with a guard Unreachable for a link that leads out, without one the tree that it leads to."""
        if self.guard is not None and not self._is_inside(f"{self.root}/{path}"):
            raise Unreachable(LEADS_OUT.why, f"{self.root}/{path}", LEADS_OUT.fix)
        return open_tree(self.root / path, self.guard)

    def zarr(self) -> ZarrStore:
        return LocalStore(self.root, read_only=True) if self.guard is None else GuardedFiles(self.root, read_only=True)


def _loops(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a link back to a directory that its path came through."""
    if not entry.is_symlink():
        return False
    here, target = os.path.realpath(os.path.dirname(entry.path)), os.path.realpath(entry.path)
    return f"{here}/".startswith(f"{target}/")


def _content(descriptor: int, path: str) -> bytes:
    """A regular file's content; never waits for a pipe that is in its place."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
    parts = [os.read(descriptor, status.st_size + 1)]
    while parts[-1]:
        parts.append(os.read(descriptor, 1 << 20))
    return b"".join(parts)


def _absent(error: OSError, path: str) -> Absent:
    """What an error of the file system means; raises Unreachable for what only the disk can be blamed for."""
    if isinstance(error, PermissionError):
        return NO_RIGHT
    if error.errno in _NO_FILE:
        return NOT_FOUND
    raise Unreachable(f"cannot be read ({error.strerror})", path, "check the file system") from error
