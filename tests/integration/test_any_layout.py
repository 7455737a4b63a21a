"""Any layout can be inspected, and imported with all its metadata; every plane is the Zarr's."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from omero.cli import CLI

from tests.integration.test_import import imported
from tests.support.importing import import_file
from tests.support.random_layouts import Drawn, layouts, write
from tests.support.rows import all_rows
from tests.support.servers import Omero, Server

ORDER = "tczyx"


def some(count: int) -> Any:
    """So many layouts; how long one takes does not matter."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def inspected(root: Path) -> dict:
    cli = CLI()
    cli.loadplugins()
    out = StringIO()
    with redirect_stdout(out):
        cli.invoke(["roz", "inspect", str(root), "--json"])
    return json.loads(out.getvalue())


def can_be_inspected(layout: Drawn) -> None:
    """Any axes, codecs, shards: all of it is told, and what no reader can read is an error or warning by its path."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "any.zarr"
        write(layout, root)
        found = inspected(root)
    assert found["mapping"]["paths"] == layout.paths
    told = {one["path"]: one for one in found["series"]}
    for path, picture in zip(layout.paths, layout.pictures, strict=True):
        assert "".join(told[path]["axes"]) == picture.axes
        sizes = dict(zip(ORDER, picture.shape, strict=True))
        assert {axis: told[path]["sizes"][axis] for axis in ORDER} == sizes
    named = " ".join(str(problem) for problem in found["problems"])
    unread = [path for path, one in zip(layout.paths, layout.pictures, strict=True) if one.codec == "zstd"]
    assert all(path in named for path in unread) or layout.zarr_format == 3


def keeps_all(omero: Omero, layout: Drawn) -> None:
    """An import has all of the OME-XML and shows all planes."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "any.zarr"
        write(layout, root)
        done = imported(omero, root)
        for side in (root, root / "OME" / "METADATA.ome.xml"):
            found = omero("roz", "completeness", str(side), f"Fileset:{done['fileset']}", "--json")
            assert found.code == 0, found.out
            assert json.loads(found.out)["score"]["percent"] == 100
        verified = omero("roz", "verify", f"Fileset:{done['fileset']}", "--check", "all")
        assert verified.code == 0, verified.out


def is_as_before(omero: Omero, server: Server, layout: Drawn) -> None:
    """A replacement shows the Zarr's planes, and its rollback restores every row."""
    if server.dsn is None:
        pytest.skip("needs the database of the OMERO under test (--db)")
    with TemporaryDirectory() as folder:
        root = Path(folder) / "any.zarr"
        write(layout, root)
        response = import_file(omero.client, root / "OME" / "METADATA.ome.xml", "any/METADATA.ome.xml")
        [[fileset]] = omero.client.sf.getQueryService().projection(
            f"select i.fileset.id from Image i join i.pixels p where p.id = {response.pixels[0].id.val}", None
        )
        before = all_rows(server, omero.client)
        # The server's own import of an OME-XML shows zeros, so there is nothing to compare before.
        done = omero("roz", "replace-fileset", f"Fileset:{fileset.val}", str(root), "--check", "none", "--json")
        assert done.code == 0, done.err
        new = json.loads(done.out)["fileset"]
        assert omero("roz", "verify", f"Fileset:{new}", "--check", "all").code == 0
        back = omero("roz", "rollback", f"Fileset:{new}")
        assert back.code == 0, back.err
        assert before.changed_in(all_rows(server, omero.client)) == {}


@some(25)
@given(layout=layouts(readable=False))
def test_inspect(layout: Drawn) -> None:
    can_be_inspected(layout)


@some(6)
@given(layout=layouts())
def test_an_import_keeps_all(omero_cli_v3: Omero, layout: Drawn) -> None:
    keeps_all(omero_cli_v3, layout)


@some(4)
@given(layout=layouts())
def test_a_rollback_restores_every_row(omero_cli_v3: Omero, server_v3: Server, layout: Drawn) -> None:
    is_as_before(omero_cli_v3, server_v3, layout)


@pytest.mark.slow
@some(300)
@given(layout=layouts(readable=False))
def test_inspect_many(layout: Drawn) -> None:
    can_be_inspected(layout)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@some(60)
@given(layout=layouts())
def test_many_imports_keep_all(omero_cli_v3: Omero, layout: Drawn) -> None:
    keeps_all(omero_cli_v3, layout)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@some(40)
@given(layout=layouts())
def test_many_rollbacks_restore_every_row(omero_cli_v3: Omero, server_v3: Server, layout: Drawn) -> None:
    is_as_before(omero_cli_v3, server_v3, layout)
