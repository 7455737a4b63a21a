"""Fixtures of the contract, in terms of omero-py only: a server, its root, a user, more people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

import omero.clients
import pytest

from tests.contract.facts import PROPERTY, stated
from tests.contract.people import People
from tests.support.servers import Server


@pytest.fixture(scope="package")
def root(server: Server) -> Iterator[omero.clients.BaseClient]:
    """An administrator."""
    with server.client() as client:
        client.enableKeepAlive(60)
        yield client


@pytest.fixture(scope="module")
def people(server: Server, root: omero.clients.BaseClient) -> Iterator[People]:
    """Makes users, groups and clients; what they made goes at the end of the file."""
    made = People(server, root)
    yield made
    made.leave()


@pytest.fixture(scope="module")
def user(people: People) -> omero.clients.BaseClient:
    """An ordinary user in a read-annotate group of their own; a test that hurts its session makes another."""
    return people.client()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Every test here states a fact."""
    item.user_properties.append((PROPERTY, astuple(stated(item))))
