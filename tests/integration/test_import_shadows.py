"""New images with the binding zarr-reader: every real layout is read right or refused with the reader's rule."""

import hashlib
import json
import shutil
from pathlib import Path

import psycopg2
import pytest
from omero.callbacks import CmdCallbackI
from omero.cmd import Delete2

from demo.omero_client import shown
from tests.contract.people import own_directory
from tests.support.planes import expected
from tests.support.rows import all_rows
from tests.support.servers import Omero, Result, Server

READ = [
    "n4_plate23", "o03_plate23", "o05_m3", "v4_float", "v4_m12_s", "v4_m3", "v4_m3_fmt", "v4_m3_noome", "v4_m3_noroot",
    "v4_plate23", "v4_plateacq3", "v4_r_C12H2", "v4_r_lif", "v4_rgb", "v4_roi", "v4_single", "v4_t_names",
]  # fmt: skip
REFUSED = dict.fromkeys(("v5_m3", "v5_m3_shard", "v5_plate23", "v5_single"), "OMEZarrReader reads Zarr v2 only")


class Importing:
    """Imports that are read through shadows."""

    def __init__(self, omero: Omero, server: Server) -> None:
        assert server.dsn and server.repository
        self.omero, self.server = omero, server
        self.repository, self.dsn = Path(server.repository), server.dsn

    def __call__(self, zarr: Path, *options: str) -> Result:
        means = ("--db", self.dsn, "--managed-repository", str(self.repository))
        return self.omero("roz", "import", str(zarr), "--binding", "zarr-reader", *means, "--json", *options)

    def done(self, zarr: Path, *options: str) -> dict:
        result = self(zarr, *options)
        assert result.code == 0, result.err
        [done] = json.loads(result.out)
        return done

    def shadows(self) -> list[Path]:
        """The user's own."""
        mine = self.repository / own_directory(self.omero.client)
        return sorted(mine.rglob("omero-roz-shadows/Import-*/*/*.zarr"))


@pytest.fixture
def importing(omero_cli: Omero, server: Server) -> Importing:
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return Importing(omero_cli, server)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha1(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def copied(zarr: Path, folder: Path) -> Path:
    return shutil.copytree(zarr, folder / zarr.name)


def test_all_layouts_are_tried(shared: Path) -> None:
    assert sorted([*READ, *REFUSED]) == sorted(path.stem for path in (shared / "layouts").glob("*.zarr"))


@pytest.mark.parametrize("layout", READ)
def test_every_plane_of_a_real_layout(importing: Importing, shared: Path, layout: str) -> None:
    done = importing.done(shared / "layouts" / f"{layout}.zarr", "--again")
    assert shown(importing.omero.client, done["images"]) == expected(shared, layout)


@pytest.mark.parametrize("layout", REFUSED)
def test_a_layout_that_the_reader_cannot_open(importing: Importing, shared: Path, layout: str) -> None:
    before, shadows = all_rows(importing.server, importing.omero.client), importing.shadows()
    result = importing(shared / "layouts" / f"{layout}.zarr")
    assert result.code == 1
    assert REFUSED[layout] in result.err
    after = all_rows(importing.server, importing.omero.client)
    assert (before.changed_in(after), before.new_in(after), importing.shadows()) == ({}, {}, shadows)


def test_the_rows_and_the_record(importing: Importing, acquisition: Path) -> None:
    zarr = acquisition / "v2.zarr"
    done = importing.done(zarr, "--again")
    connection = psycopg2.connect(importing.dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.path, p.name, i.series, i.external_id FROM image i JOIN pixels p ON p.image = i.id"
            " WHERE i.fileset = %s ORDER BY i.id",
            (done["fileset"],),
        )
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT o.path || o.name FROM filesetentry e JOIN originalfile o ON e.originalfile = o.id"
            " WHERE e.fileset = %s",
            (done["fileset"],),
        )
        files = [importing.repository / path for [path] in cursor.fetchall()]
    connection.close()
    assert [(Path(path).name, *rest) for path, *rest in rows] == [(f"{n}.zarr", ".zattrs", 0, None) for n in range(4)]
    assert sorted(path.name for path in files) == [".zattrs"] * 4 + [".zgroup"] * 4 + ["METADATA.ome.xml"]
    assert all(path.is_file() and path.resolve() == path for path in files)  # no link is registered, nor one above it
    [record] = json.loads(importing.omero("roz", "status", f"Fileset:{done['fileset']}", "--json").out)
    assert (record["state"], record["binding"], record["shared"]) == ("proven", "zarr-reader", [])
    assert [(image["path"], image["pixels"]["path"]) for image in record["images"]] == [
        (str(number), path) for number, (path, *_) in enumerate(rows)
    ]


def test_what_omero_deletes_is_never_the_zarrs(importing: Importing, acquisition: Path, tmp_path: Path) -> None:
    zarr = copied(acquisition / "v2.zarr", tmp_path)
    before = hashes(zarr)
    done = importing.done(zarr)
    client = importing.omero.client
    handle = client.sf.submit(Delete2(targetObjects={"Fileset": [done["fileset"]]}))
    callback = CmdCallbackI(client, handle)
    callback.loop(120, 500)
    callback.close(True)
    left = f"select i.id from Image i where i.fileset.id = {done['fileset']}"
    assert client.sf.getQueryService().projection(left, None) == []
    assert hashes(zarr) == before
    assert [path for path in importing.shadows() if f"Import-{done['fileset']}/" in str(path)]  # OMERO knows no links
    again = importing.done(zarr)
    kept = {path.parent.parent.name for path in importing.shadows()}
    assert f"Import-{done['fileset']}" not in kept and f"Import-{again['fileset']}" in kept
    assert hashes(zarr) == before
    assert shown(client, again["images"])


def test_other_pixels_are_noticed_and_all_is_taken_back(
    importing: Importing, acquisition: Path, tmp_path: Path
) -> None:
    zarr, wrong = copied(acquisition / "v2.zarr", tmp_path), tmp_path / "wrong.zarr"
    shutil.copytree(zarr, wrong)
    shutil.rmtree(wrong / "0" / "0" / "0")
    files, rows, shadows = hashes(tmp_path), all_rows(importing.server, importing.omero.client), importing.shadows()
    result = importing(zarr, "--server-path", f"{zarr}={wrong}")
    assert result.code == 1 and "OMERO shows zeros" in result.err, result.err
    after = all_rows(importing.server, importing.omero.client)
    assert rows.changed_in(after) == {}
    # what a server keeps of each delete and each new namespace; the user's own directory is made once
    assert set(rows.new_in(after)) <= {"originalfile", "_fs_deletelog", "namespace"}
    assert rows.new_in(after).get("originalfile", 0) <= 2
    assert importing.shadows() == shadows
    assert hashes(tmp_path) == files
    importing.done(zarr)
