"""Any layout can be inspected, and imported with all its metadata; every plane is the Zarr's."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from tests.importing import import_file
from tests.integration.test_import import imported
from tests.random_layouts import Drawn, layouts, write
from tests.rows import all_rows
from tests.servers import Omero, Server


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layout=layouts())
def test_an_import_keeps_all(omero_cli_v3: Omero, layout: Drawn) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "any.zarr"
        write(layout, root)
        inspected = omero_cli_v3("roz", "inspect", str(root), "--json")
        assert inspected.code == 0, inspected.out + inspected.err
        assert json.loads(inspected.out)["mapping"]["paths"] == layout.paths
        done = imported(omero_cli_v3, root)
        for side in (root, root / "OME" / "METADATA.ome.xml"):
            found = omero_cli_v3("roz", "completeness", str(side), f"Fileset:{done['fileset']}")
            assert found.code == 0, found.out
        verified = omero_cli_v3("roz", "verify", f"Fileset:{done['fileset']}", "--check", "all")
        assert verified.code == 0, verified.out


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(layout=layouts())
def test_a_rollback_restores_every_row(omero_cli_v3: Omero, server_v3: Server, layout: Drawn) -> None:
    if server_v3.dsn is None:
        pytest.skip("needs the database of the OMERO under test (--db)")
    with TemporaryDirectory() as folder:
        root = Path(folder) / "any.zarr"
        write(layout, root)
        response = import_file(omero_cli_v3.client, root / "OME" / "METADATA.ome.xml", "any/METADATA.ome.xml")
        [[fileset]] = omero_cli_v3.client.sf.getQueryService().projection(
            f"select i.fileset.id from Image i join i.pixels p where p.id = {response.pixels[0].id.val}", None
        )
        before = all_rows(server_v3.dsn)
        # The server's own import of an OME-XML shows zeros, so there is nothing to compare before.
        done = omero_cli_v3("roz", "replace-fileset", f"Fileset:{fileset.val}", str(root), "--check", "none", "--json")
        assert done.code == 0, done.err
        new = json.loads(done.out)["fileset"]
        assert omero_cli_v3("roz", "verify", f"Fileset:{new}", "--check", "all").code == 0
        back = omero_cli_v3("roz", "rollback", f"Fileset:{new}")
        assert back.code == 0, back.err
        assert before.changed_in(all_rows(server_v3.dsn)) == {}
