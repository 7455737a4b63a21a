"""Files that this program writes beside the user's own: whole or not at all, and never through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from omero_roz.errors import UsageError


def write(path: Path, text: str, option: str) -> None:
    """Write a file that an option names; who is killed meanwhile leaves the one before.

    Raises UsageError where it cannot be written, and for a link or a device in its place: in a directory such as /tmp
    it may be somebody else's.
    """
    with _told(path, option):
        put(path, text.encode("utf-8", "backslashreplace"))


def check_writable(path: Path, option: str) -> None:
    """Raises UsageError where `write` could not: before a night's work, not after it."""
    with _told(path, option):
        _mode(path)
        os.unlink(_new(path.parent, 0o600)[1])


def put(path: Path, content: bytes) -> None:
    """Write a file under a name that nobody can foresee and move it to its place, with the mode that it had there.

    Raises OSError.
    """
    mode = _mode(path)
    descriptor, beside = _new(path.parent, 0o666)  # and the umask
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.fchmod(file.fileno(), mode)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _new(folder: Path, mode: int) -> tuple[int, str]:
    """A descriptor and the name of a new file; the umask holds, as it does not for mkstemp."""
    name = os.path.join(folder, f".omero-roz-{token_hex(8)}")
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), name


def _mode(path: Path) -> int | None:
    """The mode of the file in a place, None where there is none; OSError where it is none that may be replaced."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        what = "is a link" if stat.S_ISLNK(status.st_mode) else "is no regular file"
        raise OSError(0, what, str(path))
    return stat.S_IMODE(status.st_mode)


@contextmanager
def _told(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"it cannot be written ({error.strerror})", f"{option} {path}", "name another file") from None
