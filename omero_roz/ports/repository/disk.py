"""The ManagedRepository's directory, where this process sees it: files and shadows written past OMERO's API.

They lie in a `Place` (places.py), and in no other way is a directory made or removed here. What is on the way to one is
opened a step at a time, each by the one before, and a link is refused: whatever is exchanged meanwhile, nothing outside
of the owner's own directory is reached.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from omero_roz.change import NewFile
from omero_roz.errors import Refused
from omero_roz.places import DOCTOR, SHADOWS, Place
from omero_roz.ports.zarr.links import links_below

DAY = 86400.0
MIMETYPES = {".xml": "text/xml"}


@dataclass(frozen=True, slots=True)
class Tree:
    """A directory to be written: its files and links by their paths in it, and the options file beside it.

    `registered` are the files that a fileset will have.
    """

    name: str
    files: Mapping[str, bytes]
    links: Mapping[str, str]
    registered: tuple[str, ...]
    options: bytes


class RepositoryDisk:
    """A user's own directory, `top`, in the directory of the repository with a uuid."""

    def __init__(self, root: Path, uuid: str, top: str) -> None:
        self.root, self.uuid, self.top = root, uuid, top
        self._held: dict[str, int] = {}

    @contextmanager
    def claimed(self, place: Place, used: Callable[[Collection[Place]], Collection[Place]]) -> Iterator[None]:
        """Have the directory that a place is in for oneself, what dead runs left in it removed.

        `used` gives those of the places in it that are. Raises Refused while another process has it.
        """
        with self._opened(place, make=True) as parent:
            if _lock(parent, self.root / place.parent):
                there = _places(place.parent, parent)
                keep = used(there) if there else ()
                for left in there:
                    if left not in keep:
                        _remove(parent, left.time, self.root / place.parent)
            self._held[place.parent] = parent
            try:
                yield
            finally:
                del self._held[place.parent]

    def write(self, place: Place, name: str, content: bytes) -> NewFile:
        """Write a file into a place, which is made."""
        with self._made(place) as directory:
            _write(f"{directory}/{name}", content)
        return self._file(str(place), name, content)

    def write_trees(self, place: Place, trees: Iterable[Tree]) -> list[NewFile]:
        """Write trees into a place; their registered files."""
        written = []
        with self._made(place) as directory:
            for tree in trees:
                _write_tree(f"{directory}/{tree.name}", tree)
                for name in tree.registered:
                    written.append(self._file(f"{place}{tree.name}/", name, tree.files[name]))
        return written

    def remove(self, place: Place) -> bool:
        """Remove a place with all that is in it, and the directory that it is in if nothing else is there.

        False where it is not there. No link is followed. Raises Refused where a link is on the way, another process
        has it, or it cannot be removed.
        """
        at = self.root / place.parent
        if place.parent in self._held:
            return _remove(self._held[place.parent], place.time, at)
        try:
            with self._opened(place) as parent:
                _lock(parent, at)
                if not _remove(parent, place.time, at):
                    return False
        except FileNotFoundError:
            return False
        self._remove_empty(place)
        return True

    def sweep(self, place: Place) -> bool:
        """The same of a place that nobody has registered: left where nothing says that nobody is just writing there."""
        with suppress(FileNotFoundError), self._opened(place) as parent:
            if not _lock(parent, self.root / place.parent) and not _is_old(parent, place.time):
                raise Refused("it may be in use", str(place), "it is swept when it is a day old")
            if place.of == DOCTOR and not _is_old(parent, place.time):
                return False
        return self.remove(place)

    def discard(self, place: Place) -> None:
        """The same of a place that was not used in the end: where it cannot be removed it is left."""
        with suppress(Refused):
            self.remove(place)

    def places(self, of: str = "") -> list[Place]:
        """All places of shadows, or those of one thing, oldest first; those behind links are left out."""
        found = list[Place]()
        for name in [of] if of else self._names(self.top, SHADOWS):
            steps = (self.top, SHADOWS, name)
            with suppress(OSError, Refused), self._walked(steps) as parent:
                found += _places("/".join(steps) + "/", parent)
        return sorted(found, key=lambda place: (place.time, place.of))

    def _names(self, *steps: str) -> list[str]:
        with suppress(OSError, Refused), self._walked(steps) as directory:
            return os.listdir(directory)
        return []

    @contextmanager
    def _made(self, place: Place) -> Iterator[str]:
        """The directory of a place, made."""
        with self._opened(place, make=True) as parent:
            os.close(_step(parent, place.time, f"{self.root}/{place}", make=True))
        with _disk_errors(self.root / str(place)):
            yield f"{self.root}/{str(place).rstrip('/')}"

    @contextmanager
    def _opened(self, place: Place, make: bool = False) -> Iterator[int]:
        """A descriptor of the directory that a place is in."""
        if (place.top, place.area) != (self.top, SHADOWS):
            raise Refused("it is not in the owner's own directory of shadows", str(place), f"only {self.top} is")
        with self._walked((place.top, place.area, place.of), make) as parent:
            yield parent

    @contextmanager
    def _walked(self, steps: tuple[str, ...], make: bool = False) -> Iterator[int]:
        """A descriptor of a directory some steps below the repository's.

        Raises FileNotFoundError where it is not there and is not to be made, Refused where a step is a link.
        """
        at = os.path.realpath(self.root)
        with _disk_errors(self.root):
            here = os.open(at, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for step in steps:
                at = f"{at}/{step}"
                below = _step(here, step, at, make)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    def _remove_empty(self, place: Place) -> None:
        try:
            with self._walked((place.top, place.area)) as area:
                os.rmdir(place.of, dir_fd=area)
        except OSError:
            pass  # not empty, or somebody else has just removed it

    def _file(self, directory: str, name: str, content: bytes) -> NewFile:
        sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        mimetype = MIMETYPES.get(os.path.splitext(name)[1], "application/json")
        return NewFile(self.uuid, directory, name, len(content), sha1, mimetype)


def behind_links(repository: Path, path: str) -> Iterator[Path]:
    """The links on the way to a file or directory of the repository, that one itself, and those in the directory."""
    place = repository
    for part in Path(path).parts:
        place = place / part
        if place.is_symlink():
            yield place
    if place.is_dir() and not place.is_symlink():
        yield from map(Path, links_below(str(place)))


def check_source(source: Path, repository: Path, follow: Collection[str] = ()) -> None:
    """Refuse a Zarr that links would not be safe to lead to.

    That is one which is a link itself, lies in the ManagedRepository, or has links that lead there or out of it to
    none of the directories `follow`.
    """
    if source.is_symlink():
        what = "it is a symbolic link, which may lead elsewhere tomorrow"
        raise Refused(what, str(source), f"name {source.resolve()}")
    real, deleted = source.resolve(), repository.resolve()
    if real.is_relative_to(deleted):
        raise Refused("it lies in the ManagedRepository, where OMERO deletes files", str(source), "move it elsewhere")
    for link in links_below(str(real)):
        target = Path(os.path.realpath(link))
        if target.is_relative_to(deleted):
            what = "a symbolic link leads into the ManagedRepository, where OMERO deletes files"
            raise Refused(what, link, "put a copy in its place")
        if not any(target.is_relative_to(place) for place in (str(real), *follow)):
            what = "a symbolic link leads out of the Zarr"
            raise Refused(what, link, "put a copy in its place, or say --follow-links DIR")


def _lock(descriptor: int, place: Path) -> bool:
    """Lock a directory until it is closed; False on a file system that has no locks, where nothing is removed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        raise Refused("another omero-roz is replacing the same fileset now", str(place), "wait for it") from None
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF):
            return False
        raise


def _step(here: int, name: str, at: str, make: bool) -> int:
    """A descriptor of a directory in another."""
    if make:
        with _disk_errors(Path(at)), suppress(FileExistsError):
            os.mkdir(name, dir_fd=here)
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
    except FileNotFoundError:
        raise
    except OSError as error:
        try:
            is_link = stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
        except OSError:
            is_link = False
        if is_link:
            what = "it is a link, and omero-roz neither writes nor removes anything behind one"
            raise Refused(what, at, "put a directory in its place") from None
        raise Refused(f"it cannot be entered ({error.strerror})", at, "look at its rights") from None


def _places(at: str, directory: int) -> list[Place]:
    """The places in a directory; whatever else lies there is not omero-roz's."""
    return [place for name in os.listdir(directory) if (place := Place.parse(f"{at}{name}/")) is not None]


def _is_old(parent: int, name: str) -> bool:
    return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mtime < time.time() - DAY


def _remove(parent: int, name: str, at: Path) -> bool:
    """Remove what has a name in a directory, a link itself; False where nothing has it."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=parent)  # follows no link, and cannot be made to
        else:
            os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        what, fix = f"it cannot be removed ({error.strerror or error})", "look at its rights, and remove it by hand"
        raise Refused(what, str(at / name), fix) from error
    return True


def _write_tree(root: str, tree: Tree) -> None:
    made = {""}
    os.mkdir(root)
    for path in (*tree.files, *tree.links):
        _make_directories(root, path.rpartition("/")[0], made)
    for path, content in tree.files.items():
        _write(f"{root}/{path}", content)
    _write(f"{root}.bfoptions", tree.options)
    for path, target in tree.links.items():
        os.symlink(target, f"{root}/{path}")


def _make_directories(root: str, inside: str, made: set[str]) -> None:
    if inside not in made:
        _make_directories(root, inside.rpartition("/")[0], made)
        os.mkdir(f"{root}/{inside}")
        made.add(inside)


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        while content:  # a disk that is nearly full takes a part, without an error
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename if os.path.isabs(error.filename or "") else str(place)
        what = f"it cannot be written ({error.strerror})"
        raise Refused(what, where, "give omero-roz room and the right to write there; nothing was changed") from error
