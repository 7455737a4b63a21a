"""Two imports of one Zarr at the same time, and a session that ends in the middle: never is anything there twice."""

import json
import shutil
from pathlib import Path

import pytest

from demo.omero_client import Account, shown
from omero_roz.import_ import planning
from omero_roz.import_.opening import Opening
from omero_roz.ports.omero.new_images import NewImages
from tests.integration.test_import_killed import images_of, rows
from tests.support.planes import expected
from tests.support.servers import Omero, Result, Server

LAYOUT = "v4_plateacq3"


@pytest.fixture
def zarr(shared: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(shared / "layouts" / f"{LAYOUT}.zarr", tmp_path / "x.zarr"))


def test_the_later_one_goes_on_and_the_first_is_stopped(
    omero_cli: Omero, shared: Path, zarr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second command is given while the first saves its images; it finishes the import, whatever the first does."""
    before, real, seconds = rows(omero_cli)["Image"], NewImages.save, list[Result]()
    monkeypatch.setattr(planning, "BATCH", 10)

    def and_then_another_begins(self, prepared, note):
        real(self, prepared, note)
        monkeypatch.setattr(NewImages, "save", real)
        seconds.append(omero_cli("roz", "import", zarr, "--json"))

    monkeypatch.setattr(NewImages, "save", and_then_another_begins)
    first = omero_cli("roz", "import", zarr)
    [second] = seconds
    assert first.code == 1 and "taken it over" in first.err, first.err
    assert second.code == 0, second.err
    [done] = json.loads(second.out)
    assert shown(omero_cli.client, images_of(omero_cli, done["fileset"])) == expected(shared, LAYOUT)
    assert rows(omero_cli)["Image"] == before + len(done["images"])


def test_two_that_begin_at_once(omero_cli: Omero, shared: Path, zarr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look before either has a record; the one whose record is the older goes on, the other takes its own back."""
    before, real, firsts = rows(omero_cli), Opening.begin, list[Result]()

    def another_was_faster(self, record, xml):
        monkeypatch.setattr(Opening, "begin", real)
        firsts.append(omero_cli("roz", "import", zarr, "--json"))
        return real(self, record, xml)

    monkeypatch.setattr(Opening, "begin", another_was_faster)
    second = omero_cli("roz", "import", zarr)
    [first] = firsts
    assert second.code == 1 and "at the same time" in second.err, second.err
    [done] = json.loads(first.out)
    after = rows(omero_cli)
    assert after["Image"] == before["Image"] + len(done["images"])
    assert (after["Fileset"], after["Plate"]) == (before["Fileset"] + 1, before["Plate"] + 1)
    assert shown(omero_cli.client, images_of(omero_cli, done["fileset"])) == expected(shared, LAYOUT)


def test_a_session_that_ends_in_the_middle(
    server: Server, curator: Account, omero_cli: Omero, shared: Path, zarr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in OMERO then stays, is told, and the same command in a new session finishes it."""
    start, real = rows(omero_cli), NewImages.save
    monkeypatch.setattr(planning, "BATCH", 10)

    def and_the_session_ends(self, prepared, note):
        real(self, prepared, note)
        monkeypatch.setattr(NewImages, "save", real)
        other.killSession()

    monkeypatch.setattr(NewImages, "save", and_the_session_ends)
    with server.client(curator.name, curator.password) as other:
        broken = Omero(other, omero_cli._capsys)("roz", "import", zarr)
    assert broken.code == 1, broken.err
    [told] = [line for line in broken.err.splitlines() if line.startswith("Fileset:")]
    assert told.count("the OMERO session has ended") == 1 and "repeat the same command: it goes on" in told, told
    assert start["Image"] < rows(omero_cli)["Image"]
    [done] = json.loads(omero_cli("roz", "import", zarr, "--json").out)
    assert rows(omero_cli)["Image"] == start["Image"] + len(done["images"])
    assert shown(omero_cli.client, images_of(omero_cli, done["fileset"])) == expected(shared, LAYOUT)
