"""A curator, a member of the same group who means harm, a stranger, and the administrator whom both would use."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import omero.clients
import pytest

from demo.omero_client import new_account
from tests.support.claims import Claims
from tests.support.members import new_member
from tests.support.replacing import Replacing
from tests.support.servers import Omero, Result, Server


@dataclass(frozen=True)
class Person:
    """A user: the command line, what the API lets them write, and a way to import and replace."""

    omero: Omero
    claims: Claims
    server: Server
    tiff: Path

    @property
    def top(self) -> str:
        """Their own directory in the repository."""
        return self.claims.top

    def imports(self) -> Replacing:
        """A fileset of four images of theirs."""
        return Replacing(self.omero, self.server, self.tiff)


@dataclass(frozen=True)
class Quarrel:
    """All of them on one server whose database and repository are at hand."""

    curator: Person
    member: Person
    stranger: Person
    root: Omero
    server: Server

    @property
    def db(self) -> list[str]:
        """The option that names the database."""
        return ["--db", self.server.dsn or ""]

    @property
    def repository(self) -> Path:
        """The ManagedRepository's directory."""
        return Path(self.server.repository or "")

    @property
    def means(self) -> list[str]:
        """The options of an administrator who has both."""
        return [*self.db, "--managed-repository", str(self.repository)]

    def cleanup(self, fileset: int) -> Result:
        """The administrator's ordinary command."""
        return self.root("roz", "cleanup", f"Fileset:{fileset}", *self.means, "--yes")


def quarrelling(
    server: Server, tiff: Path, capsys: pytest.CaptureFixture, permissions: str = "rwra--"
) -> Iterator[Quarrel]:
    """Curator and member share a group of these permissions; the stranger has one of their own."""
    if server.dsn is None or server.repository is None:
        pytest.skip("needs the server's database and ManagedRepository (--db, --managed-repository)")
    with ExitStack() as open_:
        root = open_.enter_context(server.client())
        curator = new_account(root, permissions)
        accounts = [curator, new_member(root, curator.name), new_account(root, "rw----")]

        def person(client: omero.clients.BaseClient) -> Person:
            return Person(Omero(client, capsys), Claims(client), server, tiff)

        clients = [open_.enter_context(server.client(one.name, one.password)) for one in accounts]
        yield Quarrel(*map(person, clients), Omero(root, capsys), server)
