"""Scratch images: few calls for many filesets, and none stays for long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from omero_roz.ports.omero import scratch
from omero_roz.ports.omero.session import OmeroSession
from tests.support.killed import SCRATCH
from tests.support.many import Many
from tests.support.replacing import Replacing
from tests.support.servers import Omero, Server


def left(replacing: Replacing) -> list[tuple]:
    statement = "SELECT id, templateprefix FROM fileset WHERE templateprefix LIKE 'omero-roz-scratch/%%'"
    return replacing.sql(f"{statement} AND owner_id = %s", replacing.user())


def killed(replacing: Replacing, acquisition: Path) -> None:
    client = replacing.omero.client
    where = [client.getProperty("omero.host"), client.getProperty("omero.port"), client.getSessionId()]
    command = [f"Fileset:{replacing.fileset}", str(acquisition / "v2.zarr"), *replacing.options("external-info")]
    verb = ["roz", "replace-fileset", *command]
    program = [sys.executable, "-m", "tests.support.killed", "KILL", SCRATCH]
    done = subprocess.run([*program, *where, *verb], capture_output=True)
    assert done.returncode == -9, done.stderr


def test_one_save_and_one_delete_for_a_batch(
    omero_cli: Omero, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = Many(omero_cli, server, tmp_path, 5)
    deleted: list[object] = []
    delete = scratch.delete

    def counted(session: OmeroSession, targets: dict, group: int) -> None:
        deleted.append(targets)
        delete(session, targets, group)

    monkeypatch.setattr(scratch, "delete", counted)
    assert many.states(many.ran(many.table(), "api")) == ["replaced"] * 5
    assert len(deleted) == 1


def test_what_a_killed_run_left_the_next_one_deletes(replacing: Replacing, acquisition: Path) -> None:
    killed(replacing, acquisition)
    images = "SELECT id FROM image WHERE fileset = %s"
    [(fileset, _)] = left(replacing)
    assert replacing.sql(images, fileset)
    assert replacing.run(acquisition / "v2.zarr", "external-info").code == 0
    assert left(replacing) == []


@pytest.mark.parametrize("whose", ["a living process's", "another machine's"])
def test_those_in_use_stay_for_an_hour_at_most(replacing: Replacing, acquisition: Path, whose: str) -> None:
    killed(replacing, acquisition)
    [(fileset, prefix)] = left(replacing)
    machine = prefix.split("/")[1] if whose == "a living process's" else "another"
    living = f"omero-roz-scratch/{machine}/{os.getppid()}/"
    replacing.sql("UPDATE fileset SET templateprefix = %s WHERE id = %s", living, fileset)
    session = OmeroSession(replacing.omero.client)
    scratch.delete_left(session)
    assert left(replacing) == [(fileset, living)]
    event = (
        "UPDATE event SET time = time - interval '2 hours' WHERE id = (SELECT creation_id FROM fileset WHERE id = %s)"
    )
    replacing.sql(event, fileset)
    scratch.delete_left(session)
    assert (left(replacing) == []) == (whose == "another machine's")
    replacing.sql("UPDATE fileset SET templateprefix = 'omero-roz-scratch/another/1/' WHERE id = %s", fileset)
    scratch.delete_left(session)
    assert left(replacing) == []


def test_a_scratch_image_that_cannot_be_deleted_undoes_nothing(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise scratch.Refused("not now")

    monkeypatch.setattr(scratch, "delete", refused)
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    assert replacing.records(new)[0]["state"] == "proven"
    [(fileset, _)] = left(replacing)
    monkeypatch.undo()
    replacing.sql("UPDATE fileset SET templateprefix = templateprefix || '0' WHERE id = %s", fileset)
    replacing.sql(
        "UPDATE event SET time = time - interval '2 hours' WHERE id = (SELECT creation_id FROM fileset WHERE id = %s)",
        fileset,
    )
    scratch.delete_left(OmeroSession(replacing.omero.client))
    assert left(replacing) == []
