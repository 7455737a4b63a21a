"""SharedResources: the way to the repositories."""

from typing import Any

import omero
from omero_sandbox.repository import files
from omero_sandbox.repository.file_repository import FileRepository
from omero_sandbox.repository.managed import ManagedRepository
from omero_sandbox.repository.roots import SCRIPTS
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.state import Repository


@service
class SharedResources(Service):
    """Repositories; the sandbox has neither processors nor tables."""

    interface = "omero.grid.SharedResources"

    def repositories(self, call: Call) -> Any:
        """Every repository with its description."""
        every = (self.state.managed, *self.state.others)
        with self.state.database.read() as cursor:
            described = files.loaded(cursor, call.caller, [repository.root_id for repository in every])
        proxies = [self._proxy(call, repository) for repository in every]
        return omero.grid.RepositoryMap(descriptions=described, proxies=proxies)

    def getScriptRepository(self, call: Call) -> Any:
        """The repository of scripts."""
        return self._proxy(call, self.state.repository(SCRIPTS))

    def areTablesEnabled(self, call: Call) -> bool:
        """No: the sandbox has no tables."""
        return False

    def _proxy(self, call: Call, repository: Repository) -> Any:
        cls = ManagedRepository if repository is self.state.managed else FileRepository
        made = cls(self.state, self.session, repository)
        client = call.current.ctx.get("omero.client.uuid", "")
        return self.state.serve(made, f"{client}PublicRepository-{repository.uuid}", self.session.uuid)
