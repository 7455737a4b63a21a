"""A repository is one object for all sessions: the call's context says who calls, and in which group."""

from uuid import uuid4

import pytest
from omero.rtypes import rstring

import omero
from tests.contract.facts import fact, refused
from tests.contract.people import own_directory

PLAIN = rstring("text/plain")


@pytest.fixture(scope="module")
def repository(user):
    return user.getManagedRepository()


@pytest.fixture(scope="module")
def directory(user, repository):
    made = f"{own_directory(user)}/{uuid4().hex[:8]}"
    repository.makeDir(made, True)
    return made


def without(client, *keys):
    """The client's own context less some keys: what a call with an explicit context sends."""
    return {key: value for key, value in client.getImplicitContext().getContext().items() if key not in keys}


@fact("ice.md")
def test_own_context_has_both_uuids(user):
    """The client's own context has the session's and the client's uuid."""
    assert {"omero.session.uuid", "omero.client.uuid"} <= set(without(user))


@fact("real_server.md P1, 1")
@pytest.mark.parametrize("operation", ["makeDir", "register", "file", "fileExists", "listFiles", "treeList"])
def test_no_session_uuid(user, repository, directory, operation):
    """A repository call whose context lacks the session's uuid is refused: Uuid cannot be null."""
    arguments = {"makeDir": (f"{directory}/a", True), "register": (f"{directory}/a", PLAIN), "file": ("a", "rw")}
    with refused(omero.ApiUsageException, "Uuid cannot be null."):
        getattr(repository, operation)(*arguments.get(operation, (directory,)), {"omero.group": "-1"})


@fact("real_server.md P1, 1")
def test_no_client_uuid(user, repository, directory):
    """A store of a repository's file needs the client's uuid too: Cannot create session id for servant."""
    context = without(user, "omero.client.uuid")
    with refused(omero.InternalException, "Cannot create session id for servant"):
        repository.file(f"{directory}/no-client", "rw", context)


@fact("omero-blitz 5.8: ManagedRepositoryI")
def test_checksum_algorithms_need_no_session(repository):
    """The list of checksum algorithms needs no session."""
    assert repository.listChecksumAlgorithms({"omero.group": "-1"})


@pytest.fixture(scope="module")
def two_groups(people):
    """A client whose session is in one group, and another group of the same user."""
    first, second = people.group(), people.group()
    return people.client(first, second), second


@fact("real_server.md P1b, 1")
def test_saving_a_store_in_another_group(two_groups):
    """A store's save is refused in another group than the file's: Currently logged into group A. Cannot alter … B."""
    client, other = two_groups
    path, context = f"{own_directory(client)}/{uuid4().hex[:8]}", client.getContext(other)
    repository = client.getManagedRepository()
    repository.makeDir(path, True, context)
    store = repository.file(f"{path}/a.txt", "rw", context)
    store.write(b"abc", 0, 3, context)
    here = client.sf.getAdminService().getEventContext().groupId
    message = f"Currently logged into group {here}. Cannot alter object in group {other}"
    with refused(omero.SecurityViolation, message):
        store.save()
    assert store.save(context).size.val == 3
    store.close(context)


@fact("omero_replacement.md a, real_server.md 1")
def test_file_of_another_group(two_groups):
    """A repository's file is looked at in the one group of the call: that of another group cannot be read."""
    client, other = two_groups
    path, context = f"{own_directory(client)}/{uuid4().hex[:8]}", client.getContext(other)
    repository = client.getManagedRepository()
    repository.makeDir(path, True, context)
    repository.register(f"{path}/a.txt", PLAIN, context)
    assert repository.fileExists(f"{path}/a.txt", context)
    with refused(omero.SecurityViolation, "Cannot read ome.model.core.OriginalFile:Id_"):
        repository.fileExists(f"{path}/a.txt")
