"""Two imports of one Zarr at the same time, and a session that ends in the middle: never is anything there twice."""

import json
import shutil
import time
from pathlib import Path
from uuid import uuid4

import pytest

from demo.omero_client import Account, shown
from omero_roz.import_ import planning
from omero_roz.import_.opening import Opening
from omero_roz.ports import process
from omero_roz.ports.omero import heartbeat
from omero_roz.ports.omero.new_images import NewImages
from tests.integration.test_import_killed import images_of, rows
from tests.support.planes import expected
from tests.support.servers import Omero, Result, Server

LAYOUT = "v4_plateacq3"


@pytest.fixture
def zarr(shared: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(shared / "layouts" / f"{LAYOUT}.zarr", tmp_path / "x.zarr"))


def second_while_the_first_saves(
    omero_cli: Omero, zarr: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> list[Result]:
    """Run an import, and the same a second time before or after the first has saved a batch; both results."""
    real, seconds = NewImages.save, list[Result]()
    monkeypatch.setattr(planning, "BATCH", 10)

    def another(self, prepared, note):
        monkeypatch.setattr(NewImages, "save", real)
        if when == "after":
            real(self, prepared, note)
        seconds.append(omero_cli("roz", "import", zarr, "--json"))
        if when == "before":
            real(self, prepared, note)

    monkeypatch.setattr(NewImages, "save", another)
    first = omero_cli("roz", "import", zarr, "--json")
    return [first, *seconds]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_one_that_is_alive_is_let_finish(
    omero_cli: Omero, shared: Path, zarr: str, monkeypatch: pytest.MonkeyPatch, when: str, elsewhere: bool
) -> None:
    """Before its first batch is saved nothing but its note says so, and on another machine nothing but the time."""
    before = rows(omero_cli)["Image"]
    if elsewhere:
        monkeypatch.setattr(process, "machine", lambda: uuid4().hex[:12])
    first, second = second_while_the_first_saves(omero_cli, zarr, monkeypatch, when)
    assert second.code == 1 and "is importing it now" in second.err, second.err
    assert first.code == 0, first.err
    [done] = json.loads(first.out)
    assert shown(omero_cli.client, images_of(omero_cli, done["fileset"])) == expected(shared, LAYOUT)
    assert rows(omero_cli)["Image"] == before + len(done["images"])


def test_again_waits_for_nobody(omero_cli: Omero, zarr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says --again beside one that is alive gets an import of their own."""
    real = Opening.note
    seconds = list[Result]()

    def another(self, *values):
        monkeypatch.setattr(Opening, "note", real)
        seconds.append(omero_cli("roz", "import", zarr, "--again", "--json"))
        return real(self, *values)

    monkeypatch.setattr(Opening, "note", another)
    first = omero_cli("roz", "import", zarr, "--json", "--again")
    assert (first.code, seconds[0].code) == (0, 0), first.err + seconds[0].err
    filesets = {json.loads(one.out)[0]["fileset"] for one in (first, seconds[0])}
    assert len(filesets) == 2


def test_one_that_shows_no_life_is_gone_on_with_and_then_stopped(
    omero_cli: Omero, shared: Path, zarr: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs for a minute, say; the second finishes it, whatever the first does when it wakes up."""
    before = rows(omero_cli)["Image"]
    monkeypatch.setattr(heartbeat, "seconds_ago", lambda *_: None)
    first, second = second_while_the_first_saves(omero_cli, zarr, monkeypatch, "after")
    assert first.code == 1 and "taken it over" in first.err, first.err
    assert second.code == 0, second.err
    [done] = json.loads(second.out)
    assert shown(omero_cli.client, images_of(omero_cli, done["fileset"])) == expected(shared, LAYOUT)
    assert rows(omero_cli)["Image"] == before + len(done["images"])


def test_it_shows_that_it_is_alive(omero_cli: Omero, zarr: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a server takes its time over a batch, the row of the import's file is written again and again."""
    query, real, seen = omero_cli.client.sf.getQueryService(), NewImages.save, list[float]()
    hql = "select max(o.details.updateEvent.time) from FilesetEntry e join e.originalFile o"
    monkeypatch.setattr(heartbeat, "BEAT", 0.2)

    def slowly(self, prepared, note):
        monkeypatch.setattr(NewImages, "save", real)
        for _ in range(2):
            seen.append(query.projection(hql, None, {"omero.group": "-1"})[0][0].val)
            time.sleep(3)
        real(self, prepared, note)

    monkeypatch.setattr(NewImages, "save", slowly)
    assert omero_cli("roz", "import", zarr).code == 0
    assert seen[1] > seen[0]


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
