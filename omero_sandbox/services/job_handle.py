"""JobHandle: one job, submitted or attached to, with its status and message."""

from typing import Any

import omero
from omero_sandbox.scripts import jobs
from omero_sandbox.services.base import Call, StatefulService, service


@service
class JobHandle(StatefulService):
    """What a script reports by, and what others see of it; changing the status tells the process nothing."""

    interface = "omero.api.JobHandle"
    job_id: int | None = None

    def submit(self, call: Call, job: Any) -> int:
        """Save a new job and attach to it."""
        self.job_id = jobs.submit(self.state, call.caller, self.session.event_type, job).id.val
        return self.job_id

    def attach(self, call: Call, job_id: int) -> Any:
        """Take a job and return its status."""
        status = jobs.load(self.state, call.caller, job_id).status
        self.job_id = job_id
        return status

    def getJob(self, call: Call) -> Any:
        """The job as it is now."""
        if self.job_id is None:
            raise omero.ApiUsageException(message="JobHandle not ready: Please submit() or attach() to a Job.")
        return jobs.load(self.state, call.caller, self.job_id)

    def jobStatus(self, call: Call) -> Any:
        """Its status."""
        return self.getJob(call).status

    def jobFinished(self, call: Call) -> Any:
        """When it ended, or None."""
        return self.getJob(call).finished

    def jobMessage(self, call: Call) -> str:
        """Its message."""
        return self.getJob(call).message.val

    def jobRunning(self, call: Call) -> bool:
        """Whether it runs."""
        return self._has(call, jobs.RUNNING)

    def jobError(self, call: Call) -> bool:
        """Whether it failed."""
        return self._has(call, jobs.ERROR)

    def cancelJob(self, call: Call) -> None:
        """Set the status Cancelled."""
        self.setStatus(call, jobs.CANCELLED)

    def setStatus(self, call: Call, status: str) -> str:
        """Change the status and return the one before."""
        return self._change(call, status, None).status.value.val

    def setMessage(self, call: Call, message: str) -> str:
        """Change the message and return the one before."""
        return self._change(call, None, message).message.val

    def setStatusAndMessage(self, call: Call, status: str, message: Any) -> str:
        """Change both and return the status before."""
        return self._change(call, status, None if message is None else message.val).status.value.val

    def _has(self, call: Call, status: str) -> bool:
        return bool(self.getJob(call).status.value.val == status)

    def _change(self, call: Call, status: str | None, message: str | None) -> Any:
        return jobs.change(self.state, call.caller, self.getJob(call).id.val, status, message)
