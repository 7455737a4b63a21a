"""An import whose process is killed at any step: the same command again finishes it, and nothing is there twice."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.omero_client import shown
from tests.support.counted import counted
from tests.support.planes import expected
from tests.support.servers import Omero, Server

# The process ends itself, with no chance to clean up, right before or after its n-th call that changes anything
# outside: OMERO's rows and files, its database, the directory of the repository.
KILLED = """
import itertools, os, signal, sys
from omero_roz.import_ import opening, planning, reader
from omero_roz.ports.omero import heartbeat
from omero_roz.ports.repository import disk as repository_disk
from demo.omero_client import command_line
import omero

planning.BATCH, opening.CHUNK = 10, 3
heartbeat.BEAT = 1000  # the beats of a busy machine are not counted
host, port, session, when, number, *arguments = sys.argv[1:]
last = int(number) if number.isdigit() else None  # or a name: its first call
calls = itertools.count(1)  # two at a time are possible: each knows its own

def deadly(real):
    def call(*args, **kwargs):
        meant = next(calls) == last or real.__name__ == number
        if meant and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if meant:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

client = omero.client(host, int(port))
client.joinSession(session)
client.getSession().detachOnDestroy()
CHANGING = {
    omero.api.IUpdatePrx: ("saveAndReturnArray", "saveArray", "saveAndReturnIds", "saveAndReturnObject"),
    omero.grid.RepositoryPrx: ("makeDir", "register", "file"),
    omero.grid.ManagedRepositoryPrx: ("makeDir", "register", "file"),
    omero.api.RawFileStorePrx: ("write", "save", "close"),
    omero.api.ServiceFactoryPrx: ("submit",),
    omero.cmd.SessionPrx: ("submit",),
    reader.swap: ("apply_one",),
    repository_disk: ("_write_tree",),
}
for owner, names in CHANGING.items():
    for name in names:
        if name in vars(owner):
            setattr(owner, name, deadly(getattr(owner, name)))
command_line(client).invoke(arguments, strict=True)
"""
# Not thumbnails: they are drawn once all is done, and by the server when somebody looks.
KINDS = (
    "Image", "Fileset", "Pixels", "Channel", "LogicalChannel", "StatsInfo", "Plate", "Well", "WellSample",
    "PlateAcquisition", "Experiment", "RenderingDef", "ChannelBinding", "ExternalInfo", "Annotation",
    "FilesetAnnotationLink", "FilesetEntry", "Roi", "Instrument", "Objective", "Screen", "ScreenPlateLink",
)  # fmt: skip


def means(server: Server, binding: str) -> list[str]:
    """The options of a binding."""
    if binding == "external-info":
        return []
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return ["--binding", binding, "--db", server.dsn, "--managed-repository", server.repository]


def killed(omero_cli: Omero, when: str, number: int | str, *arguments: str) -> bool:
    """Run `omero ARGUMENTS` in a process that is killed at its n-th change, or at a name's first.

    False when it came to its end before.
    """
    client = omero_cli.client
    where = [client.getProperty("omero.host"), client.getProperty("omero.port"), client.getSessionId()]
    command = [sys.executable, "-c", KILLED, *where, when, str(number), *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def rows(omero_cli: Omero) -> dict[str, int]:
    return counted(omero_cli, *KINDS)


SLOW = pytest.mark.slow


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("layout", "binding", "when"),
    [
        ("v4_single", "external-info", "after"),
        ("v4_single", "zarr-reader", "before"),
        pytest.param("v4_plateacq3", "external-info", "after", marks=SLOW),
        pytest.param("v4_plateacq3", "external-info", "before", marks=SLOW),
        pytest.param("v4_roi", "external-info", "after", marks=SLOW),
        pytest.param("v4_plateacq3", "zarr-reader", "after", marks=SLOW),
    ],
)
def test_killed_at_every_change(
    server: Server, omero_cli: Omero, shared: Path, tmp_path: Path, layout: str, binding: str, when: str
) -> None:
    options = means(server, binding)
    start = rows(omero_cli)
    assert omero_cli("roz", "import", str(copied(shared, layout, tmp_path, 0)), *options).code == 0
    once = {kind: count - start[kind] for kind, count in rows(omero_cli).items()}
    number, states = 1, list[str]()
    while killed(
        omero_cli, when, number, "roz", "import", zarr := str(copied(shared, layout, tmp_path, number)), *options
    ):
        result = omero_cli("roz", "import", zarr, *options, "--json")
        assert result.code == 0, result.err
        [done] = json.loads(result.out)
        assert shown(omero_cli.client, images_of(omero_cli, done["fileset"])) == expected(shared, layout)
        whole = rows(omero_cli)
        assert {kind: (count - start[kind]) / (number + 1) for kind, count in whole.items()} == once, number
        states.append(done["state"])
        number += 1
    assert number > 8
    assert states[-1] == ("skipped" if when == "after" else "imported")  # the last call is the one that closes it


def copied(shared: Path, layout: str, folder: Path, number: int) -> Path:
    return shutil.copytree(shared / "layouts" / f"{layout}.zarr", folder / f"{number}.zarr")


def images_of(omero_cli: Omero, fileset: int) -> list[int]:
    hql = f"select i.id from Image i where i.fileset.id = {fileset} order by i.series, i.id"
    return [row[0].val for row in omero_cli.client.sf.getQueryService().projection(hql, None)]


def test_an_import_is_not_gone_on_with_in_another_way(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    zarr = copied(shared, "v4_m3", tmp_path, 0)
    assert killed(omero_cli, "after", "saveArray", "roz", "import", str(zarr))
    other = omero_cli("roz", "import", str(zarr), "--server-path", f"{tmp_path}=/elsewhere")
    assert other.code == 1
    assert "bound otherwise" in other.err
    assert omero_cli("roz", "import", str(zarr)).code == 0


def test_imported_before_is_skipped(omero_cli: Omero, shared: Path) -> None:
    zarr = str(shared / "layouts" / "v4_float.zarr")
    assert omero_cli("roz", "import", zarr, "--again").code == 0
    before = rows(omero_cli)
    result = omero_cli("roz", "import", zarr)
    assert (result.code, result.out) == (0, "")
    assert "imported before" in result.err and "--again" in result.err
    assert rows(omero_cli) == before
