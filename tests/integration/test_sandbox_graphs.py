"""Delete2 and Chgrp2 where rows of several owners, groups and filesets hang together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero.clients
import pytest
from omero.model import (
    ExperimenterGroupI,
    ExperimenterI,
    FilesetEntryI,
    FilesetI,
    FolderI,
    FolderRoiLinkI,
    ImageI,
    OriginalFileI,
    PermissionsI,
    RectangleI,
    RoiI,
)
from omero.rtypes import rbool, rstring

import omero
from demo.acquisition import write_ome_tiff
from demo.omero_client import Account
from tests.support.accounts import MADE
from tests.support.importing import import_file
from tests.support.servers import Server


@pytest.fixture
def client(server: Server, curator: Account) -> Iterator[omero.clients.BaseClient]:
    with server.client() as root, server.client(curator.name, curator.password) as before:
        second_group(root, before)  # a membership counts in sessions that begin after it
    with server.client(curator.name, curator.password) as client:
        yield client


@pytest.fixture
def root(server: Server) -> Iterator[omero.clients.BaseClient]:
    with server.client() as client:
        yield client


@pytest.fixture
def imported(client: omero.clients.BaseClient, tmp_path: Path) -> list[int]:
    """Images of one fileset."""
    write_ome_tiff(tmp_path / "a.ome.tif")
    response = import_file(client, tmp_path / "a.ome.tif", "x/a.ome.tif")
    return [pixels.image.id.val for pixels in response.pixels]


def ask(client: omero.clients.BaseClient, request: Any) -> Any:
    callback = client.submit(request, loops=600)
    try:
        return callback.getResponse()
    finally:
        callback.close(True)


def refusal(client: omero.clients.BaseClient, request: Any) -> str:
    with pytest.raises(omero.CmdError) as refused:
        ask(client, request)
    error = refused.value.err
    return str(error.message if isinstance(error, omero.cmd.GraphException) else error.parameters["message"])


def second_group(root: omero.clients.BaseClient, client: omero.clients.BaseClient) -> int:
    admin, me = root.sf.getAdminService(), client.sf.getAdminService().getEventContext()
    group = ExperimenterGroupI()
    group.name, group.ldap = rstring(f"second of {me.userName}"), rbool(False)
    group.details.permissions = PermissionsI("rwra--")
    try:
        number = admin.createGroup(group)
        MADE.append((me.userName, group.name.val))
    except omero.ServerError:
        number = admin.lookupGroup(group.name.val).id.val
    admin.addGroups(ExperimenterI(me.userId, False), [ExperimenterGroupI(number, False)])
    return int(number)


def test_roi_in_a_folder_stays_and_forgets_its_image_that_moves(
    client: omero.clients.BaseClient, root: omero.clients.BaseClient
) -> None:
    update = client.sf.getUpdateService()
    link, roi = FolderRoiLinkI(), RoiI()
    link.parent, link.child = FolderI(), roi
    link.parent.name = rstring("folder")
    roi.image = ImageI()
    roi.image.name = rstring("image")
    roi.addShape(RectangleI())
    link = update.saveAndReturnObject(link)
    image = link.child.image.id.val
    request = omero.cmd.Chgrp2(targetObjects={"Image": [image]}, groupId=second_group(root, client))
    request.dryRun = True
    response = ask(client, request)
    assert set(response.includedObjects) == {"ome.model.core.Image"}
    assert response.deletedObjects == {}
    request.dryRun = False
    assert ask(client, request).includedObjects == response.includedObjects
    left = client.sf.getQueryService().get("Roi", link.child.id.val, {"omero.group": "-1"})
    assert left.image is None
    assert left.details.group.id.val != request.groupId


def test_whole_plate_moves_with_its_instrument(
    client: omero.clients.BaseClient, root: omero.clients.BaseClient, shared: Path
) -> None:
    xml = shared / "layouts" / "v4_plate23.zarr" / "OME" / "METADATA.ome.xml"
    plate = import_file(client, xml, "x/plate.ome.xml").objects[0].id.val
    request = omero.cmd.Chgrp2(targetObjects={"Plate": [plate]}, groupId=second_group(root, client))
    included = ask(client, request).includedObjects
    assert len(included["ome.model.core.Image"]) == 12
    assert len(included["ome.model.acquisition.Instrument"]) == 1
    query = "select count(d) from DetectorSettings s join s.detector d where d.details.group.id <> s.details.group.id"
    assert client.sf.getQueryService().projection(query, None, {"omero.group": "-1"})[0][0].val == 0


def test_fileset_of_root_around_a_users_images_is_a_trap(
    client: omero.clients.BaseClient, root: omero.clients.BaseClient, imported: list[int]
) -> None:
    """The user still reads his images, but cannot delete them (facts/omero_replacement.md, e)."""
    group = {"omero.group": str(client.sf.getAdminService().getEventContext().groupId)}
    fileset, entry, file = FilesetI(), FilesetEntryI(), OriginalFileI()
    file.name, file.path = rstring("f"), rstring("/")
    entry.clientPath, entry.originalFile = rstring("f"), file
    fileset.templatePrefix = rstring("/")
    fileset.addFilesetEntry(entry)
    query = root.sf.getQueryService()
    images = [query.get("Image", number, group) for number in imported]
    for image in images:
        image.fileset = fileset
    saved = root.sf.getUpdateService().saveAndReturnArray([fileset, *images], group)
    for targets in ({"Fileset": [saved[0].id.val]}, {"Image": imported}):
        said = refusal(client, omero.cmd.Delete2(targetObjects=targets))
        assert "not permitted to delete ome.model.fs.FilesetEntry[" in said
    assert client.sf.getQueryService().get("Image", imported[0]).id.val == imported[0]


@pytest.mark.parametrize("cls", ["Experimenter", "Event", "Session", "ExperimenterGroup"])
def test_what_is_nobodys_is_no_target(root: omero.clients.BaseClient, cls: str) -> None:
    assert refusal(root, omero.cmd.Delete2(targetObjects={cls: [1]})) == f"cannot target {cls}"
