"""Files that are written beside the user's own: whole or not at all, and never through somebody's link."""

import os
from pathlib import Path

import pytest

from omero_roz.errors import UsageError
from omero_roz.ports import own_files


def test_it_is_there_whole_with_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    file = tmp_path / ("n" * 250 + ".csv")  # a name that has no room for another one beside it
    mask = os.umask(0o027)
    try:
        own_files.write(file, "ä\udcff", "--report")
    finally:
        os.umask(mask)
    assert file.read_bytes() == "ä\\udcff".encode()
    assert file.stat().st_mode & 0o777 == 0o640
    file.chmod(0o600)
    own_files.write(file, "more", "--report")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("more", 0o600)
    assert os.listdir(tmp_path) == [file.name]


def test_a_link_is_neither_followed_nor_taken_away(tmp_path: Path) -> None:
    mine, link = tmp_path / "mine", tmp_path / "report.csv"
    mine.write_text("dear")
    link.symlink_to(mine)
    for target in (mine, tmp_path / "absent"):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(UsageError, match=r"--report .*report.csv: it cannot be written \(is a link\)"):
            own_files.write(link, "evil", "--report")
        with pytest.raises(UsageError, match="is a link"):
            own_files.check_writable(link, "--report")
    assert (mine.read_text(), os.readlink(link)) == ("dear", str(tmp_path / "absent"))
    assert sorted(os.listdir(tmp_path)) == ["mine", "report.csv"]


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path / "fifo", Path("/dev/null"), tmp_path):
        with pytest.raises(UsageError, match="no regular file"):
            own_files.write(place, "x", "--html")
    assert not Path("/dev/null").is_file()
    with pytest.raises(UsageError, match="No such file or directory"):
        own_files.write(tmp_path / "absent" / "x", "x", "--html")


def test_a_link_under_a_name_that_was_foreseen_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine"
    mine.write_text("dear")
    monkeypatch.setattr(own_files, "token_hex", lambda count: "foreseen")
    (tmp_path / ".omero-roz-foreseen").symlink_to(mine)
    with pytest.raises(UsageError, match="File exists"):
        own_files.write(tmp_path / "certificate.json", "evil", "--certificate")
    assert mine.read_text() == "dear"


def test_no_two_names_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names, opened = [], os.open

    def noting(path: str, *args: int, **more: int) -> int:
        names.append(path)
        return opened(path, *args, **more)

    monkeypatch.setattr(os, "open", noting)
    for _ in range(10):
        own_files.write(tmp_path / "certificate.json", "x", "--certificate")
    assert len(set(names)) == 10
    assert not any(str(os.getpid()) == name.rpartition("-")[2] for name in names)


def test_who_is_stopped_meanwhile_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "certificate.json"
    own_files.write(file, "before", "--certificate")

    def stopped(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(KeyboardInterrupt):
        own_files.write(file, "after", "--certificate")
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == [file.name]
