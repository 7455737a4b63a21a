"""Jobs as rows: submitted, given a status and a message, looked at."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from omero.model import IObject, JobStatusI
from omero.rtypes import rstring, rtime

import omero
from omero_sandbox import model
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.model.mapping import entity_of
from omero_sandbox.model.rows import milliseconds
from omero_sandbox.model.security import WRITE
from omero_sandbox.repository import files
from omero_sandbox.repository.files import FileRow
from omero_sandbox.state import State

SUBMITTED, WAITING, RUNNING = "Submitted", "Waiting", "Running"
FINISHED, ERROR, CANCELLED = "Finished", "Error", "Cancelled"
MESSAGE_LENGTH = 255
# What a status puts into a job's times, by facts of a real server's JobHandle.
TIMES = {RUNNING: "started", FINISHED: "finished", ERROR: "finished", CANCELLED: "finished"}


def submit(state: State, caller: Caller, event_type: str, job: Any) -> Any:
    """Save a new job with the values that a client cannot set; return it loaded.

    Raises omero.ApiUsageException for a status other than Submitted or Waiting, and what saving raises.
    """
    moment = milliseconds(files.now())
    job.username, job.groupname = rstring(caller.user_name), rstring(caller.group_name)
    job.type, job.started, job.finished = rstring(event_type), None, None
    job.submitted = rtime(moment)
    if job.scheduledFor is None or job.scheduledFor.val < moment:
        job.scheduledFor = rtime(moment)
    if job.message is None:
        job.message = rstring("")
    if job.status is None:
        job.status = status_of(SUBMITTED)
    elif job.status.value is None or job.status.value.val not in (SUBMITTED, WAITING):
        raise omero.ApiUsageException(message="Currently only Submitted and Waiting are accepted as JobStatus")
    with state.database.write(caller) as tx:
        number = model.save(tx, [job], trusted=False)[0].id.val
    return load(state, caller, number)


def waiting(job: Any, script_id: int, message: str = "") -> Any:
    """A new job (ScriptJobI, ParseJobI) that waits for a processor to run a script."""
    job.linkOriginalFile(omero.model.OriginalFileI(script_id, False))
    job.status, job.message = status_of(WAITING), rstring(message)
    return job


def load(state: State, caller: Caller, job_id: int) -> Any:
    """A job as an object of its own class, its status loaded.

    Raises omero.ApiUsageException when there is none, omero.SecurityViolation when it may not be read.
    """
    with state.database.read() as cursor:
        found: list[IObject] = model.load(cursor, replace(caller, group_id=ALL_GROUPS), "Job", [job_id])
        if not found:
            raise omero.ApiUsageException(message=f"Unknown job:{job_id}")
        job: Any = found[0]
        job.status = model.load(cursor, caller, "JobStatus", [job.status.id.val])[0]
    return job


def change(state: State, caller: Caller, job_id: int, status: str | None, message: str | None) -> Any:
    """Set status, message or both of a job; return the job as it was.

    Raises omero.ValidationException for a status that is not a running or ended one or a message that is too long,
    omero.SecurityViolation for a job that is not the caller's to change.
    """
    job = load(state, caller, job_id)
    if status is not None and status not in TIMES:
        raise omero.ValidationException(message=f"Currently unsupported: {status}")
    if message is not None and len(message) > MESSAGE_LENGTH:
        raise omero.ValidationException(message=f"a job's message has at most {MESSAGE_LENGTH} characters")
    owner, group = job.details.owner.id.val, job.details.group.id.val
    name = entity_of(job).java
    with state.database.write(replace(caller, group_id=group)) as tx:
        if not files.rights(tx.cursor, caller).may(WRITE, owner, group):
            raise omero.SecurityViolation(message=f"Updating {name}:Id_{job_id} not allowed.")
        if message is not None:
            tx.cursor.execute("UPDATE job SET message = %s WHERE id = %s", (message, job_id))
        if status is not None:
            tx.cursor.execute(
                f"UPDATE job SET status = (SELECT id FROM jobstatus WHERE value = %s), {TIMES[status]} = %s"
                " WHERE id = %s",
                (status, files.now(), job_id),
            )
        tx.cursor.execute("UPDATE job SET update_id = %s, version = version + 1 WHERE id = %s", (tx.event_id, job_id))
        tx.log("UPDATE", name, [job_id])
    return job


def attached(cursor: Any, job_id: int) -> Sequence[FileRow]:
    """The files linked to a job, the first one first."""
    cursor.execute("SELECT child FROM joboriginalfilelink WHERE parent = %s ORDER BY id", (job_id,))
    rows = [files.by_id(cursor, number) for (number,) in cursor.fetchall()]
    return [row for row in rows if row is not None]


def status_of(value: str) -> JobStatusI:
    """A status that is known by its value."""
    made = JobStatusI()
    made.value = rstring(value)
    return made
