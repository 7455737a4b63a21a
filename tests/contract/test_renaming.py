"""What its owner may make of the row of a repository's file by IUpdate: the row is a claim, but for its repository."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import omero.clients
import pytest
from omero.rtypes import rstring, unwrap
from omero.sys import ParametersI

import omero
from tests.contract.facts import fact, refused
from tests.contract.people import People, Person, delete, own_directory
from tests.support.servers import Server

SOURCE = "measured"
ALL = {"omero.group": "-1"}


@dataclass(frozen=True)
class Named:
    """A row as the database has it."""

    path: str
    name: str
    mimetype: str | None
    repo: str | None


class Files:
    """A user's own directory of the ManagedRepository with files in it."""

    def __init__(self, client: omero.clients.BaseClient) -> None:
        self.client, self.repository = client, client.getManagedRepository()
        self.directory = f"{own_directory(client)}/{uuid4().hex[:8]}/"
        self.repository.makeDir(self.directory, True)

    def write(self, name: str, data: bytes) -> int:
        """A file that the repository has; the id of its row."""
        with closing(self.repository.file(f"{self.directory}{name}", "rw")) as store:
            store.write(data, 0, len(data))
        return self.repository.register(f"{self.directory}{name}", rstring("text/plain")).id.val

    def change(self, row: int, **values: str | None) -> Named:
        """Save a row with other values; what it has then."""
        file = self.client.sf.getQueryService().get("OriginalFile", row, ALL)
        for key, value in values.items():
            setattr(file, key, None if value is None else rstring(value))
        self.client.sf.getUpdateService().saveObject(file)
        return self.row(row)

    def row(self, row: int) -> Named:
        """A row."""
        hql = "select o.path, o.name, o.mimetype, o.repo from OriginalFile o where o.id = :id"
        [found] = self.client.sf.getQueryService().projection(hql, ParametersI().addId(row), ALL)
        return Named(*unwrap(found))


@pytest.fixture(scope="module")
def group(people: People) -> int:
    return people.group("rwra--")


@pytest.fixture(scope="module")
def curator(people: People, group: int) -> Files:
    return Files(people.client(group))


@pytest.fixture(scope="module")
def member(people: People, group: int) -> Files:
    return Files(people.client(group))


@pytest.fixture
def mine(member: Files) -> int:
    return member.write(f"{uuid4().hex[:8]}.txt", b"mine")


@pytest.fixture
def unregistered(server: Server, curator: Files) -> tuple[str, str]:
    """A file in the curator's directory that was put there past OMERO."""
    if server.repository is None:
        pytest.skip("needs the server's ManagedRepository (--managed-repository)")
    name = f"{uuid4().hex[:8]}.txt"
    Path(server.repository, curator.directory, name).write_bytes(b"the curator's")
    return curator.directory, name


@fact(SOURCE)
def test_owner_renames(member: Files, mine: int) -> None:
    """The owner of a repository's file gives its row any path, name and mimetype, where there need be nothing."""
    repo, name = member.row(mine).repo, uuid4().hex
    assert member.change(mine, path="/etc/", name=name, mimetype="x/y") == Named("/etc/", name, "x/y", repo)


@fact(SOURCE)
@pytest.mark.parametrize("repo", [None, "another"])
def test_repository_of_a_row(member: Files, mine: int, repo: str | None) -> None:
    """Its repository nobody changes."""
    before = member.row(mine)
    with pytest.raises(omero.ServerError):
        member.change(mine, repo=repo and str(uuid4()))
    assert member.row(mine) == before


@fact("omero-server 5.7: OmeroInterceptor")
@pytest.mark.parametrize("value", [{"path": "../../etc/"}, {"name": "../x"}, {"path": "a/./b/"}])
def test_not_canonical(member: Files, mine: int, value: dict[str, str]) -> None:
    """A path or name with steps up or in place is refused: only administrators may."""
    with refused(omero.SecurityViolation, "only administrators may introduce non-canonical OriginalFile path or name"):
        member.change(mine, **value)


@fact("omero-model 5.7: psql-footer")
@pytest.mark.parametrize("slashes", ["/", "//"])
def test_path_of_another_row(curator: Files, member: Files, mine: int, slashes: str) -> None:
    """The path that another row of the repository has is refused, however many slashes are in it."""
    curator.write("taken.txt", b"")
    with refused(omero.ValidationException, "originalfile_repo_path_index"):
        member.change(mine, path=curator.directory.rstrip("/") + slashes, name="taken.txt")


@fact(SOURCE)
def test_read_of_what_has_no_row(member: Files, mine: int, unregistered: tuple[str, str]) -> None:
    """A file of anybody's that has no row is read by whoever names it in a row."""
    path, name = unregistered
    member.change(mine, path=path, name=name)
    with closing(member.client.sf.createRawFileStore()) as store:
        store.setFileId(mine)
        assert store.read(0, 13) == b"the curator's"


@fact(SOURCE)
def test_delete_of_what_has_no_row(server: Server, member: Files, mine: int, unregistered: tuple[str, str]) -> None:
    """A file of anybody's that has no row is deleted by whoever names it in a row and deletes that."""
    path, name = unregistered
    member.change(mine, path=path, name=name)
    assert isinstance(delete(member.client, {"OriginalFile": [mine]}), omero.cmd.Delete2Response)
    assert not Path(server.repository or "", path, name).exists()


@fact(SOURCE)
def test_mimetype_of_a_directory(member: Files, mine: int) -> None:
    """A file's row becomes that of a directory, and stays one."""
    assert member.change(mine, mimetype="Directory").mimetype == "Directory"
    with pytest.raises(omero.ServerError):
        member.change(mine, mimetype="text/plain")


@fact(SOURCE)
def test_owner_renames_a_directory(people: People) -> None:
    """The row of a directory is renamed by its owner too."""
    files = Files(people.client())
    row = files.repository.register(files.directory, rstring("Directory")).id.val
    name = uuid4().hex
    assert files.change(row, path="/", name=name).name == name


@fact(SOURCE)
@pytest.mark.parametrize(("permissions", "taken"), [("rwra--", False), ("rwrw--", True)])
def test_member_renames(people: People, permissions: str, taken: bool) -> None:
    """A member renames another's row in a group whose members write each other's data, and in no other."""
    group = people.group(permissions)
    theirs, files = Files(people.client(group)), Files(people.client(group))
    row = theirs.write("a.txt", b"")
    if taken:
        assert files.change(row, name="b.txt").name == "b.txt"
    else:
        with refused(omero.SecurityViolation, "not allowed"):
            files.change(row, name="b.txt")


@fact(SOURCE)
def test_who_wrote_it_last(root: omero.clients.BaseClient, people: People, group: int) -> None:
    """The update event of a row is that of who wrote it last."""
    person: Person = people.user(group)
    files = Files(people.login(person))
    row = files.write("a.txt", b"")
    files.change(row, name="b.txt")
    hql = "select o.details.updateEvent.experimenter.id from OriginalFile o where o.id = :id"
    [[who]] = root.sf.getQueryService().projection(hql, ParametersI().addId(row), ALL)
    assert who.val == person.id


@fact(SOURCE)
def test_register_in_anothers_shadows(curator: Files, member: Files, unregistered: tuple[str, str]) -> None:
    """In a group that lets annotate a member registers a file of another's, and it is the member's row."""
    path, name = unregistered
    made = member.repository.register(f"{path}{name}", rstring("text/plain"))
    assert made.details.owner.id.val != curator.client.sf.getAdminService().getEventContext().userId
