"""What any OMERO client does, without omero-roz: an account, an import, the hashes of all planes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import omero.callbacks
import omero.clients
import omero.cmd
import omero.grid
from omero.cli import CLI
from omero.gateway import BlitzGateway
from omero.model import (
    ChecksumAlgorithmI,
    ExperimenterGroupI,
    ExperimenterI,
    FilesetEntryI,
    FilesetI,
    PermissionsI,
    UploadJobI,
)
from omero.rtypes import rbool, rstring

import omero

Hashes = dict[tuple[int, int, int, int], str]


@dataclass(frozen=True)
class Account:
    """A user of the server under test."""

    name: str
    password: str


def new_account(root: omero.clients.BaseClient, permissions: str = "rwr---") -> Account:
    """Make an ordinary user in a new group, as an administrator."""
    name, password = f"curator-{uuid4().hex[:8]}", uuid4().hex
    admin = root.sf.getAdminService()
    group = ExperimenterGroupI()
    group.name, group.ldap = rstring(name), rbool(False)
    group.details.permissions = PermissionsI(permissions)
    group_id = admin.createGroup(group)
    user = ExperimenterI()
    user.omeName, user.firstName, user.lastName = rstring(name), rstring("Cu"), rstring("Rator")
    user.ldap = rbool(False)
    everyone = ExperimenterGroupI(admin.getSecurityRoles().userGroupId, False)
    home = ExperimenterGroupI(group_id, False)
    admin.createExperimenterWithPassword(user, rstring(password), home, [everyone, home])
    return Account(name, password)


def command_line(client: omero.clients.BaseClient) -> CLI:
    """The `omero` command, logged in as the client is (it closes its own session after a command)."""
    cli = loaded()
    log_in(cli, client)
    return cli


def loaded() -> CLI:
    """The `omero` command with all its plugins, which takes longer than most commands."""
    cli = CLI()
    cli.loadplugins()
    return cli


def log_in(cli: CLI, client: omero.clients.BaseClient) -> None:
    """Give a command line a session for its next command."""
    joined = omero.client(client.getProperty("omero.host"), int(client.getProperty("omero.port")))
    joined.joinSession(client.getSessionId())
    cli.set_client(joined)


def import_file(client: omero.clients.BaseClient, path: Path) -> tuple[int, list[int]]:
    """Import a file through the ManagedRepository; the fileset's id and its images by series."""
    repository = client.getManagedRepository()
    settings = omero.grid.ImportSettings(doThumbnails=rbool(True), noStatsInfo=rbool(False))
    settings.checksumAlgorithm = ChecksumAlgorithmI()
    settings.checksumAlgorithm.value = rstring("SHA1-160")
    entry = FilesetEntryI()
    entry.clientPath = rstring(str(path).lstrip("/"))
    fileset = FilesetI()
    fileset.addFilesetEntry(entry)
    fileset.linkJob(UploadJobI())
    process = repository.importFileset(fileset, settings)
    uploader = process.getUploader(0)
    content = path.read_bytes()
    uploader.write(content, 0, len(content))
    uploader.save()
    uploader.close()
    handle = process.verifyUpload([hashlib.sha1(content).hexdigest()])
    callback = omero.callbacks.CmdCallbackI(client, handle)
    callback.loop(1200, 500)
    response = callback.getResponse()
    callback.close(True)
    assert isinstance(response, omero.grid.ImportResponse), response
    image = response.pixels[0].image
    [[found]] = client.sf.getQueryService().projection(
        f"select i.fileset.id from Image i where i.id = {image.id.val}", None, {"omero.group": "-1"}
    )
    rows = client.sf.getQueryService().projection(
        f"select i.id from Image i where i.fileset.id = {found.val} order by i.series", None, {"omero.group": "-1"}
    )
    return found.val, [row[0].val for row in rows]


def shown(client, image_ids: Iterable[int]) -> Hashes:
    """SHA-1 of each plane's little-endian bytes by (position of the image, z, c, t)."""
    gateway = BlitzGateway(client_obj=client)
    hashes: Hashes = {}
    for index, image_id in enumerate(image_ids):
        image = gateway.getObject("Image", image_id)
        places = [
            (z, c, t) for z in range(image.getSizeZ()) for c in range(image.getSizeC()) for t in range(image.getSizeT())
        ]
        planes = image.getPrimaryPixels().getPlanes(places)
        hashes |= {(index, *place): digest(plane) for place, plane in zip(places, planes, strict=True)}
    return hashes


def digest(plane: np.ndarray) -> str:
    """SHA-1 of a plane's little-endian bytes, row by row, as in PLANES.tsv."""
    return hashlib.sha1(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).tobytes()).hexdigest()
