"""Files of the ManagedRepository, imports that go wrong, and deletion with what is on the disk."""

import hashlib
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from omero.model import DatasetI, OriginalFileI
from omero.rtypes import rlong, rstring, unwrap

import omero
from demo.acquisition import write_ome_tiff
from tests.contract.people import own_directory
from tests.support.accounts import new_account
from tests.support.importing import import_file, run_import, start, upload

HASHERS = ("SHA1-160", "MD5-128", "Murmur3-128", "Murmur3-32", "CRC-32", "Adler-32", "File-Size-64")


@pytest.fixture
def client(server, curator):
    with server.client(curator.name, curator.password) as client:
        yield client


@pytest.fixture
def root(server):
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def tiff(tmp_path_factory):
    path = tmp_path_factory.mktemp("tiff") / "acquisition.ome.tif"
    write_ome_tiff(path)
    return path


@pytest.fixture(scope="module")
def managed(server):
    """Where the sandbox's ManagedRepository is."""
    with closing(psycopg2.connect(server.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT path || name FROM originalfile WHERE mimetype = 'Repository' AND name = 'ManagedRepository'"
        )
        return Path(cursor.fetchone()[0])


def rows(server, query, *values):
    with closing(psycopg2.connect(server.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def fileset_of(response):
    return response.pixels[0].image.fileset.id.val


def delete(client, **targets):
    """Delete2; returns the deleted ids by the class's own name."""
    request = omero.cmd.Delete2(targetObjects=targets)
    callback = client.submit(request, loops=600, ms=100)
    try:
        deleted = callback.getResponse().deletedObjects
        return {name.rpartition(".")[2]: ids for name, ids in deleted.items()}
    finally:
        callback.close(True)


# importing


def test_checksum_algorithms_in_the_servers_order(client):
    repository = client.getManagedRepository()
    known = repository.listChecksumAlgorithms()
    assert [a.value.val for a in known] == list(HASHERS)
    assert repository.suggestChecksumAlgorithm(known[2:4]).value.val == "Murmur3-128"


@pytest.mark.parametrize("hasher", HASHERS)
def test_checksum_is_stored_on_save(client, hasher):
    process = start(client, ["a/b.bin"], hasher)
    saved = upload(process, 0, b"abc")
    assert saved.size.val == 3
    with pytest.raises(omero.ChecksumValidationException) as error:
        process.verifyUpload(["wrong"])
    assert error.value.failingChecksums == {0: saved.hash.val}
    process.close()


def test_what_importfileset_refuses(client):
    with pytest.raises(omero.ApiUsageException, match="No paths provided"):
        start(client, [])
    with pytest.raises(omero.ValidationException, match="unknown checksum algorithm: nope"):
        start(client, ["a"], "nope")
    with pytest.raises(omero.ValidationException):
        start(client, ["a/b", "a/b"])


def test_hashes_must_be_as_many_as_files(client):
    process = start(client, ["a/b.bin"])
    with pytest.raises(omero.ApiUsageException, match="hashes size should be 1 not 0"):
        process.verifyUpload([])
    process.close()


def test_failed_import_leaves_fileset_and_files(client, server, managed):
    response = run_import(client, [("broken/x.ome.xml", b"<OME>")])
    assert isinstance(response, omero.cmd.ERR)
    assert (response.category, response.name) == ("::omero::grid::ImportRequest", "error-on-init")
    mine = client.sf.getAdminService().getEventContext().userId
    last = "SELECT id, templateprefix FROM fileset WHERE owner_id = %s ORDER BY id DESC LIMIT 1"
    fileset, prefix = rows(server, last, mine)[0]
    assert rows(server, "SELECT count(*) FROM image WHERE fileset = %s", fileset) == [(0,)]
    assert (managed / prefix / "broken" / "x.ome.xml").read_bytes() == b"<OME>"
    jobs = rows(
        server,
        "SELECT s.value FROM filesetjoblink l JOIN job j ON l.child = j.id JOIN jobstatus s ON j.status = s.id"
        " WHERE l.parent = %s ORDER BY l.parent_index",
        fileset,
    )
    assert [status for (status,) in jobs] == ["Finished", *["Submitted"] * 4]


def test_names_and_target(client, tiff):
    dataset = client.sf.getUpdateService().saveAndReturnObject(_dataset("target"))
    target = DatasetI(dataset.id.val, False)
    response = import_file(client, tiff, "x/y.ome.tif", userSpecifiedName=rstring("Given"), userSpecifiedTarget=target)
    assert all(p.image.name.val.startswith("Given [") for p in response.pixels)
    linked = client.sf.getQueryService().projection(
        "select l.child.id from DatasetImageLink l where l.parent.id = :id", omero.sys.ParametersI().addId(dataset.id)
    )
    assert sorted(unwrap(linked)) == sorted([p.image.id.val] for p in response.pixels)


def _dataset(name):
    made = DatasetI()
    made.name = rstring(name)
    return made


def test_handle_tells_request_and_steps(client, tiff):
    process = start(client, ["x/y.ome.tif"])
    data = tiff.read_bytes()
    upload(process, 0, data)
    handle = process.verifyUpload([hashlib.sha1(data).hexdigest()])
    callback = omero.callbacks.CmdCallbackI(client, handle)
    callback.loop(300, 100)
    request, status = handle.getRequest(), handle.getStatus()
    assert isinstance(request, omero.grid.ImportRequest)
    assert request.activity.parent.id.val == fileset_of(callback.getResponse())
    assert (status.currentStep, status.steps) == (4, 5)
    assert process.getHandle() == handle
    callback.close(True)
    process.close()


# files


def test_directories_and_files(client, managed):
    repository = client.getManagedRepository()
    top = own_directory(client)
    name = f"{top}/dir-{uuid4()}"
    repository.makeDir(f"{name}/below", True)
    with pytest.raises(omero.ResourceError, match="Path exists on disk"):
        repository.makeDir(name, False)
    (managed / name / "unregistered").mkdir()
    with pytest.raises(omero.ResourceError, match="Directory exists but is not registered"):
        repository.makeDir(f"{name}/unregistered", True)
    (managed / name / "a.txt").write_bytes(b"hello")
    with pytest.raises(omero.grid.UnregisteredFileException):
        repository.file(f"{name}/a.txt", "r")
    first = repository.register(f"{name}/a.txt", rstring("text/plain"))
    assert (first.size.val, first.mimetype.val) == (5, "text/plain")
    assert repository.register(f"{name}/a.txt", None).id.val == first.id.val
    assert sorted(repository.list(name)) == [f"{name}/a.txt", f"{name}/below"]
    tree = unwrap(repository.treeList(name))[name.rpartition("/")[2]]["files"]
    assert tree["a.txt"] == {"id": first.id.val, "mimetype": "text/plain", "size": 5}
    assert tree["below"]["mimetype"] == "Directory"
    store = repository.file(f"{name}/a.txt", "rw")
    store.write(b"HELLO you", 0, 9)
    store.close()
    assert (managed / name / "a.txt").read_bytes() == b"HELLO you"
    assert client.sf.getQueryService().get("OriginalFile", first.id.val).size.val == 9
    reader = repository.fileById(first.id.val)
    assert (reader.size(), reader.read(6, 100)) == (9, b"you".ljust(100, b"\0"))
    with pytest.raises(omero.SecurityViolation):
        reader.write(b"x", 0, 1)
    reader.close()


def test_registered_directory_comes_to_everybodys_group(client, managed):
    repository = client.getManagedRepository()
    name = f"{own_directory(client)}/dir-{uuid4()}"
    (managed / name).mkdir(parents=True)
    assert repository.register(name, rstring("Directory")).details.group.id.val > 1
    repository.makeDir(name, True)
    assert repository.register(name, rstring("Directory")).details.group.id.val == 1


def test_registering_below_what_cannot_be_read(client, root, managed):
    of_user = f"{own_directory(client)}/user-{uuid4()}"
    (managed / of_user).mkdir(parents=True)
    client.getManagedRepository().register(of_user, rstring("Directory"))
    with pytest.raises(omero.SecurityViolation, match=r"Cannot read ome\.model\.core\.OriginalFile:Id_"):
        root.getManagedRepository().register(f"{of_user}/x", rstring("Directory"))
    group = root.getContext(client.sf.getAdminService().getEventContext().groupId)
    assert root.getManagedRepository().register(f"{of_user}/x", None, group).details.owner.id.val == 0


def test_what_register_and_makedir_refuse(client, managed):
    repository = client.getManagedRepository()
    (managed / own_directory(client)).mkdir(exist_ok=True)
    with pytest.raises(omero.SecurityViolation, match="Cannot find parent directory"):
        repository.register("nowhere/a.txt", None)
    with pytest.raises(omero.ValidationException, match="Path may not make references above root"):
        repository.register("../a.txt", None)
    with pytest.raises(omero.ValidationException, match="root-owned"):
        repository.makeDir("elsewhere", False)


def test_file_annotations_are_not_in_the_repository(client):
    file = OriginalFileI()
    file.name, file.path, file.mimetype = rstring("notes.txt"), rstring("/home/me"), rstring("text/plain")
    file = client.sf.getUpdateService().saveAndReturnObject(file)
    store = client.sf.createRawFileStore()
    store.setFileId(file.id.val)
    store.write(b"0123456789", 0, 10)
    assert store.truncate(4)
    saved = store.save()
    assert (saved.size.val, saved.repo, saved.path.val) == (4, None, "/home/me")
    assert store.read(1, 10) == b"123".ljust(10, b"\0")
    store.close()


def test_other_users_files_cannot_be_read(client, server, root):
    response = import_file(client, Path(__file__), "x/none.ome.xml")
    assert isinstance(response, omero.cmd.ERR)
    (number,) = rows(server, "SELECT max(originalfile) FROM filesetentry")[0]
    stranger = new_account(root)
    with server.client(stranger.name, stranger.password) as other:
        store = other.sf.createRawFileStore()
        with pytest.raises(omero.SecurityViolation):
            store.setFileId(number)
        store.close()


# deleting


def test_fileset_goes_as_a_whole(client, server, managed, tiff):
    response = import_file(client, tiff, "x/whole.ome.tif")
    fileset, images = fileset_of(response), [p.image.id.val for p in response.pixels]
    (prefix,) = rows(server, "SELECT templateprefix FROM fileset WHERE id = %s", fileset)[0]
    with pytest.raises(omero.CmdError) as error:
        delete(client, Image=images[:1])
    assert error.value.err.name == "graph-fail"
    first, *others = images
    expected = f"within Fileset[{fileset}] may not delete Image[{first}] while Image[{{}}] remains"
    assert error.value.err.message in [expected.format(other) for other in others]
    assert (managed / prefix / "x" / "whole.ome.tif").exists()
    gone = delete(client, Image=images)
    assert gone["Fileset"] == [fileset]
    assert sorted(gone["Image"]) == sorted(images)
    assert len(gone["OriginalFile"]) == 2
    assert not (managed / prefix / "x" / "whole.ome.tif").exists()
    assert (managed / prefix / "x").is_dir()
    assert not (managed / f"{prefix.rstrip('/')}.log").exists()


def test_dry_run_deletes_nothing(client, tiff):
    response = import_file(client, tiff, "x/dry.ome.tif")
    request = omero.cmd.Delete2(targetObjects={"Fileset": [fileset_of(response)]}, dryRun=True)
    callback = client.submit(request, loops=600)
    assert "ome.model.core.Image" in callback.getResponse().deletedObjects
    callback.close(True)
    assert client.sf.getQueryService().find("Fileset", fileset_of(response)) is not None


def test_emptied_fileset_goes_without_the_images(client, tiff):
    response = import_file(client, tiff, "x/moved.ome.tif")
    old, images = fileset_of(response), [p.image.id.val for p in response.pixels]
    new = omero.model.FilesetI()
    new.templatePrefix = rstring("nowhere/")
    query = "select i from Image i where i.id in (:ids)"
    found = client.sf.getQueryService().findAllByQuery(query, omero.sys.ParametersI().addIds(images))
    for image in found:
        image.fileset = new
    client.sf.getUpdateService().saveArray(found)
    gone = delete(client, Fileset=[old])
    assert "Image" not in gone
    assert "Pixels" not in gone
    assert len(client.sf.getQueryService().findAllByQuery(query, omero.sys.ParametersI().addIds(images))) == len(images)


def test_registered_link_to_a_directory_is_emptied(client, managed, tmp_path):
    repository = client.getManagedRepository()
    name = f"{own_directory(client)}/link-{uuid4()}"
    repository.makeDir(name, True)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "chunk").write_bytes(b"precious")
    (managed / name / "x.zarr").symlink_to(tmp_path)
    directory = repository.register(f"{name}/x.zarr", rstring("Directory"))
    repository.register(f"{name}/x.zarr/inner", rstring("Directory"))
    with pytest.raises(omero.CmdError):
        delete(client, OriginalFile=[directory.id.val])
    assert (tmp_path / "inner" / "chunk").exists()
    below = client.sf.getQueryService().findByString("OriginalFile", "name", "inner")
    delete(client, OriginalFile=[directory.id.val, below.id.val])
    assert tmp_path.is_dir()
    assert not list(tmp_path.iterdir())


def test_tag_stays_where_it_is_used_elsewhere_and_goes_with_its_last_use(client):
    update = client.sf.getUpdateService()
    tag = omero.model.TagAnnotationI()
    tag.textValue = rstring("tag")
    tag = update.saveAndReturnObject(tag)
    datasets = []
    for name in ("one", "two"):
        dataset = _dataset(name)
        dataset.linkAnnotation(omero.model.TagAnnotationI(tag.id.val, False))
        datasets.append(update.saveAndReturnObject(dataset).id.val)
    assert "TagAnnotation" not in delete(client, Dataset=datasets[:1])
    assert delete(client, Dataset=datasets[1:])["TagAnnotation"] == [tag.id.val]


def test_excluded_annotations_stay(client):
    update = client.sf.getUpdateService()
    dataset = _dataset("kept tag")
    tag = omero.model.TagAnnotationI()
    tag.textValue = rstring("kept")
    dataset.linkAnnotation(tag)
    dataset = update.saveAndReturnObject(dataset)
    option = omero.cmd.graphs.ChildOption(excludeType=["Annotation"])
    request = omero.cmd.Delete2(targetObjects={"Dataset": [dataset.id.val]}, childOptions=[option])
    callback = client.submit(request, loops=600)
    assert "ome.model.annotations.TagAnnotation" not in callback.getResponse().deletedObjects
    callback.close(True)


def test_nobody_deletes_what_is_not_there_or_not_his(client, server, root):
    with pytest.raises(omero.CmdError) as error:
        delete(client, Image=[987_654_321])
    assert error.value.err.message == "cannot read ome.model.core.Image[987654321]"
    dataset = client.sf.getUpdateService().saveAndReturnObject(_dataset("mine"))
    group = dataset.details.group.id.val
    stranger = new_account(root)
    admin = root.sf.getAdminService()
    admin.addGroups(admin.lookupExperimenter(stranger.name), [omero.model.ExperimenterGroupI(group, False)])
    with server.client(stranger.name, stranger.password) as other:
        other.sf.setSecurityContext(omero.model.ExperimenterGroupI(group, False))
        with pytest.raises(omero.CmdError):
            delete(other, Dataset=[dataset.id.val])
    assert delete(client, Dataset=[dataset.id.val])["Dataset"] == [dataset.id.val]


def test_external_info_goes_with_its_image(client, server, tiff):
    response = import_file(client, tiff, "x/bound.ome.tif")
    image = client.sf.getQueryService().get("Image", response.pixels[0].image.id.val)
    info = omero.model.ExternalInfoI()
    info.entityId, info.entityType, info.lsid = rlong(3), rstring("some:type"), rstring("/some/where")
    image.details.externalInfo = info
    saved = client.sf.getUpdateService().saveAndReturnObject(image)
    number = saved.details.externalInfo.id.val
    gone = delete(client, Fileset=[fileset_of(response)])
    assert gone["ExternalInfo"] == [number]
    assert rows(server, "SELECT 1 FROM externalinfo WHERE id = %s", number) == []
