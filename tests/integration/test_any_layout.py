"""Any layout can be inspected, and imported with all its metadata; every plane is the Zarr's."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from tests.integration.test_import import imported
from tests.random_layouts import Drawn, layouts, write
from tests.servers import Omero


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
