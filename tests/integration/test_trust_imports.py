"""Imports of the same Zarr in one group: what others say of theirs stops nobody for longer than it is true."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.claims import image, record
from tests.support.quarrel import Person, Quarrel
from tests.support.servers import Result

HOUR_LONG = "0 of 384 images saved; alive until 2999-01-01; " + "0" * 32


@pytest.fixture
def zarr(acquisition: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(acquisition / "v2.zarr", tmp_path / "shared.zarr").resolve())


def claimed(mallory: Person, zarr: str, state: str = "open", **more: object) -> int:
    """A user's own empty fileset whose record says that it is, or was, an import of a Zarr."""
    claims = mallory.claims
    forged = claims.fileset(f"{mallory.top}/x/")
    claims.note(forged, record(None, kind="import", state=state, uri=zarr, **more))
    claims.summary(forged, [("What", "import"), ("Zarr", zarr)])
    return forged


def imported(person: Person, zarr: str, *more: str) -> Result:
    return person.omero("roz", "import", zarr, "--json", *more)


def waited(quarrel: Quarrel, fileset: int, seconds: int) -> None:
    """As if it had been written some time ago: the events are older."""
    quarrel.curator.imports().sql(
        "UPDATE event SET time = time - make_interval(secs => %s) WHERE id IN (SELECT a.update_id FROM annotation a"
        " JOIN filesetannotationlink l ON l.child = a.id WHERE l.parent = %s)", seconds, fileset,
    )  # fmt: skip


@pytest.mark.parametrize("again", [False, True])
def test_an_open_import_of_anothers_that_is_not_alive_blocks_nobody(quarrel: Quarrel, zarr: str, again: bool) -> None:
    forged = claimed(quarrel.member, zarr)
    waited(quarrel, forged, 120)
    done = imported(quarrel.curator, zarr, *(["--again"] if again else []))
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["state"] == "imported"


def test_again_is_never_blocked(quarrel: Quarrel, zarr: str) -> None:
    """Not by one that is alive, and not by one that says that it is for ever."""
    forged = claimed(quarrel.member, zarr)
    [[annotation, _]] = quarrel.member.claims.read(forged)
    found = quarrel.member.omero.client.sf.getQueryService().get("CommentAnnotation", annotation)
    found.description = __import__("omero").rtypes.rstring(HOUR_LONG)
    quarrel.member.omero.client.sf.getUpdateService().saveObject(found)
    alone = imported(quarrel.curator, zarr)
    assert alone.code == 1 and f"Fileset:{forged}" in alone.err, alone.err
    again = imported(quarrel.curator, zarr, "--again")
    assert again.code == 0, again.err
    waited(quarrel, forged, 120)
    assert imported(quarrel.stranger, zarr).code == 0  # another group has never heard of it


@pytest.mark.parametrize("form", ["without images", "images that are elsewhere"])
def test_a_forged_import_is_not_taken_for_one_that_was_done(quarrel: Quarrel, zarr: str, form: str) -> None:
    images = [] if form == "without images" else [image(n) for n in quarrel.member.imports().images]
    claimed(quarrel.member, zarr, "proven", images=images)
    done = imported(quarrel.curator, zarr)
    assert done.code == 0 and json.loads(done.out)[0]["state"] == "imported", done.err


def test_a_broken_record_of_anothers_stops_no_import(quarrel: Quarrel, zarr: str) -> None:
    forged = claimed(quarrel.member, zarr)
    [[annotation, _]] = quarrel.member.claims.read(forged)
    quarrel.member.claims.rewrite(annotation, "[" * 50_000)
    done = imported(quarrel.curator, zarr)
    assert done.code == 0, done.err


def test_a_member_opens_nothing_in_the_name_of_the_owner(quarrel: Quarrel, zarr: str) -> None:
    """A member's summary on the curator's fileset: the fileset is the curator's, the summary is not."""
    mine = quarrel.curator.imports()
    quarrel.member.claims.summary(mine.fileset, [("What", "import"), ("Zarr", zarr)])
    quarrel.member.claims.note(mine.fileset, record(None, kind="import", state="open", uri=zarr))
    done = imported(quarrel.curator, zarr)
    assert done.code == 0 and json.loads(done.out)[0]["state"] == "imported", done.err
    assert quarrel.curator.claims.there("Fileset", mine.fileset)


def test_what_another_says_to_have_imported_is_put_nowhere(quarrel: Quarrel, zarr: str, tmp_path: Path) -> None:
    """That a member's images are the Zarr's only the member's record says: nobody's target gets them unseen."""
    done = imported(quarrel.member, zarr)
    assert done.code == 0, done.err
    name = tmp_path.name
    asked = imported(quarrel.curator, zarr, "--target", f"Dataset:name:{name}")
    fileset = json.loads(done.out)[0]["fileset"]
    assert asked.code == 1 and f"as Fileset:{fileset}, and that is not in the target" in asked.err, asked.err
    rows = quarrel.curator.claims.rows(f"select d.id from Dataset d where d.name = '{name}'")
    assert rows == []
    assert imported(quarrel.member, zarr, "--target", f"Dataset:name:{name}").code == 0
