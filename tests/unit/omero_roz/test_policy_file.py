"""The policy's file is out of the reach of who reads it, and is read as what it was when it was looked at."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omero_roz.scripts.unwritable import NotSafe, read_unwritable

NOBODY = 65534
GOOD, EVIL = b"[replace]\n", b"[[allow]]\nuri = '/'\n"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else for a moment")


def _become(user: int) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


def said_by(user: int, call: Callable[[], bytes]) -> bytes:
    """What a call says to another user's process, which this one becomes for a moment."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become(user)
            os.write(writer, call())
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader, "rb") as said:
        return said.read()


def read_by(user: int, file: Path) -> bytes:
    """What a user's process reads, or b"unsafe"."""

    def read() -> bytes:
        try:
            return read_unwritable(file)
        except NotSafe:
            return b"unsafe"

    return said_by(user, read)


@pytest.fixture
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that everybody may look into, with etc/scripts.toml in it."""
    top = tmp_path_factory.mktemp("policy")
    for above in (top, *top.parents):  # pytest's own, one more with xdist
        if above.stat().st_mode & 0o001:
            break
        above.chmod(0o755)
    (top / "etc").mkdir(0o755)
    (top / "etc" / "scripts.toml").write_bytes(GOOD)
    (top / "etc" / "scripts.toml").chmod(0o644)
    return top


@as_root
@pytest.mark.parametrize("user", [0, NOBODY])
def test_only_root_may_be_able_to_write_it(top: Path, user: int) -> None:
    folder, file = top / "etc", top / "etc" / "scripts.toml"
    assert read_by(user, file) == GOOD
    for place in (file, folder, top):  # what is in a directory of somebody else's could be exchanged
        mode = place.stat().st_mode
        for more in (0o020, 0o002):
            place.chmod(mode | more)
            assert read_by(user, file) == b"unsafe", place
        place.chmod(mode)
        os.chown(place, NOBODY, NOBODY)
        assert read_by(user, file) == b"unsafe", place
        os.chown(place, 0, 0)
    assert read_by(user, file) == GOOD


@as_root
def test_one_other_user_than_the_reader_may_own_it(top: Path) -> None:
    """An account of OMERO's administrator that scripts do not run as; of two, either could exchange the other's."""
    os.chown(top / "etc", 1000, 1000)
    os.chown(top / "etc" / "scripts.toml", 1000, 1000)
    assert read_by(NOBODY, top / "etc" / "scripts.toml") == GOOD
    assert read_by(1000, top / "etc" / "scripts.toml") == b"unsafe"
    os.chown(top / "etc", 1001, 1001)
    assert read_by(NOBODY, top / "etc" / "scripts.toml") == b"unsafe"


@as_root
@pytest.mark.parametrize("user", [0, NOBODY])
def test_links_are_followed_where_nobody_can_exchange_them(top: Path, user: int) -> None:
    """OMERO's directory is a link as a rule."""
    (top / "server").symlink_to("etc")
    (top / "link.toml").symlink_to(top / "server" / ".." / "etc" / "scripts.toml")
    assert read_by(user, top / "link.toml") == GOOD
    assert read_by(user, top / "server" / "scripts.toml") == GOOD
    os.chown(top / "server", NOBODY, NOBODY, follow_symlinks=False)
    assert read_by(user, top / "link.toml") == b"unsafe"
    assert read_by(user, top / "server" / "scripts.toml") == b"unsafe"


@as_root
def test_in_a_directory_as_tmp_only_what_is_roots_counts(top: Path) -> None:
    shared = top / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "own").symlink_to(top / "etc")
    assert read_by(NOBODY, shared / "own" / "scripts.toml") == GOOD
    assert said_by(NOBODY, lambda: os.symlink(top / "etc", shared / "other") or b"made") == b"made"
    assert read_by(NOBODY, shared / "other" / "scripts.toml") == b"unsafe"


def test_what_is_no_file_is_not_waited_for(top: Path) -> None:
    os.mkfifo(top / "etc" / "fifo", 0o644)
    (top / "etc" / "loop").symlink_to("loop")
    for name in ("fifo", "loop", "."):
        with pytest.raises(NotSafe):
            read_unwritable(top / "etc" / name)
    with pytest.raises(FileNotFoundError if os.geteuid() == 0 else NotSafe):
        read_unwritable(top / "etc" / "absent")


@contextmanager
def attacker(top: Path, what: str, place: Path) -> Iterator[Path]:
    """The reader's own user exchanges a link between what root wrote and what is his, over and over; the policy's name.

    It is a process of that user's, so that all it makes is his.
    """
    name = place / ("scripts.toml" if what == "link to a file" else "etc")
    child = os.fork()
    if child == 0:
        try:
            _become(NOBODY)
            (place / "evil").mkdir()
            (place / "evil" / "scripts.toml").write_bytes(EVIL)
            good, bad = top / "etc", place / "evil"
            while True:
                for target in (bad, good):
                    (place / "new").symlink_to(target / "scripts.toml" if what == "link to a file" else target)
                    (place / "new").replace(name)
        finally:
            os._exit(1)
    try:
        while not name.is_symlink():
            time.sleep(0.01)
        yield name if what == "link to a file" else name / "scripts.toml"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("what", ["link to a file", "link to a directory"])
@pytest.mark.parametrize("where", ["own", "sticky"])
def test_what_is_exchanged_meanwhile_is_never_taken(top: Path, what: str, where: str) -> None:
    place = top / where
    place.mkdir()
    if where == "sticky":
        place.chmod(0o1777)
    elif os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)

    def read() -> bytes:
        found = set()
        for _ in range(300):
            try:
                found.add(read_unwritable(file))
            except NotSafe:
                found.add(b"unsafe")
        return b",".join(sorted(found))

    with attacker(top, what, place) as file:
        assert said_by(NOBODY, read) == b"unsafe"


@as_root
def test_what_is_exchanged_once_it_was_looked_at_is_not_read(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment of the race itself: all was found right, then another file has the name."""
    file, looked = top / "etc" / "scripts.toml", os.fstat

    def exchanged(descriptor: int) -> os.stat_result:
        status = looked(descriptor)
        if os.readlink(f"/proc/self/fd/{descriptor}") == str(file):
            (top / "evil").write_bytes(EVIL)
            (top / "evil").replace(file)
        return status

    monkeypatch.setattr(os, "fstat", exchanged)
    assert read_unwritable(file) == GOOD
    assert file.read_bytes() == EVIL
