"""What a rollback puts back comes from the database, and a run is what the owner's record says."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.claims import image
from tests.support.quarrel import Person, Quarrel, quarrelling
from tests.support.replacing import Replacing
from tests.support.servers import Server


def files_read(mine: Replacing) -> list[tuple[Any, ...]]:
    """The file that the server opens for each image."""
    asked = "SELECT path, name, repo FROM pixels WHERE image = ANY(%s) ORDER BY image"
    return mine.sql(asked, mine.images)


def forge(person: Person, fileset: int, **of_images: Any) -> None:
    """Rewrite one's own record as one may: each of its images with other values."""
    [[annotation, text]] = person.claims.read(fileset)
    said = json.loads(text)
    said["images"] = [one | of_images for one in said["images"]]
    person.claims.rewrite(annotation, said)


def anywhere(quarrel: Quarrel, form: str) -> dict[str, str | None]:
    """A file that one may not have the server open."""
    curator = quarrel.curator.imports()
    [path, name, repo] = files_read(curator)[0]
    return {
        "out of the repository": {"path": "../../../../etc", "name": "passwd", "repo": repo},
        "another's file": {"path": path, "name": name, "repo": repo},
        "another repository": {"path": path, "name": name, "repo": "0" * 36},
        "text": {"path": "x'; DROP TABLE pixels; --\u0000", "name": "\ud800", "repo": repo},
    }[form]


FORMS = ["out of the repository", "another's file", "another repository", "text"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", ["one", "all of a run"])
def test_sql_writes_no_file_that_the_source_does_not_register(
    quarrel: Quarrel, acquisition: Path, tmp_path: Path, form: str, way: str
) -> None:
    mine, file = quarrel.member.imports(), anywhere(quarrel, form)
    table = tmp_path / "table.csv"
    table.write_text(f"fileset,zarr\n{mine.fileset},{acquisition / 'v2.zarr'}\n")
    options = ["--from", str(table), "--run", f"run-{mine.fileset}", *mine.options("zarr-reader"), "--json"]
    done = json.loads(quarrel.member.omero("roz", "replace-fileset", *options).out)
    [new] = [one["new"] for one in done["filesets"]]
    before = files_read(mine)
    forge(quarrel.member, new, pixels_before=file)
    named = [f"Fileset:{new}"] if way == "one" else ["--all-from", f"run-{mine.fileset}"]
    said = quarrel.root("roz", "rollback", *named, *quarrel.db)
    assert said.code == 1 and "Traceback" not in said.err, said.err
    assert files_read(mine) == before
    assert mine.filesets() == {new}


def test_the_file_that_the_source_registers_is_put_back(quarrel: Quarrel, acquisition: Path) -> None:
    """The other side of the rule: exactly what it was, whatever the curator has renamed meanwhile."""
    curator = quarrel.curator.imports()
    before, planes = files_read(curator), curator.planes()
    new = curator.replaced(acquisition / "v2.zarr", "zarr-reader")
    assert files_read(curator) != before
    assert quarrel.root("roz", "rollback", f"Fileset:{new}", *quarrel.db).code == 0
    assert (files_read(curator), curator.planes()) == (before, planes)


@pytest.mark.parametrize("by_sql", [False, True])
@pytest.mark.parametrize("form", ["images of another's", "into another's fileset"])
def test_a_rollback_moves_nothing_of_others(quarrel: Quarrel, acquisition: Path, form: str, by_sql: bool) -> None:
    """Forged: images that are not in the fileset, a source that is another's."""
    curator, mine = quarrel.curator.imports(), quarrel.member.imports()
    new = mine.replaced(acquisition / "v2.zarr", "external-info")
    [[annotation, text]] = quarrel.member.claims.read(new)
    said = json.loads(text)
    if form == "images of another's":
        said["images"] += [image(number) for number in curator.images]
    else:
        said["source"] = curator.fileset
    quarrel.member.claims.rewrite(annotation, said)
    refused = quarrel.root("roz", "rollback", f"Fileset:{new}", *(quarrel.db if by_sql else ()))
    assert refused.code == 1 and "Traceback" not in refused.err, refused.err
    assert curator.filesets() == {curator.fileset}
    assert mine.filesets() == {new}


def test_an_image_of_another_owner_is_not_changed_by_sql(quarrel: Quarrel, acquisition: Path) -> None:
    """The curator's image in the member's fileset, as a group whose members write each other's data may have it."""
    curator, mine = quarrel.curator.imports(), quarrel.member.imports()
    curator.sql("UPDATE image SET fileset = %s WHERE id = %s", mine.fileset, curator.images[0])
    before = files_read(curator)
    said = quarrel.root(
        "roz", "replace-fileset", f"Fileset:{mine.fileset}", str(acquisition / "v2.zarr"),
        "--binding", "zarr-reader", *quarrel.means,
    )  # fmt: skip
    assert said.code == 1, said.err
    assert files_read(curator) == before


@pytest.mark.parametrize("form", ["a map of the member's", "the owner's map, linked by the member"])
def test_a_run_is_what_the_owners_record_says(quarrel: Quarrel, acquisition: Path, tmp_path: Path, form: str) -> None:
    in_run, apart = quarrel.curator.imports(), quarrel.curator.imports()
    table, run = tmp_path / "table.csv", f"run-{in_run.fileset}"
    table.write_text(f"fileset,zarr\n{in_run.fileset},{acquisition / 'v2.zarr'}\n")
    done = quarrel.curator.omero("roz", "replace-fileset", "--from", str(table), "--run", run)
    assert done.code == 0, done.err
    new = apart.replaced(acquisition / "v2.zarr", "external-info")
    if form == "a map of the member's":
        quarrel.member.claims.summary(new, [("What", "replace"), ("Run", run)])
    else:
        import omero.model

        [[summary]] = quarrel.curator.claims.rows(
            "select a.id from FilesetAnnotationLink l, MapAnnotation a where l.child.id = a.id"
            f" and l.parent.id in (select i.fileset.id from Image i where i.id = {in_run.images[0]})"
        )
        quarrel.member.claims.link(new, summary, omero.model.MapAnnotationI)
    said = quarrel.root("roz", "rollback", "--all-from", run, *quarrel.db)
    assert said.code == 0, said.err
    assert in_run.filesets() == {in_run.fileset}
    assert apart.filesets() == {new}


def test_what_others_replaced_under_the_name_of_a_run_stops_no_rollback(
    quarrel: Quarrel, acquisition: Path, tmp_path: Path
) -> None:
    """A member gives a run of their own the same name, and breaks its record: the curator's goes back all the same."""
    curator, mine, run = quarrel.curator.imports(), quarrel.member.imports(), "the same name"
    for person, one in ((quarrel.curator, curator), (quarrel.member, mine)):
        table = tmp_path / f"{one.fileset}.csv"
        table.write_text(f"fileset,zarr\n{one.fileset},{acquisition / 'v2.zarr'}\n")
        assert person.omero("roz", "replace-fileset", "--from", str(table), "--run", run).code == 0
    [new] = mine.filesets()
    said = quarrel.curator.omero("roz", "rollback", "--all-from", run)
    assert said.code == 0, said.err
    assert (curator.filesets(), mine.filesets()) == ({curator.fileset}, {new})


@pytest.mark.parametrize("by_sql", [False, True])
def test_a_binding_is_put_back_as_the_row_that_it_was(quarrel: Quarrel, acquisition: Path, by_sql: bool) -> None:
    """A Zarr on top of another: the ExternalInfo that comes back is the old row where SQL does it, else a new one."""
    curator = quarrel.curator.imports()
    first = curator.replaced(acquisition / "v2.zarr", "external-info")
    bound = "FROM image i JOIN externalinfo e ON e.id = i.external_id WHERE i.id = ANY(%s)"
    rows = f"SELECT e.id, e.lsid {bound} ORDER BY i.id"
    before = curator.sql(rows, curator.images)
    second = curator.replaced(acquisition / "v3.zarr", "external-info", "--no-probe", "--check", "none")
    assert {lsid for _, lsid in before}.isdisjoint(lsid for _, lsid in curator.sql(rows, curator.images))
    options = quarrel.db if by_sql else []
    said = quarrel.root("roz", "rollback", f"Fileset:{second}", *options)
    assert said.code == 0, said.err
    after = curator.sql(rows, curator.images)
    assert [lsid for _, lsid in after] == [lsid for _, lsid in before]
    assert not by_sql or after == before
    assert curator.filesets() == {first}


def test_a_forged_binding_is_no_more_than_its_owner_could_write(quarrel: Quarrel, acquisition: Path) -> None:
    """A row that is another's, or an image's now, is never taken: what is put back is the owner's own new row."""
    curator, mine = quarrel.curator.imports(), quarrel.member.imports()
    curator.replaced(acquisition / "v2.zarr", "external-info")
    [(row, lsid), *_] = curator.sql(
        "SELECT e.id, e.lsid FROM image i JOIN externalinfo e ON e.id = i.external_id WHERE i.id = ANY(%s) ORDER BY 1",
        curator.images,
    )
    new = mine.replaced(acquisition / "v2.zarr", "external-info")
    taken = {"entity_type": "com.glencoesoftware.ngff:multiscales", "entity_id": 3, "lsid": lsid, "uuid": None}
    forge(quarrel.member, new, binding_before=taken | {"row": row})
    said = quarrel.root("roz", "rollback", f"Fileset:{new}", *quarrel.db)
    assert "Traceback" not in said.err
    held = curator.sql("SELECT id FROM image WHERE external_id = %s", row)
    assert held == [(min(curator.images),)]
    if said.code == 0:
        owners = mine.sql(
            "SELECT DISTINCT e.owner_id FROM image i JOIN externalinfo e ON e.id = i.external_id WHERE i.id = ANY(%s)",
            mine.images,
        )
        assert owners == [(quarrel.member.claims.user,)]


def unregistered(person: Person, quarrel: Quarrel, zarr: Path) -> tuple[str, str]:
    """A file of one's replacement that has no row in OMERO: path and name."""
    mine = person.imports()
    mine.replaced(zarr, "zarr-reader")
    rows = {path + name for path, name in mine.sql("SELECT path, name FROM originalfile WHERE repo IS NOT NULL")}
    shadows = (quarrel.repository / person.top / "omero-roz-shadows").rglob(".z*")
    names = (path.relative_to(quarrel.repository) for path in sorted(shadows))
    return next((str(one.parent), one.name) for one in names if str(one) not in rows)


RENAMED = ["a row renamed", "a row of their own of it", "the directory's row as well", "where there is nothing"]


@pytest.mark.parametrize("form", RENAMED)
def test_a_row_that_its_owner_wrote_gets_no_file_of_others(quarrel: Quarrel, acquisition: Path, form: str) -> None:
    """The record and the row of a file agree, and both are the member's: the file is the curator's, or nobody's."""
    path, name = unregistered(quarrel.curator, quarrel, acquisition / "v2.zarr")
    if form == "where there is nothing":
        path, name = "etc", "passwd-" + quarrel.member.top
    mine = quarrel.member.imports()
    new = mine.replaced(acquisition / "v2.zarr", "zarr-reader")
    claims = quarrel.member.claims
    [[entry, repo]] = claims.rows(
        "select e.originalFile.id, e.originalFile.repo from FilesetEntry e"
        f" where e.fileset.id = {mine.fileset} and e.originalFile.name like '%.tif'"
    )
    if form == "a row of their own of it":
        claims.register(path, name)
    else:
        if form == "the directory's row as well":
            claims.register(path)
        claims.rename(entry, f"{path}/", name)
    before = files_read(mine)
    forge(quarrel.member, new, pixels_before={"path": path, "name": name, "repo": repo})
    said = quarrel.root("roz", "rollback", f"Fileset:{new}", *quarrel.db)
    assert (files_read(mine), mine.filesets()) == (before, {new})
    assert said.code == 1 and "Traceback" not in said.err and "register" in said.err, said.err


def test_what_was_given_to_another_owner_goes_back(quarrel: Quarrel, acquisition: Path) -> None:
    """Where members may annotate its records stay with who made it, and count for nobody until they are given as well.

    Its files stay in the directory of who imported them, and are shown to be theirs by who wrote the rows.
    """
    curator = quarrel.curator.imports()
    before = files_read(curator)
    new = curator.replaced(acquisition / "v2.zarr", "zarr-reader")
    given_to = str(quarrel.member.claims.user)
    given = quarrel.root("chown", given_to, f"Fileset:{curator.fileset}", f"Fileset:{new}")
    assert given.code == 0, given.err
    now = files_read(curator)
    for verb in (["rollback", *quarrel.db], ["status"]):
        said = quarrel.root("roz", verb[0], f"Fileset:{new}", *verb[1:])
        assert said.code == 1 and "omero chown" in said.err, said.err
    assert files_read(curator) == now
    told = said.err.partition("omero chown ")[2].split()
    assert told[0] == quarrel.member.top.rpartition("_")[0]
    given = quarrel.root("chown", *told)
    assert given.code == 0, given.err
    said = quarrel.root("roz", "rollback", f"Fileset:{new}", *quarrel.db)
    assert said.code == 0, said.err
    assert files_read(curator) == before


def test_what_was_given_along_with_its_records_goes_back(
    server: Server, acquisition: Path, capsys: pytest.CaptureFixture
) -> None:
    """In a read-only group the records go along."""
    with contextmanager(quarrelling)(server, acquisition / "acquisition.ome.tif", capsys, "rwr---") as quarrel:
        curator = quarrel.curator.imports()
        before = files_read(curator)
        new = curator.replaced(acquisition / "v2.zarr", "external-info")
        filesets = [f"Fileset:{number}" for number in (curator.fileset, new)]
        given = quarrel.root("chown", str(quarrel.member.claims.user), *filesets)
        assert given.code == 0, given.err
        said = quarrel.member.omero("roz", "rollback", f"Fileset:{new}")
        assert said.code == 0, said.err
        assert files_read(curator) == before


def test_what_a_member_wrote_is_not_to_be_given(quarrel: Quarrel, acquisition: Path) -> None:
    """Of records on a fileset only those of who made it are named as left behind."""
    curator = quarrel.curator.imports()
    quarrel.member.claims.note(curator.fileset, "{}")
    for verb in ("rollback", "status"):
        assert "chown" not in quarrel.root("roz", verb, f"Fileset:{curator.fileset}").err
