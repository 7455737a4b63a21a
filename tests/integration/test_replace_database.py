"""Replacing and rolling back through the database: both bindings, every row looked at before and after."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from omero.gateway import BlitzGateway

from demo.omero_client import Account, command_line, import_file, shown
from omero_roz.ports.deletion import delete
from omero_roz.ports.omero_session import OmeroSession
from tests.rows import Rows, all_rows
from tests.servers import Omero, Server

BINDINGS = ("external-info", "zarr-reader")


@pytest.fixture
def database(server: Server) -> str:
    """Options that say where the database and the repository are."""
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    return server.dsn


@pytest.fixture
def source(omero_cli: Omero, acquisition: Path) -> tuple[int, list[int]]:
    return import_file(omero_cli.client, acquisition / "acquisition.ome.tif")


def options(server: Server, binding: str = "external-info") -> list[str]:
    return ["--db", server.dsn, "--managed-repository", server.repository, "--binding", binding]


def replaced(omero_cli: Omero, server: Server, fileset: int, zarr: Path, binding: str = "external-info") -> int:
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", str(zarr), *options(server, binding))
    assert done.code == 0, done.err
    return int(done.out.strip().partition(":")[2])


@pytest.mark.parametrize("binding", BINDINGS)
def test_replaced_and_rolled_back_row_by_row(
    omero_cli: Omero, server: Server, database: str, acquisition: Path, source: tuple[int, list[int]], binding: str
) -> None:
    fileset, images = source
    before, planes = all_rows(database), shown(omero_cli.client, images)
    new = replaced(omero_cli, server, fileset, acquisition / "v2.zarr", binding)
    assert new != fileset
    assert shown(omero_cli.client, images) == planes
    back = omero_cli("roz", "rollback", f"Fileset:{new}", "--db", database)
    assert back.code == 0, back.err
    assert shown(omero_cli.client, images) == planes
    after = all_rows(database)
    assert before.changed_in(after) == {}
