"""Who follows a fileset is settled by owners, groups, the record itself and the log of events, never by a name."""

import json
from pathlib import Path

import pytest

from tests.support.claims import image, record
from tests.support.quarrel import Person, Quarrel


def proven_of_ones_own(mallory: Person, zarr: Path, source: int) -> int:
    """A fileset of a user's that is really replaced, with a copy of its record that names another source."""
    mine = mallory.imports()
    new = mine.replaced(zarr, "external-info")
    mallory.claims.note(new, mallory.claims.record(new) | {"source": source}, f"Fileset:{source}")
    return new


def originals(quarrel: Quarrel, fileset: int) -> list[Path]:
    """The files that a fileset registers."""
    rows = quarrel.curator.claims.rows(
        f"select o.path, o.name from FilesetEntry e join e.originalFile o where e.fileset.id = {fileset}"
    )
    return [quarrel.repository / path / name for path, name in rows]


@pytest.mark.parametrize("who", ["member", "stranger"])
def test_a_strangers_original_is_not_removed_by_ones_own_record(quarrel: Quarrel, acquisition: Path, who: str) -> None:
    """The curator's replacement is not proven; another's copied record says that it is."""
    curator = quarrel.curator.imports()
    curator.replaced(acquisition / "v2.zarr", "external-info", "--no-probe")
    kept = originals(quarrel, curator.fileset)
    proven_of_ones_own(getattr(quarrel, who), acquisition / "v2.zarr", curator.fileset)
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 1 and "is not proven" in said.err, said.err
    assert quarrel.curator.claims.there("Fileset", curator.fileset) and all(file.exists() for file in kept)


def test_an_emptied_fileset_is_not_followed_by_a_stranger(quarrel: Quarrel, acquisition: Path) -> None:
    """A fileset that its owner has emptied by hand: the images elsewhere, and a member's record says it has them."""
    curator = quarrel.curator.imports()
    kept = originals(quarrel, curator.fileset)
    elsewhere = quarrel.curator.claims.fileset("elsewhere/")
    curator.sql("UPDATE image SET fileset = %s WHERE fileset = %s", elsewhere, curator.fileset)
    proven_of_ones_own(quarrel.member, acquisition / "v2.zarr", curator.fileset)
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 1 and "no record" in said.err, said.err
    assert all(file.exists() for file in kept)


def test_several_that_say_they_have_the_images_are_refused_and_listed(quarrel: Quarrel, acquisition: Path) -> None:
    """The owner's own copied record (a tool that copies annotations does that) makes it unclear who follows."""
    curator = quarrel.curator.imports()
    new = curator.replaced(acquisition / "v2.zarr", "external-info")
    other = proven_of_ones_own(quarrel.curator, acquisition / "v2.zarr", curator.fileset)
    for said in (
        quarrel.cleanup(curator.fileset),
        quarrel.root("roz", "replace-fileset", f"Fileset:{curator.fileset}", str(acquisition / "v2.zarr")),
        quarrel.root("roz", "rollback", f"Fileset:{curator.fileset}"),
    ):
        assert said.code == 1 and f"Fileset:{new}" in said.err and f"Fileset:{other}" in said.err, said.err
    assert quarrel.curator.claims.there("Fileset", curator.fileset)


def test_images_that_the_source_never_had_prove_nothing(quarrel: Quarrel, acquisition: Path) -> None:
    """One's own proven replacement of other images, called the follower of a fileset that was emptied by hand."""
    curator = quarrel.curator.imports()
    kept = originals(quarrel, curator.fileset)
    elsewhere = quarrel.curator.claims.fileset("elsewhere/")
    curator.sql("UPDATE image SET fileset = %s WHERE fileset = %s", elsewhere, curator.fileset)
    proven_of_ones_own(quarrel.curator, acquisition / "v2.zarr", curator.fileset)
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 1, said.err
    assert all(file.exists() for file in kept)


def test_an_image_that_still_reads_the_source_keeps_it(quarrel: Quarrel, acquisition: Path) -> None:
    """One image was taken out of the fileset by hand before the others were replaced: only the database knows."""
    curator = quarrel.curator.imports()
    kept = originals(quarrel, curator.fileset)
    new = curator.replaced(acquisition / "v2.zarr", "external-info")
    left, claims = curator.images[3], quarrel.curator.claims
    elsewhere = claims.fileset("elsewhere/")
    curator.sql("UPDATE image SET fileset = %s, external_id = NULL WHERE id = %s", elsewhere, left)
    [[annotation, text]] = claims.read(new)
    said = json.loads(text)
    claims.rewrite(annotation, said | {"images": [one for one in said["images"] if one["id"] != left]})
    done = quarrel.cleanup(curator.fileset)
    assert done.code == 1 and f"Image:{left}" in done.err, done.err
    assert all(file.exists() for file in kept)


def test_a_member_puts_a_record_of_the_owners_on_another_fileset(quarrel: Quarrel, acquisition: Path) -> None:
    """In a read-annotate group a member may link what the owner wrote: the link is the member's, so it says nothing."""
    first, second = quarrel.curator.imports(), quarrel.curator.imports()
    new = first.replaced(acquisition / "v2.zarr", "external-info")
    [[annotation, _]] = quarrel.curator.claims.read(new)
    quarrel.member.claims.link(second.fileset, annotation)
    said = quarrel.root("roz", "status", f"Fileset:{second.fileset}", "--json")
    assert said.code == 0 and json.loads(said.out) == [], said.err
    refused = quarrel.root("roz", "rollback", f"Fileset:{second.fileset}")
    assert refused.code == 1 and "no record" in refused.err
    assert first.rolled_back(new) == first.fileset


def test_a_forged_follower_hides_no_way_back(quarrel: Quarrel, acquisition: Path) -> None:
    """A member's record that names the curator's fileset: the curator's commands go on as if it were not there."""
    curator = quarrel.curator.imports()
    forged = quarrel.member.claims.fileset("x/")
    quarrel.member.claims.note(forged, record(curator.fileset, [image(1)]), f"Fileset:{curator.fileset}")
    new = curator.replaced(acquisition / "v2.zarr", "external-info")
    quarrel.member.claims.note(forged, record(curator.fileset, [image(1)]), f"Fileset:{curator.fileset}")
    assert curator.replaced(acquisition / "v2.zarr", "external-info") == new
    assert curator.rolled_back(new) == curator.fileset
