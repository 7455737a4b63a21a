"""The ManagedRepository: directories, registered files, what it refuses."""

from contextlib import closing
from uuid import uuid4

import pytest
from omero.rtypes import rstring, unwrap

import omero
from tests.contract.facts import fact, refused
from tests.contract.people import own_directory

DIRECTORY, PLAIN = rstring("Directory"), rstring("text/plain")


@pytest.fixture(scope="module")
def repository(user):
    return user.getManagedRepository()


@pytest.fixture
def place(user, repository):
    """A new directory of the user's."""
    made = f"{own_directory(user)}/{uuid4().hex[:8]}"
    repository.makeDir(made, True)
    return made


@fact("omero_api_calls.md")
def test_three_repositories(user):
    """A server has three repositories, each told by a file of mimetype Repository: one is the ManagedRepository."""
    found = user.sf.sharedResources().repositories()
    names = [file.name.val for file in found.descriptions]
    assert len(names) == 3 and {"ManagedRepository", "scripts"} <= set(names)
    assert {file.mimetype.val for file in found.descriptions} == {"Repository"}


@fact("omero_api_calls.md")
def test_checksum_algorithms(repository):
    """The checksum algorithms come in one order, the preferred first."""
    names = [a.value.val for a in repository.listChecksumAlgorithms()]
    assert names == ["SHA1-160", "MD5-128", "Murmur3-128", "Murmur3-32", "CRC-32", "Adler-32", "File-Size-64"]


@fact("omero_replacement.md a")
def test_register_is_idempotent(repository, place):
    """Registering a path twice gives the same row, unchanged."""
    first = repository.register(f"{place}/a.txt", PLAIN)
    again = repository.register(f"{place}/a.txt", rstring("text/xml"))
    assert (again.id, again.mimetype) == (first.id, first.mimetype)


@fact("omero_replacement.md a")
def test_register_what_is_not_there(repository, place):
    """A file that is not on the disk is registered, its size and checksum unknown, its repository known."""
    made = repository.register(f"{place}/a.txt", PLAIN)
    assert (made.path.val, made.name.val, made.size, made.hash) == (f"{place}/", "a.txt", None, None)


@fact("omero_replacement.md a")
def test_register_without_parent(repository, place):
    """A path whose directory has no row is not registered: Cannot find parent directory."""
    with refused(omero.SecurityViolation, "Cannot find parent directory"):
        repository.register(f"{place}/missing/a.txt", PLAIN)


@fact("omero_replacement.md a")
def test_directories_are_everybodys(repository, place):
    """The rows of a directory that a user makes, and of those above it, are in the group of all users."""
    rows = [repository.register(path, DIRECTORY) for path in (place, place.rpartition("/")[0])]
    assert [row.details.group.id.val for row in rows] == [1, 1]


@fact("omero_replacement.md a")
def test_directory_that_is_there(repository, place):
    """Making a directory that is there is refused without `parents`, and nothing with it."""
    with refused(omero.ResourceError, "Path exists on disk"):
        repository.makeDir(place, False)
    repository.makeDir(place, True)


@fact("omero_replacement.md a")
def test_directory_of_others(repository):
    """An ordinary user makes no directories outside of the one of their own."""
    with refused(omero.ValidationException, "cannot create directory"):
        repository.makeDir(f"contract-{uuid4().hex[:8]}", True)


@fact("real_server.md 17")
def test_register_below_what_is_roots(root, people, repository):
    """Anybody registers files in a directory that is root's, and in one that cannot be read."""
    above = people.directory()
    root.getManagedRepository().makeDir(above, True)
    assert repository.register(f"{above}/a.txt", PLAIN).name.val == "a.txt"


@fact("omero_replacement.md a")
@pytest.mark.parametrize(("permissions", "taken"), [("rwra--", True), ("rwr---", False)])
def test_register_below_what_is_anothers(people, place, permissions, taken):
    """In a directory of another user's only who is in a group that lets annotate registers files."""
    repository = people.client(people.group(permissions)).getManagedRepository()
    if taken:
        assert repository.register(f"{place}/a.txt", PLAIN).name.val == "a.txt"
    else:
        with refused(omero.SecurityViolation, "No annotate access for parent directory"):
            repository.register(f"{place}/a.txt", PLAIN)


@fact("docs/real-server.md")
def test_register_below_what_an_administrator_cannot_read(root, user, repository, place):
    """An administrator registers nothing in a directory of a group that the session does not work in."""
    repository.register(f"{place}/below", DIRECTORY)
    with refused(omero.SecurityViolation, "Cannot read ome.model.core.OriginalFile:Id_"):
        root.getManagedRepository().register(f"{place}/below/x", DIRECTORY)


@fact("real_server.md 17")
def test_path_above_the_root(repository):
    """A path that leads out of the repository is refused."""
    with refused(omero.ValidationException, "Path may not make references above root"):
        repository.fileExists("../a")


@fact("omero-blitz 5.8: CheckedPath")
@pytest.mark.parametrize("name", ["a:b", "a*", "a?b", "NUL", "con.txt", "$x"])
def test_names_that_windows_forbids(repository, place, name):
    """Names that Windows forbids are refused."""
    with refused(omero.ValidationException, "Path contains illegal components"):
        repository.makeDir(f"{place}/{name}", True)


@fact("real_server.md 17")
def test_tree_list(repository, place):
    """treeList gives the path's own name, then what is below it as `files`, each with id, mimetype and size."""
    repository.makeDir(f"{place}/below", True)
    with closing(repository.file(f"{place}/below/a.txt", "rw")) as store:
        store.write(b"abc", 0, 3)
    name = place.rpartition("/")[2]
    tree = unwrap(repository.treeList(place))
    assert list(tree) == [name] and tree[name]["mimetype"] == "Directory"
    file = tree[name]["files"]["below"]["files"]["a.txt"]
    assert file["size"] == 3 and set(file) == {"id", "mimetype", "size"}
    assert unwrap(repository.treeList(f"{place}/below/a.txt")) == {"a.txt": file}


@fact("omero-blitz 5.8: RepositoryDaoImpl")
def test_tree_list_of_nothing(repository, place):
    """treeList of what has no row is empty."""
    assert unwrap(repository.treeList(f"{place}/missing")) == {}


@fact("omero-blitz 5.8: PublicRepositoryI")
def test_delete_paths(user, repository, place):
    """deletePaths takes a directory's files with it, whatever `recursively` says."""
    repository.makeDir(f"{place}/below", True)
    repository.register(f"{place}/below/a.txt", PLAIN)
    handle = repository.deletePaths([f"{place}/below"], False, False)
    callback = omero.callbacks.CmdCallbackI(user, handle)
    callback.loop(300, 100)
    assert isinstance(callback.getResponse(), omero.cmd.Delete2Response)
    callback.close(True)
    assert not repository.fileExists(f"{place}/below")


@fact("omero_api_calls.md")
def test_repo_is_not_for_clients(user):
    """A file's repository cannot be set through IUpdate."""
    file = omero.model.OriginalFileI()
    file.name, file.path, file.repo = rstring("a"), rstring("/"), rstring(str(uuid4()))
    with refused(omero.SecurityViolation, "cannot set repo property of ome.model.core.OriginalFile:Id_"):
        user.sf.getUpdateService().saveObject(file)
