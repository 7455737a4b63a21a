"""Images of an import that are bound to shadows in the fileset that they are in already."""

from pathlib import Path

import pytest
from omero.gateway import BlitzGateway

from demo.omero_client import shown
from omero_roz.matching import match_fileset
from omero_roz.ports.database import Database
from omero_roz.ports.filesets import Filesets
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.replace.shadowing import bind_to_shadows
from tests.replacing import source_at
from tests.servers import Omero, Server


def test_an_import_is_read_through_shadows(omero_cli: Omero, server: Server, acquisition: Path) -> None:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    done = omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--again")
    assert done.code == 0, done.err
    images = [int(number) for number in done.out.strip().removeprefix("Image:").split(",")]
    planes = shown(omero_cli.client, images)
    gateway = BlitzGateway(client_obj=omero_cli.client)
    session, source = OmeroSession(omero_cli.client), source_at(acquisition / "v2.zarr")
    fileset = Filesets(session).get(gateway.getObject("Image", images[0]).getFileset().getId())
    pairs = match_fileset(fileset, source.layout)
    database, repository = Database(server.dsn), Path(server.repository)
    bind_to_shadows(session, database, repository, fileset, pairs, source.store, str(acquisition / "v2.zarr"))
    database.close()
    for image in images:
        assert gateway.getObject("Image", image).getDetails().getExternalInfo() is None
    entries = "select e.clientPath from FilesetEntry e where e.fileset.id = :id order by e.id"
    assert len(session.rows(entries, "", id=fileset.id)) == 1 + 2 * 4
    assert shown(omero_cli.client, images) == planes
