"""What keeps a fileset from being removed, and what does not; all reasons are told, the gravest first."""

import os
import shutil
from pathlib import Path

import pytest
from omero.model import ExternalInfoI, FilesetAnnotationLinkI, FilesetI, LongAnnotationI, TagAnnotationI
from omero.rtypes import rlong, rstring

from tests.support.claims import Claims, record
from tests.support.quarrel import Quarrel


def annotate(claims: Claims, fileset: int) -> None:
    """Two annotations that are no records, as one's own."""
    for made in (LongAnnotationI(), TagAnnotationI()):
        if isinstance(made, LongAnnotationI):
            made.longValue = rlong(5)
        else:
            made.textValue = rstring("a tag")
        link = FilesetAnnotationLinkI()
        link.parent, link.child = FilesetI(fileset, False), made
        claims.client.sf.getUpdateService().saveObject(link)


def test_what_others_wrote_on_it_keeps_nothing(quarrel: Quarrel, acquisition: Path) -> None:
    curator = quarrel.curator.imports()
    curator.replaced(acquisition / "v2.zarr", "external-info")
    annotate(quarrel.member.claims, curator.fileset)
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 0, said.err
    assert not quarrel.curator.claims.there("Fileset", curator.fileset)


def test_an_image_of_others_that_only_says_it_is_read_there_keeps_nothing(quarrel: Quarrel, acquisition: Path) -> None:
    """An lsid that names the fileset's directory, where there is no Zarr."""
    curator, theirs = quarrel.curator.imports(), quarrel.member.imports()
    curator.replaced(acquisition / "v2.zarr", "external-info")
    rows = quarrel.curator.claims.rows(
        f"select o.path from FilesetEntry e join e.originalFile o where e.fileset.id = {curator.fileset}"
    )
    [image, *_] = theirs.images
    service = quarrel.member.omero.client.sf
    found = service.getQueryService().get("Image", image)
    info = ExternalInfoI()
    info.entityType, info.entityId = rstring("com.glencoesoftware.ngff:multiscales"), rlong(3)
    info.lsid = rstring(f"{quarrel.repository}/{rows[0][0]}no.zarr/0")
    found.details.externalInfo = info
    service.getUpdateService().saveObject(found)
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 0, said.err


def test_all_reasons_are_told_and_the_gravest_first(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    """As omero-mkngff leaves a fileset: a link among its files, an annotation of the owner's; and an image put back."""
    curator = quarrel.curator.imports()
    curator.replaced(acquisition / "v2.zarr", "external-info")
    annotate(quarrel.curator.claims, curator.fileset)
    [[path, name]] = quarrel.curator.claims.rows(
        f"select o.path, o.name from FilesetEntry e join e.originalFile o where e.fileset.id = {curator.fileset}"
    )
    file = quarrel.repository / path / name
    shutil.move(file, tmp_path / name)
    os.symlink(tmp_path / name, file)
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 1
    assert said.err.index("is a link") < said.err.index("1 LongAnnotation, 1 TagAnnotation"), said.err
    curator.sql("UPDATE image SET fileset = %s WHERE id = %s", curator.fileset, curator.images[0])
    said = quarrel.cleanup(curator.fileset)
    assert said.code == 1
    assert said.err.index("1 image is in it") < said.err.index("is a link"), said.err
    assert quarrel.curator.claims.there("Image", curator.images[0]) and (tmp_path / name).exists()


@pytest.mark.parametrize("by_admin_alone", [False, True])
def test_a_chain_is_removed_from_its_oldest_on(
    quarrel: Quarrel, acquisition: Path, tmp_path: Path, by_admin_alone: bool
) -> None:
    """Twice replaced: who had the images each time is in the log of events; without the database too."""
    curator = quarrel.curator.imports()
    first = curator.replaced(acquisition / "v2.zarr", "api")
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "again.zarr")
    second = curator.replaced(tmp_path / "again.zarr", "api")
    options = ["--managed-repository", str(quarrel.repository)] if by_admin_alone else quarrel.means
    for fileset in (curator.fileset, first):
        said = quarrel.root("roz", "cleanup", f"Fileset:{fileset}", *options, "--yes")
        assert said.code == 0, said.err
    assert curator.filesets() == {second}


def test_a_way_back_that_leads_past_a_removed_source(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    """The file that was opened before is gone with the oldest source; the images are read from their Zarr again."""
    curator = quarrel.curator.imports()
    first = curator.replaced(acquisition / "v2.zarr", "external-info")
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "again.zarr")
    second = curator.replaced(tmp_path / "again.zarr", "zarr-reader")
    planes = curator.planes()
    assert quarrel.cleanup(curator.fileset).code == 0
    assert curator.rolled_back(second) == first
    assert curator.planes() == planes


def test_a_broken_record_in_a_run_stops_no_other(quarrel: Quarrel, acquisition: Path, tmp_path: Path) -> None:
    curator, member = quarrel.curator.imports(), quarrel.member.claims
    table, run = tmp_path / "table.csv", f"run {curator.fileset}"
    table.write_text(f"fileset,zarr\n{curator.fileset},{acquisition / 'v2.zarr'}\n")
    done = quarrel.root("roz", "replace-fileset", "--from", str(table), "--run", run, *quarrel.db)
    assert done.code == 0, done.err
    broken = member.fileset(f"{quarrel.member.top}/x/")
    member.note(broken, "no record")
    member.summary(broken, [("Run", run)])
    said = quarrel.root("roz", "cleanup", "--all-from", run, *quarrel.means, "--yes")
    assert said.code == 1 and "1 of 2 failed" in said.err, said.err
    assert not quarrel.curator.claims.there("Fileset", curator.fileset)


@pytest.mark.parametrize("who", ["member", "stranger"])
def test_a_run_of_anothers_names_no_source_of_ones_own(quarrel: Quarrel, acquisition: Path, who: str) -> None:
    """A record on a fileset of their own says that it has replaced the curator's, in the run that is cleaned up."""
    curator, mallory, run = quarrel.curator.imports(), getattr(quarrel, who), "a run of mine"
    new = curator.replaced(acquisition / "v2.zarr", "external-info")
    run = f"{run} {new}"
    forged = mallory.claims.fileset(f"{mallory.top}/x/")
    mallory.claims.note(forged, record(curator.fileset, run=run), f"Fileset:{curator.fileset}")
    mallory.claims.summary(forged, [("Run", run)])
    said = quarrel.root("roz", "cleanup", "--all-from", run, *quarrel.means, "--yes")
    assert said.code == 1 and "no fileset that you may see is replaced by it" in said.err, said.err
    assert curator.rolled_back(new) == curator.fileset
