"""Zarrs on disk."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from omero_roz.errors import Refused, Unreachable
from omero_roz.layout.store import (
    CHANGED,
    DANGLES,
    LEADS_OUT,
    NO_FILE,
    NO_RIGHT,
    NOT_FOUND,
    Absent,
    Part,
    part,
    too_large,
)
from omero_roz.ports import own_files
from omero_roz.ports.zarr.guard import Guard, NotAllowed, inside, links_out

_TRIAL = 32  # files read one by one to see how fast the file system is
_SLOW = 0.0005  # seconds a file: a network file system, or a disk that seeks
_THREADS = 64
_READ = 1 << 20
_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
NO_NAME = Absent("no file here can have this name", "set LC_ALL=C.UTF-8", hidden=True)
_OPEN_FILES = "/proc/self/fd"
_LOOK = os.O_PATH | os.O_CLOEXEC  # opens nothing: a device does not notice it, a pipe does not wait


def open_tree(path: Path, guard: Guard | None = None, follow: tuple[str, ...] = ()) -> LocalTree:
    """The directory at a path, whose links may lead into it and into the directories `follow`.

    Raises Unreachable where there is none. With a guard it raises NotAllowed for what is not allowed, and for a tree
    with any link that leads out of it: the server would follow that later, whatever is read of it now.
    """
    try:
        root = os.path.realpath(path)
        if guard is not None:  # before anything tells what there is on the disk
            guard.directory(str(path))
            guard.directory(root)
        there = os.stat(root)
    except (OSError, ValueError) as error:  # a path with NUL is a ValueError
        if isinstance(error, OSError) and error.errno not in (*_NOTHING_THERE, errno.ELOOP):
            raise Unreachable(f"it cannot be read ({error.strerror})", str(path), "check the path") from None
        raise Unreachable("no such directory", str(path), "check the path") from None
    if not os.path.isdir(_OPEN_FILES):
        raise Unreachable("/proc is not mounted, which tells where links lead", str(path), "mount it")
    if not stat.S_ISDIR(there.st_mode):
        raise Unreachable("this is a file, not a directory", str(path), "check the path")
    for link in links_out(root) if guard is not None else ():
        raise NotAllowed(LEADS_OUT.why, link, "put a copy in its place")
    return LocalTree(Path(root), guard, tuple(os.path.realpath(directory) for directory in follow))


@dataclass(frozen=True, slots=True)
class LocalTree:
    """A directory on disk; `root` is resolved, and no link is followed out of it but into the directories `follow`.

    Whatever is read is looked at where it is found, not where it was named: no link can be put in its place meanwhile.
    """

    root: Path
    guard: Guard | None = None
    follow: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        return str(self.root)

    @property
    def bucket(self) -> None:
        return None

    def get_many(self, files: Sequence[str | Part]) -> list[bytes | Absent]:
        by_file = [list(group) for _, group in groupby(map(part, files), attrgetter("path"))]
        started = time.perf_counter()
        found = [content for parts in by_file[:_TRIAL] for content in self._get(parts)]
        rest = by_file[_TRIAL:]
        if (time.perf_counter() - started) / _TRIAL < _SLOW:  # threads double the time where nothing waits
            return found + [content for parts in rest for content in self._get(parts)]
        pool = ThreadPoolExecutor(_THREADS)
        try:
            return found + [content for contents in pool.map(self._get, rest) for content in contents]
        finally:
            pool.shutdown(cancel_futures=True)

    def put(self, path: str, content: bytes, instead_of: bytes | None) -> None:
        full = Path(f"{self.root}/{path}")
        if full.is_symlink() or not inside(self.real(os.path.dirname(path)), str(self.root)):
            raise Refused("it is a symbolic link, which is not written through", str(full), "put a copy in its place")
        if self.get_many([path]) != [NOT_FOUND if instead_of is None else instead_of]:
            raise Refused(CHANGED[0], str(full), CHANGED[1])
        try:
            own_files.put(full, content)
        except OSError as error:
            raise Refused(f"it cannot be written ({error.strerror})", str(full), "check who may write there") from error

    def _get(self, parts: Sequence[Part]) -> list[bytes | Absent]:
        """Parts of one file."""
        full = f"{self.root}/{parts[0].path}"
        try:
            descriptor = self._opened(full)
        except OSError as error:
            return [_absent(error, full)] * len(parts)
        except ValueError:  # of a locale that has no such characters
            return [NO_NAME] * len(parts)
        if isinstance(descriptor, Absent):
            return [descriptor] * len(parts)
        try:
            return [_content(descriptor, one) for one in parts]
        except OSError as error:
            raise Unreachable(f"cannot be read ({error.strerror})", full, "check the file system") from error
        finally:
            os.close(descriptor)

    def _opened(self, full: str) -> int | Absent:
        """A descriptor of a regular file that is where it may be; what is anything else is not opened at all."""
        try:
            looked = os.open(full, _LOOK)
        except (FileNotFoundError, NotADirectoryError):
            return DANGLES if self._dangles(full) else NOT_FOUND
        try:
            if not self._holds(os.readlink(f"{_OPEN_FILES}/{looked}")):
                return LEADS_OUT
            mode = os.fstat(looked).st_mode
            if not stat.S_ISREG(mode):
                return NOT_FOUND if stat.S_ISDIR(mode) else NO_FILE
            return os.open(f"{_OPEN_FILES}/{looked}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(looked)

    def _dangles(self, full: str) -> bool:
        """Whether it is a link that leads to nothing why a file is not there."""
        while len(full) > len(str(self.root)):
            if os.path.islink(full):
                return True
            full = os.path.dirname(full)
            if os.path.exists(full):
                return False
        return False

    def _holds(self, real: str) -> bool:
        return any(inside(real, place) for place in (str(self.root), *self.follow))

    def children(self, path: str) -> tuple[str, ...] | None:
        directory = f"{self.root}/{path}".rstrip("/")
        if not self._holds(self.real(path)):
            return ()
        try:
            with os.scandir(directory or "/") as entries:
                return tuple(sorted(entry.name for entry in entries if _is_directory(entry)))
        except OSError as error:
            _absent(error, directory)
            return ()

    def files(self, path: str) -> Iterator[str]:
        """As in Store; each directory is looked into once, whatever links lead to it."""
        waiting, seen = [""], set[str]()
        while waiting:
            below = waiting.pop()
            real = self.real(f"{path}/{below}")
            if real in seen or not self._holds(real):
                continue
            seen.add(real)
            try:
                with os.scandir(real) as entries:
                    for entry in entries:
                        if _is_directory(entry):
                            waiting.append(f"{below}{entry.name}/")
                        else:
                            yield f"{below}{entry.name}"
            except OSError as error:
                _absent(error, real)

    def real(self, path: str) -> str:
        return os.path.realpath(f"{self.root}/{path}")

    def below(self, path: str) -> LocalTree:
        """As in Store; with a guard Unreachable for a link that leads out, without one the tree that it leads to."""
        if self.guard is not None and not self._holds(self.real(path)):
            raise Unreachable(LEADS_OUT.why, f"{self.root}/{path}", "put a copy in its place")
        return open_tree(self.root / path, self.guard, self.follow)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _content(descriptor: int, wanted: Part) -> bytes | Absent:
    """A part of a file that is open, or all of it where it is not too large."""
    size, most = os.fstat(descriptor).st_size, wanted.most
    if wanted.start is None and size > most:
        return too_large(most)
    start = wanted.start or 0
    place = max(0, size + start) if start < 0 else start
    due, more = min(most, max(size - place, 0)), wanted.start is None  # one byte more shows that a file is growing
    found = os.pread(descriptor, due + more, place)
    if len(found) == due:
        return found
    some, have = [found], len(found)
    while have <= most and (found := os.pread(descriptor, min(most + more - have, _READ), place + have)):
        some.append(found)
        have += len(found)
    return too_large(most) if have > most else b"".join(some)


def _absent(error: OSError, path: str) -> Absent:
    """What an error of the file system means; raises Unreachable for what only the disk can be blamed for."""
    if isinstance(error, PermissionError):
        return NO_RIGHT
    if error.errno == errno.ELOOP:
        return DANGLES
    if error.errno in _NOTHING_THERE:
        return NOT_FOUND
    raise Unreachable(f"cannot be read ({error.strerror})", path, "check the file system") from error
