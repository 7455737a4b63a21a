"""A user's own directory on the disk: what is written and removed there, and nothing outside of it."""

import os
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from omero_roz.errors import Refused
from omero_roz.places import SHADOWS, Place
from omero_roz.ports.repository.disk import RepositoryDisk, Tree

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def place(number: int = 1, of: str = "Fileset-5") -> Place:
    return Place.new("me_3", SHADOWS, of, NOW + timedelta(seconds=number))


@pytest.fixture
def disk(tmp_path: Path) -> RepositoryDisk:
    root = tmp_path / "repository"
    (root / "me_3").mkdir(parents=True)
    return RepositoryDisk(root, "uuid", "me_3")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file outside of the user's directory."""
    file = tmp_path / "precious" / "Fileset-5" / place().time / "file"
    file.parent.mkdir(parents=True)
    file.write_text("kept")
    return file


def test_what_is_written_is_removed(disk: RepositoryDisk) -> None:
    tree = Tree("0.zarr", {".zgroup": b"{}", "0/.zarray": b"{}"}, {"0/0": "/zarr/0/0"}, (".zgroup",), b"option\n")
    with disk.claimed(place(), lambda places: places):
        [file, other] = [disk.write(place(), "a.xml", b"<a/>"), *disk.write_trees(place(), [tree])]
    assert (file.path, other.path) == (f"{place()}a.xml", f"{place()}0.zarr/.zgroup")
    assert os.readlink(disk.root / str(place()) / "0.zarr" / "0" / "0") == "/zarr/0/0"
    assert disk.places() == [place()]
    assert disk.remove(place()) and not disk.remove(place())
    assert os.listdir(disk.root / "me_3" / SHADOWS) == []


def test_what_dead_runs_left_goes_and_what_is_used_or_not_ours_stays(disk: RepositoryDisk) -> None:
    for number in (1, 2):
        disk.write(place(number), "a.xml", b"")
    other = disk.root / place().parent / "by hand"
    other.mkdir()
    with disk.claimed(place(3), lambda places: {one for one in places if one == place(2)}):
        disk.write(place(3), "a.xml", b"")
    assert disk.places() == [place(2), place(3)] and other.is_dir()


def test_one_at_a_time(disk: RepositoryDisk) -> None:
    other = RepositoryDisk(disk.root, "uuid", "me_3")
    with disk.claimed(place(), lambda places: places):
        disk.write(place(), "a.xml", b"")
        for refused in (lambda: other.remove(place()), lambda: other.sweep(place()), lambda: enter(other)):
            with pytest.raises(Refused, match="another omero-roz"):
                refused()
        disk.discard(place())  # by whom it is claimed
        assert disk.places() == []


def enter(disk: RepositoryDisk) -> None:
    with disk.claimed(place(), lambda places: ()):
        pass


@pytest.mark.parametrize("step", ["me_3", f"me_3/{SHADOWS}", f"me_3/{SHADOWS}/Fileset-5"])
def test_a_link_on_the_way_is_refused(disk: RepositoryDisk, precious: Path, step: str) -> None:
    """Whatever the directory is that the link leads to has a place of this name."""
    target = {2: precious.parents[2], 1: precious.parents[3], 3: precious.parents[1]}[len(step.split("/"))]
    if step == "me_3":
        (disk.root / "me_3").rmdir()
        (target / SHADOWS).symlink_to(precious.parents[2])
    (disk.root / step).parent.mkdir(parents=True, exist_ok=True)
    (disk.root / step).symlink_to(target)
    for refused in (disk.remove, disk.sweep, lambda one: disk.write(one, "a", b""), lambda one: enter(disk)):
        with pytest.raises(Refused, match="is a link"):
            refused(place())
    assert disk.places() == []
    assert precious.read_text() == "kept"


def test_a_place_that_is_a_link_goes_itself(disk: RepositoryDisk, precious: Path) -> None:
    (disk.root / place().parent).mkdir(parents=True)
    (disk.root / str(place())).symlink_to(precious.parent)
    assert disk.remove(place())
    assert precious.read_text() == "kept" and not (disk.root / str(place())).is_symlink()


@pytest.mark.parametrize("exchanged", [f"me_3/{SHADOWS}", f"me_3/{SHADOWS}/Fileset-5", str(place()).rstrip("/")])
def test_nothing_outside_is_removed_whatever_is_exchanged(disk: RepositoryDisk, precious: Path, exchanged: str) -> None:
    """Somebody exchanges a step of the way with a link, and back, as fast as they can."""
    step, aside, done = disk.root / exchanged, disk.root / "aside", threading.Event()
    target = precious.parents[{2: 2, 3: 1, 4: 0}[len(exchanged.split("/"))]]
    disk.write(place(), "a.xml", b"")

    def exchange() -> None:
        while not done.is_set():
            with suppress(OSError):
                step.rename(aside)
                step.symlink_to(target)
            with suppress(OSError):
                step.unlink()
                aside.rename(step)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(300):
            with suppress(Refused):
                disk.remove(place())
            with suppress(Refused, OSError):
                (disk.root / str(place()) / "d").mkdir(parents=True)
    finally:
        done.set()
        thread.join()
    assert precious.read_text() == "kept"


def test_places_of_others_are_none_of_its(disk: RepositoryDisk) -> None:
    with pytest.raises(Refused, match="not in the owner's own directory"):
        disk.remove(Place.new("you_4", SHADOWS, "Fileset-5", NOW))
