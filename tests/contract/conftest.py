"""Fixtures of the contract, in terms of omero-py only: a server, its root, a user, more people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple

import omero.clients
import pytest

from tests.contract.facts import OUTCOMES, PROPERTY, Fact, stated, table
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of facts; beside other tests only what is unmeasured or does not hold."""
    outcomes: dict[Fact, str] = {}
    reports = [(name, r) for name in OUTCOMES for r in terminalreporter.stats.get(name, [])]
    for outcome, report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY and outcomes.get(Fact(*value)) != "failed":
                outcomes[Fact(*value)] = outcome
    if outcomes:
        real = bool(config.getoption("--omero"))
        whole = real or all(dict(report.user_properties).get(PROPERTY) for _, report in reports)
        terminalreporter.section("contract of OMERO")
        for line in table(outcomes, real, whole):
            terminalreporter.line(line)
