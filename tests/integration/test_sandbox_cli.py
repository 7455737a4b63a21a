"""The `omero` command as its documentation shows it: obj, hql, fs, delete, chgrp, user, group, tag, sessions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from omero.model import DatasetI

import omero
from demo.acquisition import write_ome_tiff
from demo.omero_client import Account
from tests.support.accounts import new_account
from tests.support.importing import import_file
from tests.support.servers import Omero, Server


@pytest.fixture
def root_cli(server: Server, capsys: pytest.CaptureFixture) -> Iterator[Omero]:
    with server.client() as client:
        yield Omero(client, capsys)


def says(cli: Omero, *args: str) -> str:
    """What a command that succeeds prints, without the end of the line."""
    result = cli(*args)
    assert result.code == 0, result
    return result.out.strip()


@dataclass(frozen=True)
class Imported:
    """An OME-TIFF of several images in a dataset of a project."""

    project: str
    dataset: str
    fileset: int
    images: list[int]

    @property
    def first(self) -> str:
        return f"Image:{self.images[0]}"


@pytest.fixture
def imported(omero_cli: Omero, tmp_path: Path) -> Imported:
    project = says(omero_cli, "obj", "new", "Project", "name=cli")
    dataset = says(omero_cli, "obj", "new", "Dataset", "name=cli")
    says(omero_cli, "obj", "new", "ProjectDatasetLink", f"parent={project}", f"child={dataset}")
    write_ome_tiff(tmp_path / "a.ome.tif")
    target = DatasetI(int(dataset.partition(":")[2]), False)
    response = import_file(omero_cli.client, tmp_path / "a.ome.tif", "x/a.ome.tif", userSpecifiedTarget=target)
    images = [p.image.id.val for p in response.pixels]
    query = omero_cli.client.sf.getQueryService()
    fileset = query.get("Image", images[0]).fileset.id.val
    return Imported(project, dataset, fileset, images)


def count(client: omero.clients.BaseClient, query: str, number: int) -> int:
    found = client.sf.getQueryService().projection(query, omero.sys.ParametersI().addId(number), {"omero.group": "-1"})
    return int(found[0][0].val)


class TestObj:
    def test_new_get_update_null(self, omero_cli: Omero) -> None:
        made = says(omero_cli, "obj", "new", "Dataset", "name=foo")
        assert made.startswith("Dataset:")
        assert says(omero_cli, "obj", "update", made, "description=bar") == made
        assert says(omero_cli, "obj", "get", made, "name") == "foo"
        lines = says(omero_cli, "obj", "get", made).splitlines()
        assert {"description=bar", f"id={made.partition(':')[2]}", "name=foo", "version="} <= set(lines)
        assert says(omero_cli, "obj", "null", made, "description") == made
        assert says(omero_cli, "obj", "get", made, "description") == ""

    def test_maps_and_lists(self, omero_cli: Omero) -> None:
        made = says(omero_cli, "obj", "new", "MapAnnotation", "ns=example.com")
        for pair in (("foo", "bar"), ("fu", "baa")):
            assert says(omero_cli, "obj", "map-set", made, "mapValue", *pair) == made
        assert says(omero_cli, "obj", "map-get", made, "mapValue", "foo") == "bar"
        assert says(omero_cli, "obj", "get", made, "mapValue") == "(foo,bar),(fu,baa)"
        assert says(omero_cli, "obj", "list-get", made, "mapValue", "0") == "(foo,bar)"

    def test_external_info(self, omero_cli: Omero, imported: Imported) -> None:
        assert omero_cli("obj", "ext-info-get", imported.first).code != 0
        says(omero_cli, "obj", "ext-info-set", imported.first, "3", "myEntityType", "myLsid", "myUuid")
        told = says(omero_cli, "obj", "ext-info-get", imported.first)
        assert all(value in told for value in ("myEntityType", "myLsid", "myUuid", "3"))
        assert says(omero_cli, "obj", "ext-info-get", imported.first, "entityType") == "myEntityType"

    def test_what_is_not_there(self, omero_cli: Omero) -> None:
        assert omero_cli("obj", "get", "Dataset:999999999").code != 0
        assert omero_cli("obj", "update", "Dataset:999999999", "name=x").code != 0


class TestHqlAndSearch:
    def test_hql(self, omero_cli: Omero, imported: Imported) -> None:
        query = f"select i.id, i.name from Image i where i.fileset.id = {imported.fileset} order by i.series"
        shown = says(omero_cli, "hql", "-q", "--style=plain", query)
        assert [int(line.split(",")[1]) for line in shown.splitlines()] == imported.images

    def test_objects(self, omero_cli: Omero, imported: Imported) -> None:
        query = f"select d from Dataset d where d.id = {imported.dataset[8:]}"
        shown = says(omero_cli, "hql", "-q", "--style=plain", query)
        assert "DatasetI" in shown

    @pytest.mark.sandbox("it has no full-text index")
    def test_full_text_search_is_refused_by_name(self, omero_cli: Omero) -> None:
        result = omero_cli("search", "Image", "anything")
        assert "not in this sandbox" in result.out + result.err
        assert result.code != 0


class TestFs:
    def test_repositories(self, root_cli: Omero) -> None:
        shown = says(root_cli, "fs", "repos", "--style=plain").splitlines()
        assert sorted(line.split(",")[3] for line in shown) == ["Managed", "Public", "Script"]
        assert says(root_cli, "fs", "repos", "--managed", "--style=plain").endswith("ManagedRepository")

    def test_sets(self, omero_cli: Omero, imported: Imported) -> None:
        rows = [
            line.split(",") for line in says(omero_cli, "fs", "sets", "--style=plain", "--limit=100000").splitlines()
        ]
        row = next(row for row in rows if row[1] == str(imported.fileset))
        assert row[3:5] == [str(len(imported.images)), "1"]
        for order in ("oldest", "newest", "prefix"):
            assert str(imported.fileset) in says(
                omero_cli, "fs", "sets", "--style=plain", "--limit=100000", "--order", order
            )
        assert str(imported.fileset) not in [
            line.split(",")[1]
            for line in says(
                omero_cli, "fs", "sets", "--style=plain", "--limit=100000", "--without-images"
            ).splitlines()
        ]

    def test_checksums(self, root_cli: Omero, imported: Imported, server: Server) -> None:
        shown = says(root_cli, "fs", "sets", "--style=plain", "--limit=100000", "--check")
        assert any(line.split(",")[1] == str(imported.fileset) and line.endswith("OK") for line in shown.splitlines())

    @pytest.mark.parametrize(
        "options", [(), ("--order=largest",), ("--order=oldest",), ("--archived",), ("--extended",)]
    )
    def test_images(self, omero_cli: Omero, imported: Imported, options: tuple[str, ...]) -> None:
        shown = says(omero_cli, "fs", "images", "--style=plain", "--limit=100000", *options)
        ids = [int(line.split(",")[1]) for line in shown.splitlines() if line]
        assert (imported.images[0] in ids) is ("--archived" not in options)

    def test_files_of_a_fileset(self, omero_cli: Omero, imported: Imported) -> None:
        assert says(omero_cli, "fs", "ls", f"Fileset:{imported.fileset}").endswith("/x/a.ome.tif")
        assert says(omero_cli, "fs", "logfile", f"Fileset:{imported.fileset}")
        assert says(omero_cli, "fs", "importtime", f"Fileset:{imported.fileset}")

    def test_usage(self, omero_cli: Omero, imported: Imported) -> None:
        size = int(says(omero_cli, "fs", "usage", f"Fileset:{imported.fileset}", "--size-only"))
        query = "select sum(e.originalFile.size) from FilesetEntry e where e.fileset.id = :id"
        assert size > count(omero_cli.client, query, imported.fileset)
        assert int(says(omero_cli, "fs", "usage", imported.first, "--size-only")) == size
        assert int(says(omero_cli, "fs", "usage", imported.project, imported.dataset, "--size-only")) == size
        table = says(omero_cli, "fs", "usage", imported.first, "--report")
        assert all(name in table for name in ("FilesetEntry", "Thumbnail", "Job"))
        assert int(says(omero_cli, "fs", "usage", "--size-only")) >= size
        assert int(says(omero_cli, "fs", "usage", "--groups", "--size-only")) >= size
        assert int(says(omero_cli, "fs", "usage", "Image:*", "--size-only")) >= size


class TestDelete:
    def test_dry_run_with_report(self, omero_cli: Omero, imported: Imported) -> None:
        shown = says(omero_cli, "delete", f"Fileset:{imported.fileset}", "--dry-run", "--report")
        assert "Dry run performed" in shown
        assert f"Fileset:{imported.fileset}" in shown
        assert count(omero_cli.client, "select count(f) from Fileset f where f.id = :id", imported.fileset) == 1

    def test_range_is_a_dry_run_without_force(self, omero_cli: Omero, imported: Imported) -> None:
        everything = f"Image:{imported.images[0]}-{imported.images[-1]}"
        with pytest.warns(DeprecationWarning):
            assert "Dry run performed" in says(omero_cli, "delete", everything)
        says(omero_cli, "delete", everything, "--force")
        assert count(omero_cli.client, "select count(f) from Fileset f where f.id = :id", imported.fileset) == 0

    def test_one_image_of_a_fileset(self, omero_cli: Omero, imported: Imported) -> None:
        result = omero_cli("delete", imported.first)
        assert f"within Fileset[{imported.fileset}] may not delete Image[{imported.images[0]}]" in result.err

    def test_images_below_a_project(self, omero_cli: Omero, imported: Imported) -> None:
        number = imported.project.partition(":")[2]
        shown = says(omero_cli, "delete", f"Project/Dataset/Image:{number}", "--report")
        assert all(str(i) in shown for i in (imported.images[0], imported.images[-1]))
        assert count(omero_cli.client, "select count(i) from Image i where i.id = :id", imported.images[0]) == 0
        assert says(omero_cli, "obj", "get", imported.dataset, "name") == "cli"

    def test_without_datasets(self, omero_cli: Omero, imported: Imported) -> None:
        says(omero_cli, "delete", imported.project, "--exclude", "Dataset")
        assert omero_cli("obj", "get", imported.project).code != 0
        assert says(omero_cli, "obj", "get", imported.dataset, "name") == "cli"

    @pytest.mark.parametrize(("options", "stays"), [((), True), (("--include", "TagAnnotation"), False)])
    def test_tags_stay_unless_included(
        self, omero_cli: Omero, imported: Imported, options: tuple[str, ...], stays: bool
    ) -> None:
        tag = says(omero_cli, "obj", "new", "TagAnnotation", f"textValue={uuid4()}")
        says(omero_cli, "obj", "new", "DatasetAnnotationLink", f"parent={imported.dataset}", f"child={tag}")
        says(omero_cli, "delete", imported.dataset, *options)
        assert (omero_cli("obj", "get", tag).code == 0) is stays

    def test_what_may_be_named(self, omero_cli: Omero) -> None:
        assert {"Image", "Fileset", "Plate"} <= set(says(omero_cli, "delete", "--list").split())


class TestChgrp:
    @pytest.fixture
    def other(self, server: Server, omero_cli: Omero, curator: Account) -> int:
        """A second group of the curator's."""
        with server.client() as root:
            name = new_account(root, "rwra--").name
            admin = root.sf.getAdminService()
            group = admin.lookupGroup(name)
            admin.addGroups(admin.lookupExperimenter(curator.name), [group])
        return int(group.id.val)

    def group_of(self, cli: Omero, name: str) -> int:
        kind, _, number = name.partition(":")
        return count(cli.client, f"select o.details.group.id from {kind} o where o.id = :id", int(number))

    def test_fileset_moves_whole(self, omero_cli: Omero, imported: Imported, other: int) -> None:
        result = omero_cli("chgrp", str(other), imported.first)
        assert f"may not move Image[{imported.images[0]}] while Image[" in result.err
        before = self.group_of(omero_cli, imported.first)
        everything = f"Image:{','.join(map(str, imported.images))}"
        shown = says(omero_cli, "chgrp", str(other), everything, "--dry-run", "--report")
        assert "DatasetImageLink" in shown.partition("Deleted objects")[2]
        assert self.group_of(omero_cli, imported.first) == before
        says(omero_cli, "chgrp", str(other), everything)
        for name in (imported.first, f"Fileset:{imported.fileset}"):
            assert self.group_of(omero_cli, name) == other
        assert self.group_of(omero_cli, imported.dataset) == before
        for kind, path in (("Pixels", "image"), ("Channel", "pixels.image"), ("Thumbnail", "pixels.image")):
            query = f"select distinct o.details.group.id from {kind} o where o.{path}.id = :id"
            assert count(omero_cli.client, query, imported.images[0]) == other
        query = "select distinct e.originalFile.details.group.id from FilesetEntry e where e.fileset.id = :id"
        assert count(omero_cli.client, query, imported.fileset) == other
        query = "select count(l) from DatasetImageLink l where l.child.id = :id"
        assert count(omero_cli.client, query, imported.images[0]) == 0
        assert says(omero_cli, "fs", "ls", f"Fileset:{imported.fileset}").endswith("a.ome.tif")

    def test_project_moves_with_all_below(self, omero_cli: Omero, imported: Imported, other: int) -> None:
        comment = says(omero_cli, "obj", "new", "CommentAnnotation", "textValue=mine")
        tag = says(omero_cli, "obj", "new", "TagAnnotation", "textValue=everywhere")
        elsewhere = says(omero_cli, "obj", "new", "Dataset", "name=elsewhere")
        for parent, child in ((imported.dataset, comment), (imported.dataset, tag), (elsewhere, tag)):
            says(omero_cli, "obj", "new", "DatasetAnnotationLink", f"parent={parent}", f"child={child}")
        before = self.group_of(omero_cli, elsewhere)
        says(omero_cli, "chgrp", str(other), imported.project)
        for name in (imported.project, imported.dataset, imported.first, comment):
            assert self.group_of(omero_cli, name) == other
        assert self.group_of(omero_cli, tag) == before
        query = "select count(l) from DatasetImageLink l where l.parent.id = :id"
        number = int(imported.dataset.partition(":")[2])
        assert count(omero_cli.client, query, number) == len(imported.images)
        query = "select count(l) from DatasetAnnotationLink l where l.parent.id = :id"
        assert count(omero_cli.client, query, number) == 1

    def test_images_below_a_dataset(self, omero_cli: Omero, imported: Imported, other: int) -> None:
        says(omero_cli, "chgrp", str(other), f"Dataset/Image:{imported.dataset.partition(':')[2]}")
        assert self.group_of(omero_cli, imported.first) == other
        assert self.group_of(omero_cli, imported.dataset) != other

    def test_group_of_others(self, omero_cli: Omero, imported: Imported, server: Server) -> None:
        with server.client() as root:
            stranger = root.sf.getAdminService().lookupGroup(new_account(root).name).id.val
        assert omero_cli("chgrp", str(stranger), imported.project).code != 0
        request = omero.cmd.Chgrp2(targetObjects={"Project": [int(imported.project[8:])]}, groupId=stranger)
        with pytest.raises(omero.CmdError) as refused:
            omero_cli.client.submit(request)
        assert refused.value.err.name == "not-in-group"


class TestUsersAndGroups:
    def test_users(self, root_cli: Omero, server: Server) -> None:
        group, user = f"g-{uuid4().hex[:8]}", f"u-{uuid4().hex[:8]}"
        says(root_cli, "group", "add", group, "--type=read-only")
        says(root_cli, "user", "add", user, "First", "Last", "--group-name", group, "-P", "secret")
        assert user in says(root_cli, "user", "list", "--style=plain")
        assert user in says(root_cli, "user", "info", "--user-name", user)
        assert group in says(root_cli, "user", "listgroups", user)
        assert user in says(root_cli, "group", "listusers", group)
        assert group in says(root_cli, "group", "list", "--style=plain")
        says(root_cli, "group", "perms", "--name", group, "--type=read-annotate")
        assert "rwra--" in says(root_cli, "group", "info", "--group-name", group)
        with server.client(user, "secret") as client:
            assert client.sf.getAdminService().getEventContext().groupName == group

    def test_full_administrators(self, root_cli: Omero, server: Server) -> None:
        group, user, other = f"g-{uuid4().hex[:8]}", f"u-{uuid4().hex[:8]}", f"u-{uuid4().hex[:8]}"
        says(root_cli, "group", "add", group)
        says(root_cli, "user", "add", user, "First", "Last", "--group-name", group, "-P", "secret", "--admin")
        says(root_cli, "user", "add", other, "First", "Last", "--group-name", group, "-P", "secret")
        says(root_cli, "group", "adduser", "--name", "system", other)
        for name in (user, other):
            with server.client(name, "secret") as client:
                assert client.sf.getAdminService().getEventContext().isAdmin

    def test_memberships(self, root_cli: Omero, curator: Account) -> None:
        group = f"g-{uuid4().hex[:8]}"
        says(root_cli, "group", "add", group)
        says(root_cli, "group", "adduser", "--name", group, curator.name)
        assert curator.name in says(root_cli, "group", "listusers", group)
        says(root_cli, "group", "adduser", "--name", group, curator.name, "--as-owner")
        says(root_cli, "user", "leavegroup", group, "--name", curator.name)
        assert curator.name not in says(root_cli, "group", "listusers", group)
        says(root_cli, "user", "joingroup", group, "--name", curator.name)
        says(root_cli, "group", "removeuser", "--name", group, curator.name)
        assert curator.name not in says(root_cli, "group", "listusers", group)

    def test_ordinary_users_may_not(self, omero_cli: Omero) -> None:
        assert omero_cli("group", "add", f"g-{uuid4().hex[:8]}").code != 0


class TestTag:
    def test_tags(self, omero_cli: Omero, imported: Imported) -> None:
        name = uuid4().hex
        says(omero_cli, "tag", "create", "--name", name, "--desc", "described")
        query = f"select t.id from TagAnnotation t where t.textValue = '{name}'"
        [[found]] = omero_cli.client.sf.getQueryService().projection(query, None)
        says(omero_cli, "tag", "link", imported.first, str(found.val))
        query = "select count(l) from ImageAnnotationLink l where l.child.id = :id"
        assert count(omero_cli.client, query, found.val) == 1
        assert name in says(omero_cli, "tag", "list")
        says(omero_cli, "tag", "createset", "--tag", str(found.val), "--name", f"set of {name}")
        assert f"set of {name}" in says(omero_cli, "tag", "listsets")
        query = f"select t.id from TagAnnotation t where t.textValue = 'set of {name}'"
        [[tag_set]] = omero_cli.client.sf.getQueryService().projection(query, None)
        assert name in says(omero_cli, "tag", "list", "--tagset", str(tag_set.val))


class TestSessions:
    def test_who_and_timeout(self, omero_cli: Omero, root_cli: Omero, curator: Account) -> None:
        assert curator.name in says(root_cli, "sessions", "who")
        says(omero_cli, "sessions", "timeout", "1234")
        says(omero_cli, "sessions", "group")
