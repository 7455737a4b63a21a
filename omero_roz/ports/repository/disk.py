"""The ManagedRepository's directory, where this process sees it: files and shadows written past OMERO's API.

They lie below `<user's directory>/omero-roz-shadows/`, of which OMERO has no row: deleting a directory's row empties
the directory, through links too (facts: omero_replacement a), so no row may stand for one that has links in it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from omero_roz.change import NewFile
from omero_roz.errors import Refused
from omero_roz.ports.zarr.links import links_below

SHADOWS = "omero-roz-shadows"
KNOWN = "omero-roz"
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
    """The directory of the repository with a uuid."""

    def __init__(self, root: Path, uuid: str) -> None:
        self.root, self.uuid = root, uuid

    @contextmanager
    def claimed(self, directory: str, in_use: Callable[[], Collection[str]]) -> Iterator[None]:
        """Have a directory of shadows for oneself, what dead runs left in it removed.

        `in_use` gives the template prefixes that filesets have there. Raises Refused while another process has it.
        """
        place = self.root / directory
        with _disk_errors(place):
            place.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if _lock(descriptor, place) and (there := list(place.iterdir())):
                keep = {Path(prefix).name for prefix in in_use()}
                for left in there:
                    if left.name not in keep:
                        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            yield
        finally:
            os.close(descriptor)

    def write(self, directory: str, name: str, content: bytes) -> NewFile:
        """Write a file into a directory, which is made."""
        place = self.root / directory
        with _disk_errors(place):
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        return self._file(directory, name, content)

    def write_trees(self, directory: str, trees: Iterable[Tree]) -> list[NewFile]:
        """Write trees into a directory; their registered files."""
        written = []
        with _disk_errors(self.root / directory):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
            for tree in trees:
                _write_tree(f"{self.root}/{directory}{tree.name}", tree)
                for name in tree.registered:
                    written.append(self._file(f"{directory}{tree.name}/", name, tree.files[name]))
        return written

    def remove(self, directory: str) -> None:
        """Remove a directory that was not used in the end; no link is followed."""
        shutil.rmtree(self.root / directory, ignore_errors=True)

    def numbered(self, directory: str, prefix: str) -> list[str]:
        """The real directories in a directory that are called a prefix and a number; none where it is not there."""
        try:
            with os.scandir(self.root / directory) as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        return sorted(name for name in names if re.fullmatch(re.escape(prefix) + "[1-9][0-9]{0,17}", name))

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
        where, what = str(error.filename or place), f"it cannot be written ({error.strerror})"
        raise Refused(what, where, "give omero-roz room and the right to write there; nothing was changed") from error
