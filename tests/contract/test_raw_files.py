"""RawFileStore: the bytes of files."""

from contextlib import closing
from uuid import uuid4

import pytest

import omero
from tests.contract.facts import fact, refused
from tests.contract.people import own_directory


@pytest.fixture
def path(user):
    """A path for a file of the user's, its directory there already."""
    directory = f"{own_directory(user)}/{uuid4().hex[:8]}"
    user.getManagedRepository().makeDir(directory, True)
    return f"{directory}/a.bin"


@pytest.fixture
def written(user, path):
    """A store for reading of a file with three bytes."""
    repository = user.getManagedRepository()
    with closing(repository.file(path, "rw")) as store:
        store.write(b"abc", 0, 3)
        store.save()
    with closing(repository.file(path, "r")) as store:
        yield store


@fact("real_server.md 8")
def test_reading_past_the_end(written):
    """RawFileStore.read past the end gives the asked length, padded with zeros."""
    assert written.read(1, 4) == b"bc\0\0"
    assert written.read(5, 2) == b"\0\0"


@fact("real_server.md 8")
def test_size(written):
    """RawFileStore.size is the size on the disk, whatever was read."""
    written.read(0, 10)
    assert written.size() == 3


@fact("omero-server 5.7: RawFileBean")
def test_saving_nothing(written):
    """RawFileStore.save gives nothing where nothing was written."""
    assert written.save() is None


@fact("omero-server 5.7: RawFileBean")
def test_writing_what_is_open_for_reading(written):
    """A repository's store that was opened for reading refuses to write."""
    with refused(omero.SecurityViolation, "File not writeable!"):
        written.write(b"x", 0, 1)


@fact("omero_replacement.md a")
def test_new_file_has_its_checksum(user, path):
    """A repository's new file gets SHA-1 and size with the save."""
    with closing(user.getManagedRepository().file(path, "rw")) as store:
        store.write(b"abc", 0, 3)
        saved = store.save()
    assert (saved.size.val, saved.hash.val) == (3, "a9993e364706816aba3e25717850c26c9cd0d89d")
