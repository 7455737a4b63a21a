"""What deleted filesets and dead commands leave behind goes with the next command of the same owner, or by `sweep`."""

import json
import os
import shutil
from pathlib import Path

import pytest

from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.session import OmeroSession
from tests.support.quarrel import Person, Quarrel
from tests.support.replacing import Replacing


def deleted(person: Person, fileset: int) -> None:
    """Delete a fileset with its images, as OMERO's own clients do."""
    session = OmeroSession(person.omero.client)
    delete(session, {"Fileset": [fileset]}, session.who.group_id)


def aged(mine: Replacing, user: int) -> None:
    """As if all that a user has made had been made yesterday."""
    mine.sql("UPDATE event SET time = time - interval '1 day' WHERE experimenter = %s", user)


def shadows(quarrel: Quarrel, person: Person) -> list[str]:
    folder = quarrel.repository / person.top / "omero-roz-shadows"
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def uploads(person: Person) -> list[str]:
    """The rows of files and directories below the directory in which omero-roz writes."""
    rows = person.claims.rows(f"select o.path, o.name from OriginalFile o where o.path like '{person.top}/omero-roz/%'")
    return [f"{path}{name}" for path, name in rows]


def infos(mine: Replacing, user: int) -> int:
    """How many of the user's ExternalInfo rows belong to no image."""
    free = "NOT EXISTS (SELECT 1 FROM image i WHERE i.external_id = e.id)"
    [[count]] = mine.sql(f"SELECT count(*) FROM externalinfo e WHERE owner_id = %s AND {free}", user)
    return count


@pytest.mark.parametrize("how", ["the next command", "sweep", "sweep as an administrator", "another's command"])
def test_what_a_deleted_fileset_leaves(quarrel: Quarrel, acquisition: Path, how: str) -> None:
    curator, zarr = quarrel.curator, acquisition / "v2.zarr"
    kept, one, other = curator.imports(), curator.imports(), curator.imports()
    shadowed, bound = one.replaced(zarr, "zarr-reader"), other.replaced(zarr, "api")
    in_use, in_use_too = kept.replaced(zarr, "zarr-reader"), curator.imports().replaced(zarr, "api")
    other.rolled_back(bound)  # its images have their ExternalInfos no longer, whose rows stay
    for fileset in (shadowed, bound):
        deleted(curator, fileset)
    before = uploads(curator), infos(kept, curator.claims.user)
    assert shadows(quarrel, curator) == [f"Fileset-{kept.fileset}", f"Fileset-{one.fileset}"]
    aged(kept, curator.claims.user)
    if how == "the next command":
        said = curator.omero("roz", "rollback", f"Fileset:{in_use_too}", *quarrel.db)
    elif how == "another's command":
        mine = quarrel.member.imports()
        mine.replaced(zarr, "zarr-reader")
        assert len(shadows(quarrel, curator)) == 2 and (uploads(curator), infos(kept, curator.claims.user)) == before
        return
    elif how == "sweep":
        said = curator.omero("roz", "sweep", *quarrel.means)
    else:
        said = quarrel.root("roz", "sweep", "--of", curator.top.rpartition("_")[0], *quarrel.means)
    assert said.code == 0, said.err
    assert not any(f"Fileset-{other.fileset}" in path for path in uploads(curator))
    assert infos(kept, curator.claims.user) < before[1]
    if how != "the next command":  # which had no directory of the repository
        assert shadows(quarrel, curator) == [f"Fileset-{kept.fileset}"]
    assert kept.filesets() == {in_use} and kept.planes()


def test_a_dry_run_and_the_same_again(quarrel: Quarrel, acquisition: Path) -> None:
    curator = quarrel.curator
    one = curator.imports()
    deleted(curator, one.replaced(acquisition / "v2.zarr", "zarr-reader"))
    aged(one, curator.claims.user)
    looked = curator.omero("roz", "sweep", *quarrel.means, "--dry-run", "--json")
    assert looked.code == 0 and shadows(quarrel, curator) == [f"Fileset-{one.fileset}"]
    [shadow] = json.loads(looked.out)["shadows"]
    assert shadow.startswith(f"{curator.top}/omero-roz-shadows/Fileset-{one.fileset}/")
    assert curator.omero("roz", "sweep", *quarrel.means).code == 0
    again = curator.omero("roz", "sweep", *quarrel.means, "--json")
    assert json.loads(again.out) == {"shadows": [], "files": [], "external_infos": 0, "removed": True}


def test_what_is_young_or_anothers_stays(quarrel: Quarrel, acquisition: Path) -> None:
    """A directory that was just made may be a command's that is at work."""
    curator = quarrel.curator
    one = curator.imports()
    deleted(curator, one.replaced(acquisition / "v2.zarr", "api"))
    before = uploads(curator)
    assert before and curator.omero("roz", "sweep").code == 0
    assert uploads(curator) == before
    aged(one, curator.claims.user)
    assert quarrel.member.omero("roz", "sweep", "--of", curator.top.rpartition("_")[0]).code == 1
    assert quarrel.member.omero("roz", "sweep").code == 0
    assert uploads(curator) == before


def test_a_cleanup_leaves_no_directory(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    """Of a replacement that was itself replaced: the directory of its copy of the OME-XML goes, with its row."""
    curator = quarrel.curator.imports()
    first = curator.replaced(acquisition / "v2.zarr", "api")
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "again.zarr")
    curator.replaced(tmp_path / "again.zarr", "api")
    [[prefix]] = quarrel.curator.claims.rows(f"select f.templatePrefix from Fileset f where f.id = {first}")
    assert quarrel.cleanup(curator.fileset).code == 0 and (quarrel.repository / prefix).is_dir()
    assert quarrel.cleanup(first).code == 0
    assert not (quarrel.repository / prefix).exists() and prefix.rstrip("/") not in uploads(quarrel.curator)
