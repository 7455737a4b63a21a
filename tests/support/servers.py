"""A server under test, and `omero …` as a user types it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import omero.clients
import pytest
from omero.cli import CLI, NonZeroReturnCode

from demo.omero_client import loaded, log_in
from tests.support.accounts import leave


@dataclass(frozen=True)
class Result:
    """What a command left: exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Server:
    """A running OMERO: where it is, an account, what its readers can; its database and repository if in reach.

    A shared one has others' work going on beside, and an Indexer that writes: tests look at their own rows there.
    """

    host: str
    port: int
    user: str
    password: str
    reader_v3: bool
    dsn: str | None
    repository: str | None = None
    shared: bool = False

    @contextmanager
    def client(self, user: str = "", password: str = "") -> Iterator[omero.clients.BaseClient]:
        """A logged-in client, closed at the end."""
        client = omero.client(self.host, self.port)
        client.createSession(user or self.user, password or self.password)
        try:
            yield client
        finally:
            client.closeSession()


class Omero:
    """The command line against one server, in this process."""

    def __init__(
        self, client: omero.clients.BaseClient, capsys: pytest.CaptureFixture, shell: CLI | None = None
    ) -> None:
        self.client, self._capsys, self._shell = client, capsys, shell

    def through(self, client: omero.clients.BaseClient) -> "Omero":
        """The command line with another session."""
        return Omero(client, self._capsys)

    def in_a_shell(self) -> "Omero":
        """The same for many calls: the plugins are loaded once, as in OMERO's shell."""
        return Omero(self.client, self._capsys, loaded())

    def __call__(self, *args: str) -> Result:
        """Run `omero ARGS`; exit code, stdout and stderr."""
        self._capsys.readouterr()
        try:
            cli = self._shell or loaded()
            log_in(cli, self.client)
            cli.set_event_context(self.client.sf.getAdminService().getEventContext())  # as a login does
            cli.invoke(list(args), strict=True)
            code = 0
        except NonZeroReturnCode as error:
            code = error.rv
        except SystemExit as error:  # argparse
            code = error.code
        printed = self._capsys.readouterr()
        return Result(code, printed.out, printed.err)


def server_under_test(config: pytest.Config) -> Iterator[Server]:
    """The server that --omero names, or a sandbox with the readers as released today."""
    if named := config.getoption("--omero"):
        database, repository = (config.getoption(option) for option in ("--db", "--managed-repository"))
        server = named_server(named, database, config.getoption("--reader-v3"), repository)
        yield server
        with server.client() as root:
            leave(root, server.repository)
    else:
        yield from sandbox_server(reader_v3=False)


def sandbox_server(reader_v3: bool, s3: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A sandbox of its own, on free ports and a temporary directory."""
    from omero_sandbox.sandbox import OmeroSandbox

    with OmeroSandbox(reader_v3=reader_v3, s3=s3) as sandbox:
        yield Server(
            sandbox.host, sandbox.ssl_port, "root", sandbox.root_password, reader_v3, sandbox.dsn,
            str(sandbox.managed_repository),
        )  # fmt: skip


def sandbox_web(server: Server) -> str:
    """The address of OMERO.web beside a sandbox, started if none runs there; it stops with the sandbox."""
    from omero_sandbox.web import process

    assert server.repository is not None
    data = Path(server.repository).parent
    return process.address(data) or process.start(data, server.port)


def named_server(address: str, database: str | None, reader_v3: bool, repository: str | None) -> Server:
    """A real OMERO: OMERO_USER (default root) and OMERO_PASSWORD say who logs in."""
    host, _, port = address.partition(":")
    password = os.environ.get("OMERO_PASSWORD")
    if not password:
        pytest.exit("say the password of the OMERO under test in OMERO_PASSWORD", returncode=2)
    user = os.environ.get("OMERO_USER", "root")
    return Server(host, int(port or 4064), user, password, reader_v3, database, repository, shared=True)
