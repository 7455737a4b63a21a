"""A repository is one object for all sessions: the call's context says who calls, and in which group."""

from uuid import uuid4

import Ice
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


TRANSLATED = {"makeDir": ("contract/a", True), "register": ("contract/a", PLAIN)}
RAW = {
    "file": ("contract/a", "rw"), "fileById": (1,), "fileExists": ("/",), "list": ("/",), "listFiles": ("/",),
    "treeList": ("/",), "root": (), "deletePaths": (["contract/a"], False, False), "verifyChecksums": ([1],),
    "importFileset": None,
}  # fmt: skip


def without_a_session(repository, operation, arguments):
    if arguments is None:
        fileset, settings = a_fileset()
        arguments = (fileset, settings)
    getattr(repository, operation)(*arguments, {"omero.group": "-1"})


def a_fileset():
    entry, fileset, settings = omero.model.FilesetEntryI(), omero.model.FilesetI(), omero.grid.ImportSettings()
    entry.clientPath = rstring("contract/a.ome.xml")
    fileset.addFilesetEntry(entry)
    fileset.linkJob(omero.model.UploadJobI())
    settings.checksumAlgorithm = omero.model.ChecksumAlgorithmI()
    settings.checksumAlgorithm.value = rstring("SHA1-160")
    return fileset, settings


@fact("real_server.md P1, 1")
@pytest.mark.parametrize("operation", TRANSLATED)
def test_no_session_uuid(repository, operation):
    """A repository call whose context lacks the session's uuid is refused: Uuid cannot be null."""
    with refused(omero.ApiUsageException, "Uuid cannot be null."):
        without_a_session(repository, operation, TRANSLATED[operation])


@fact("omero-blitz 5.8: RepositoryDaoImpl")
@pytest.mark.parametrize("operation", RAW)
def test_no_session_uuid_untranslated(repository, operation):
    """Other repository calls without it fail with an Ice.UnknownException that says so."""
    with refused(Ice.UnknownException, "ome.conditions.ApiUsageException: Uuid cannot be null."):
        without_a_session(repository, operation, RAW[operation])


@fact("omero-server 5.7: SessionCache")
def test_unknown_session(user, repository, directory):
    """A repository call with the uuid of no session is refused: No context for UUID."""
    context = {**without(user), "omero.session.uuid": str(uuid4())}
    with refused(omero.RemovedSessionException, "No context for"):
        repository.makeDir(f"{directory}/a", True, context)


@fact("omero-blitz 5.8: PublicRepositoryI")
def test_client_of_another_session(user, repository, directory):
    """A store of a repository's file is not made for a client that is none of the session's."""
    context = {**without(user), "omero.client.uuid": str(uuid4())}
    with refused(omero.InternalException, "No ServantHolder for proxy."):
        repository.file(f"{directory}/no-client", "rw", context)


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


@fact("omero_replacement.md c")
def test_saving_a_store_in_all_groups(two_groups):
    """A store's save is refused in all groups at once: No valid permissions available."""
    client, _ = two_groups
    path = f"{own_directory(client)}/{uuid4().hex[:8]}"
    repository = client.getManagedRepository()
    repository.makeDir(path, True)
    store = repository.file(f"{path}/a.txt", "rw")
    store.write(b"abc", 0, 3)
    with refused(omero.ApiUsageException, "No valid permissions available!"):
        store.save(client.getContext(-1))
    store.close()


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
