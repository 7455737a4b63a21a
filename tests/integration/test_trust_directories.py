"""A template prefix is a claim: an administrator's command touches nothing by it that is not its owner's."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.claims import image, record
from tests.support.quarrel import Person, Quarrel


def rolled_back(mallory: Person, prefix: str) -> int:
    """An empty fileset of a user's with a prefix, which two forged records call a replacement that was rolled back."""
    claims, mine = mallory.claims, mallory.imports()
    forged = claims.fileset(prefix)
    images = [image(number) for number in mine.images]
    claims.note(forged, record(mine.fileset, images, state="rolled-back", binding="zarr-reader"))
    claims.note(mine.fileset, record(forged, images, kind="rollback", state="done"), f"Fileset:{forged}")
    return forged


def files(folder: Path) -> set[str]:
    """All files and links in a directory."""
    return {str(Path(at, name).relative_to(folder)) for at, _, names in os.walk(folder) for name in names}


@pytest.mark.parametrize("form", ["out of the repository", "absolute", "by the top", "the user's whole directory"])
def test_a_cleanup_removes_no_directory_that_omero_roz_did_not_make(
    quarrel: Quarrel, acquisition: Path, tmp_path: Path, form: str
) -> None:
    quarrel.member.imports().replaced(acquisition / "v2.zarr", "zarr-reader")  # so that ME/omero-roz-shadows is there
    (tmp_path / "omero-roz-shadows" / "precious").mkdir(parents=True)
    (tmp_path / "omero-roz-shadows" / "precious" / "file").write_text("kept")
    me, out = quarrel.member.top, os.path.relpath(tmp_path, quarrel.repository)
    prefix = {
        "out of the repository": f"{me}/omero-roz-shadows/../../{out}/omero-roz-shadows/precious/",
        "absolute": f"{tmp_path}/omero-roz-shadows/precious/",
        "by the top": f"{out}/omero-roz-shadows/precious/",
        "the user's whole directory": f"{me}/omero-roz-shadows/../",
    }[form]
    forged = rolled_back(quarrel.member, prefix)
    before = files(quarrel.repository)
    said = quarrel.cleanup(forged)
    assert "Traceback" not in said.err
    assert (tmp_path / "omero-roz-shadows" / "precious" / "file").read_text() == "kept"
    assert before <= files(quarrel.repository)


@pytest.mark.parametrize("whose", ["another's", "the curator's own, in use"])
def test_a_cleanup_removes_no_shadows_of_others(quarrel: Quarrel, acquisition: Path, whose: str) -> None:
    """The prefix is that of shadows which are read now; a second form has it in the owner's own directory."""
    curator = quarrel.curator.imports()
    new = curator.replaced(acquisition / "v2.zarr", "zarr-reader")
    [[prefix]] = quarrel.curator.claims.rows(f"select f.templatePrefix from Fileset f where f.id = {new}")
    planes, kept = curator.planes(), files(quarrel.repository / prefix)
    assert kept
    forged = rolled_back(quarrel.member if whose == "another's" else quarrel.curator, prefix)
    quarrel.cleanup(forged)
    assert files(quarrel.repository / prefix) == kept
    assert curator.planes() == planes


def test_a_cleanup_follows_no_link_on_the_way(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    """A directory of shadows that somebody moved to a larger disk and linked: what lies there stays."""
    curator = quarrel.curator.imports()
    new = curator.replaced(acquisition / "v2.zarr", "zarr-reader")
    [[prefix]] = quarrel.curator.claims.rows(f"select f.templatePrefix from Fileset f where f.id = {new}")
    curator.rolled_back(new)
    place = quarrel.repository / Path(prefix).parent
    shutil.move(place, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", place)
    kept = files(tmp_path / "elsewhere")
    said = quarrel.cleanup(new)
    assert "link" in said.err
    assert files(tmp_path / "elsewhere") == kept


@pytest.mark.parametrize("binding", ["external-info", "zarr-reader"])
@pytest.mark.parametrize("form", ["above the repository", "another's directory", "another's by a pattern"])
def test_a_replacement_writes_into_the_owners_own_directory(
    quarrel: Quarrel, acquisition: Path, form: str, binding: str
) -> None:
    mine = quarrel.member.imports()
    other = {
        "above the repository": "..", "another's directory": quarrel.curator.top, "another's by a pattern": "%",
    }[form]  # fmt: skip
    quarrel.curator.imports().replaced(acquisition / "v2.zarr", binding)  # so that there is a directory of shadows
    quarrel.member.claims.prefix(mine.fileset, f"{other}/x/")
    outside, theirs = set(os.listdir(quarrel.repository.parent)), files(quarrel.repository / quarrel.curator.top)
    named = f"Fileset:{mine.fileset}"
    said = quarrel.root(
        "roz", "replace-fileset", named, str(acquisition / "v2.zarr"), "--binding", binding, *quarrel.means
    )
    assert "Traceback" not in said.err
    assert set(os.listdir(quarrel.repository.parent)) == outside
    assert files(quarrel.repository / quarrel.curator.top) == theirs
    assert said.code == 0, said.err  # it is written where the owner may write, and done
