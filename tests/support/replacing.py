"""A fileset of four images, and the commands and calls that replace it."""

import json
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg2
from omero.gateway import BlitzGateway

from demo.omero_client import import_file, shown
from omero_roz import zarrs
from omero_roz.applying.means import Means
from omero_roz.binding.lsid import ServerView
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.zarr.stores import Access
from omero_roz.replace import one
from omero_roz.replace.steps import Replaced
from omero_roz.settling import holder, settle_one
from omero_roz.zarrs import Source
from tests.contract.people import own_directory
from tests.support.servers import Omero, Result, Server


class Replacing:
    """A fileset of four images, and the commands that replace it through the database."""

    def __init__(self, omero: Omero, server: Server, tiff: Path) -> None:
        self.omero, self.server = omero, server
        self.fileset, self.images = import_file(omero.client, tiff)

    def options(self, binding: str) -> list[str]:
        if binding == "api":
            return []
        assert self.server.dsn and self.server.repository
        return ["--db", self.server.dsn, "--managed-repository", self.server.repository, "--binding", binding]

    def run(self, zarr: Path, binding: str, *more: str, fileset: int | None = None) -> Result:
        named = f"Fileset:{fileset or self.fileset}"
        return self.omero("roz", "replace-fileset", named, str(zarr), *self.options(binding), *more)

    def replaced(self, zarr: Path, binding: str, *more: str, fileset: int | None = None) -> int:
        done = self.run(zarr, binding, *more, fileset=fileset)
        assert done.code == 0, done.err
        return int(done.out.strip().partition(":")[2])

    def roll_back(self, fileset: int) -> Result:
        return self.omero("roz", "rollback", f"Fileset:{fileset}", "--db", self.server.dsn)

    def rolled_back(self, fileset: int) -> int:
        done = self.roll_back(fileset)
        assert done.code == 0, done.err
        return int(done.out.strip().partition(":")[2])

    def planes(self):
        return shown(self.omero.client, self.images)

    def filesets(self) -> set[int]:
        gateway = BlitzGateway(client_obj=self.omero.client)
        return {gateway.getObject("Image", image).getFileset().getId() for image in self.images}

    def records(self, fileset: int) -> list[dict]:
        return json.loads(self.omero("roz", "status", f"Fileset:{fileset}", "--json").out)

    def sql(self, statement: str, *values):
        connection = psycopg2.connect(self.server.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def user(self) -> int:
        """Whose the fileset is."""
        return self.omero.client.sf.getAdminService().getEventContext().userId

    def own_directory(self) -> Path:
        """The user's directory in the ManagedRepository, with the template that servers come with."""
        assert self.server.repository
        return Path(self.server.repository, own_directory(self.omero.client))

    def logged(self) -> int:
        """The last entry of the user's in the event log."""
        statement = "SELECT max(l.id) FROM eventlog l JOIN event e ON e.id = l.event WHERE e.experimenter = %s"
        return self.sql(statement, self.user())[0][0]

    def means(self) -> AbstractContextManager[Means]:
        """The means to change the fileset by SQL, for what happens between plan and apply."""
        settled = settle_one(session := OmeroSession(self.omero.client), self.fileset)
        return one.means_for(session, settled, self.server.dsn, self.server.repository)

    def plan(self, means: Means, source: Source, binding: str) -> one.Planned:
        return one.plan(means, source, holder(means.session, self.fileset), binding, ServerView())

    def apply(self, means: Means, planned: one.Planned, source: Source) -> Replaced:
        return one.run(means, planned, source, "tester", False, lambda *_: None)


def source_at(zarr: Path) -> Source:
    """A Zarr as a source."""
    read = zarrs.read(str(zarr), Access())
    return Source(read.store, read.layout, str(zarr))
