"""SharedResources: the way to the repositories, the processors and the tables."""

from typing import Any

import omero
from omero_sandbox.repository import files
from omero_sandbox.repository.file_repository import FileRepository
from omero_sandbox.repository.managed import ManagedRepository
from omero_sandbox.repository.roots import SCRIPTS
from omero_sandbox.scripts import jobs
from omero_sandbox.scripts.interactive import acquire
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.services.table import Table, new_table, open_table
from omero_sandbox.state import Repository

LONGEST_WAIT = 180


@service
class SharedResources(Service):
    """Repositories, processors and tables."""

    interface = "omero.grid.SharedResources"

    def repositories(self, call: Call) -> Any:
        """Every repository with its description."""
        every = (self.state.managed, *self.state.others)
        with self.state.database.read() as cursor:
            described = files.loaded(cursor, call.caller, [repository.root_id for repository in every])
        proxies = [self._proxy(repository) for repository in every]
        return omero.grid.RepositoryMap(descriptions=described, proxies=proxies)

    def getScriptRepository(self, call: Call) -> Any:
        """The repository of scripts."""
        return self._proxy(self.state.repository(SCRIPTS))

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
        """Yes."""
        return True

    def newTable(self, call: Call, repository_id: int, name: str) -> Any:
        """A new table in a file of its own (which repository is asked for has no meaning since OMERO 5)."""
        return new_table(Table(self.state, self.session), call, name)

    def openTable(self, call: Call, file: Any) -> Any:
        """The table in a file.

        Raises omero.ApiUsageException when there is no such file, omero.SecurityViolation when it may not be read.
        """
        return open_table(Table(self.state, self.session), call, file.id.val)

    def _proxy(self, repository: Repository) -> Any:
        cls = ManagedRepository if repository is self.state.managed else FileRepository
        return self.state.serve(cls(self.state, repository), f"PublicRepository-{repository.uuid}", "")
