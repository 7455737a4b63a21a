"""SharedResources: the way to the repositories and to the processors."""

from typing import Any

import omero
from omero_sandbox.repository import files
from omero_sandbox.repository.file_repository import FileRepository
from omero_sandbox.repository.managed import ManagedRepository
from omero_sandbox.repository.roots import SCRIPTS
from omero_sandbox.scripts import jobs
from omero_sandbox.scripts.interactive import acquire
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.state import Repository

LONGEST_WAIT = 180


@service
class SharedResources(Service):
    """Repositories and processors; the sandbox has no tables."""

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

    def acquireProcessor(self, call: Call, job: Any, seconds: int) -> Any:
        """Submit a ScriptJob and find it a processor.

        Raises omero.ApiUsageException for a wait of over three minutes, omero.NoProcessorAvailable when none takes it.
        """
        if seconds > LONGEST_WAIT:
            raise omero.ApiUsageException(message="Delay is too long. Maximum = 3 minutes.")
        job.status = jobs.status_of(jobs.WAITING)
        made = acquire(self.state, self.session, call.caller, job, seconds)
        return omero.grid.InteractiveProcessorPrx.uncheckedCast(made.serve())

    def addProcessor(self, call: Call, processor: Any) -> None:
        """Let a client run scripts: for himself, or an administrator for everybody."""
        self.state.processors.add(call, self.session, processor)

    def removeProcessor(self, call: Call, processor: Any) -> None:
        """Ask that client no more."""
        self.state.processors.remove(processor)

    def areTablesEnabled(self, call: Call) -> bool:
        """No: the sandbox has no tables."""
        return False

    def _proxy(self, call: Call, repository: Repository) -> Any:
        cls = ManagedRepository if repository is self.state.managed else FileRepository
        made = cls(self.state, self.session, repository)
        client = call.current.ctx.get("omero.client.uuid", "")
        return self.state.serve(made, f"{client}PublicRepository-{repository.uuid}", self.session.uuid)
