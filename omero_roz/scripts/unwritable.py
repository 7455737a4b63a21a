"""A file that the user of this process can neither write nor exchange, read so that nobody can do so meanwhile.

Each directory and link on the way is opened without following it, from the one before, and looked at when it is open:
what was looked at is what is read. (openat2 would do, but Python has none.)
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path

from omero_roz.errors import Refused

MOST_LINKS = 40  # Linux's own bound
_FIX = "let it belong to root, and let nobody else write it"


class NotSafe(Refused):
    """A file that its reader, or somebody else, may write or exchange."""


def read_unwritable(file: Path) -> bytes:
    """The content of a regular file.

    It, its directories and the links that lead to it have to belong to root (or, where the process is not root's, to
    one other user), and nobody else may write them; in a sticky directory such as /tmp nobody can move what is not his.
    Raises NotSafe where that is not so, OSError where the file is not there or may not be read.
    """
    with ExitStack() as opened:
        found = _open(os.path.join(os.getcwd(), file), opened)
        # /proc opens what was looked at, whatever has its name now.
        with open(f"/proc/self/fd/{found}", "rb") as content:
            return content.read()


def _open(path: str, opened: ExitStack) -> int:
    """A descriptor of what a path leads to, all of the way looked at."""
    waiting, place = path.split("/")[::-1], "/"
    here = start = _opened("/", None, opened)
    owners, links = _looked_at(start, place, set()), 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        before, here = here, _opened(name, here, opened)
        place = os.path.normpath(os.path.join(place, name))
        owners = _looked_at(here, place, owners)
        if not stat.S_ISLNK(os.fstat(here).st_mode):
            continue
        links += 1
        if links > MOST_LINKS:
            raise NotSafe("too many links lead to the policy", path, _FIX)
        target = os.readlink("", dir_fd=here)
        waiting += target.split("/")[::-1]
        here, place = (start, "/") if target.startswith("/") else (before, os.path.dirname(place))
    if not stat.S_ISREG(os.fstat(here).st_mode):
        raise NotSafe("the policy is no file", path, _FIX)
    return here


def _opened(name: str, folder: int | None, opened: ExitStack) -> int:
    """A descriptor of an entry itself, link or not; nothing happens to what it is (a device, a FIFO)."""
    found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    opened.callback(os.close, found)
    return found


def _looked_at(descriptor: int, place: str, owners: set[int]) -> set[int]:
    """The owners up to here, root left out; raises NotSafe where one may change it who is not to be trusted."""
    status, user = os.fstat(descriptor), os.geteuid()
    owners = owners | {status.st_uid} - {0}
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(status.st_mode)  # of a link it is void
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if user in owners or len(owners) > (user != 0) or (shared and not sticky):
        what = "the policy is not safe: the user that scripts run as (or another) can write this"
        raise NotSafe(what, place, _FIX)
    return owners
