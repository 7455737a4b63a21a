"""`--latency`: each remote call waits, calls side by side wait side by side."""

import time
from collections.abc import Iterator

import omero.clients
import pytest

from omero_sandbox import cli
from omero_sandbox.sandbox import OmeroSandbox

LATENCY_MS, CALLS = 150, 10


@pytest.fixture(scope="module")
def client() -> Iterator[omero.clients.BaseClient]:
    """A client of a sandbox with latency, its query service looked up already."""
    with OmeroSandbox(latency_ms=LATENCY_MS) as sandbox:
        client = omero.client(sandbox.host, sandbox.ssl_port)
        client.createSession("root", sandbox.root_password)
        client.sf.getQueryService().find("Experimenter", 0)
        yield client
        client.closeSession()


def seconds(work) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def test_one_after_another(client):
    query = client.sf.getQueryService()
    took = seconds(lambda: [query.find("Experimenter", 0) for _ in range(3)])
    assert took >= 3 * LATENCY_MS / 1000


def test_what_every_object_answers_waits_too(client):
    query = client.sf.getQueryService()
    assert seconds(query.ice_ping) >= LATENCY_MS / 1000
    assert seconds(lambda: query.ice_isA("::omero::api::IQuery")) >= LATENCY_MS / 1000


def test_side_by_side(client):
    query = client.sf.getQueryService()

    def work() -> None:
        for call in [query.begin_find("Experimenter", 0) for _ in range(CALLS)]:
            query.end_find(call)

    assert LATENCY_MS / 1000 <= seconds(work) < CALLS * LATENCY_MS / 1000 / 2


@pytest.mark.parametrize("text", ["-1", "much", "1e9"])
def test_what_is_no_latency(text, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["start", "--latency", text])
    assert caught.value.code == 2 and "not milliseconds" in capsys.readouterr().err
