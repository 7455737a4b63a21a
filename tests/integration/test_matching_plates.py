"""A plate imported from OME-TIFF is replaced by its Zarr, well by well, with both bindings."""

import json
from pathlib import Path

import pytest

from demo.omero_client import import_file, shown
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from tests.support.rows import all_rows
from tests.support.servers import Omero, Server

CASES = (("v4_plate23", "external-info"), ("v4_plate23", "zarr-reader"), ("n4_plate23", "external-info"))


def options(server: Server, binding: str) -> list[str]:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return ["--db", server.dsn, "--managed-repository", server.repository, "--binding", binding]


@pytest.mark.parametrize(("layout", "binding"), CASES)
def test_a_plate_is_replaced_and_rolled_back(
    omero_cli: Omero, server: Server, shared: Path, layout: str, binding: str
) -> None:
    fileset, images = import_file(omero_cli.client, shared / "layouts" / "originals" / "plate23.ome.tif")
    more = options(server, binding)
    planes, rows = shown(omero_cli.client, images), all_rows(server, omero_cli.client)
    zarr = str(shared / "layouts" / f"{layout}.zarr")
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", zarr, *more)
    assert done.code == 0, done.err
    new = done.out.strip()
    assert shown(omero_cli.client, images) == planes
    [record] = json.loads(omero_cli("roz", "status", new, "--json").out)
    assert (record["state"], len(record["images"])) == ("proven", 12)
    back = omero_cli("roz", "rollback", new, *more[:2])
    assert back.code == 0, back.err
    assert shown(omero_cli.client, images) == planes
    assert rows.changed_in(all_rows(server, omero_cli.client)) == {}


def test_places_of_images_on_a_plate(omero_cli: Omero, shared: Path) -> None:
    fileset, _ = import_file(omero_cli.client, shared / "layouts" / "originals" / "plate23.ome.tif")
    found = Filesets(OmeroSession(omero_cli.client)).get(fileset)
    places = [(i.place.row, i.place.column, i.place.field) for i in found.images if i.place]
    assert places == [(row, column, field) for row in range(2) for column in range(3) for field in range(2)]


def test_wells_that_were_reordered_still_get_their_own_fields(omero_cli: Omero, server: Server, shared: Path) -> None:
    fileset, images = import_file(omero_cli.client, shared / "layouts" / "originals" / "plate23.ome.tif")
    planes = shown(omero_cli.client, images)
    more = options(server, "external-info")
    turned(server, images)  # so the server reads other series of the OME-TIFF now: only the wells are right
    zarr = str(shared / "layouts" / "v4_plate23.zarr")
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", zarr, *more, "--check", "none")
    assert done.code == 0, done.err
    assert shown(omero_cli.client, images) == planes


def turned(server: Server, images: list[int]) -> None:
    """Give the images the opposite order in their fileset, as a server that sorted its files otherwise would."""
    import psycopg2

    with psycopg2.connect(server.dsn) as connection, connection.cursor() as cursor:
        for series, image in enumerate(reversed(images)):
            cursor.execute("UPDATE image SET series = %s WHERE id = %s", (series, image))
