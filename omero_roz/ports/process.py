"""Which process this is, told to others so that they can see whether it still runs."""

import hashlib
import os
import re
import socket

_TOLD = re.compile(r"(?P<machine>[0-9a-f]{12}):(?P<process>[0-9]{1,9}):(?P<began>[0-9]{1,19})")


def machine() -> str:
    """What only processes that see each other's ids have in common: the machine, and on it the container."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return hashlib.sha1(f"{socket.gethostname()} {space}".encode(), usedforsecurity=False).hexdigest()[:12]


def is_running(process: int) -> bool:
    """Whether a process of this machine runs, whosever it is."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def me() -> str:
    """This process, for `has_ended` on this or another machine."""
    return f"{machine()}:{os.getpid()}:{_began(os.getpid())}"


def has_ended(told: str) -> bool:
    """Whether a process is of this machine and has ended; one elsewhere cannot be seen."""
    form = _TOLD.fullmatch(told)
    if form is None or form["machine"] != machine():
        return False
    process = int(form["process"])
    return not is_running(process) or _began(process) != int(form["began"])


def _began(process: int) -> int:
    """When a process began, in ticks since the machine did: ids of processes are used again. 0 where it is not told."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0
