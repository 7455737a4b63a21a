"""InteractiveProcessor: one job with a processor that took it and a session in which its script runs."""

import time
from dataclasses import replace
from typing import Any

import Ice
from omero.rtypes import rmap, robject

import omero
from omero_sandbox.context import ALL_GROUPS, Caller
from omero_sandbox.model.security import require_group
from omero_sandbox.repository import files
from omero_sandbox.repository.files import FileRow
from omero_sandbox.scripts import jobs
from omero_sandbox.scripts.process import RunningProcess
from omero_sandbox.services.base import Call, StatefulService
from omero_sandbox.services.config import DEFAULTS
from omero_sandbox.sessions import NEVER, Session
from omero_sandbox.state import State

# omero-py's find_launcher takes the mimetype's launcher and class from the call context.
LAUNCH = {"omero.launcher": "", "omero.process": "omero_sandbox.scripts.processor.Process"}
TIMEOUT = "omero.scripts.timeout"
OUTPUTS = ("stdout", "stderr")


class InteractiveProcessor(StatefulService):
    """Runs the script of one job, again and again if a client likes.

    As on a real server the process is shut down when the session that asked for it ends, unless it was detached.
    """

    interface = "omero.grid.InteractiveProcessor"

    def __init__(self, state: State, session: Session, caller: Caller, processor: Any, job: Any, script: FileRow):
        super().__init__(state, session)
        self.caller = caller
        self.job = job
        self.script = script
        self._processor = processor.ice_context(LAUNCH)
        self._own_session: Session | None = None
        self._process: RunningProcess | None = None
        self._detached = self._stopped = False
        self.front: ScriptProcess | None = None

    def serve(self) -> Any:
        """Make it reachable; its name has no client in it, so that it outlives the client that asked for it."""
        self.state.serve(self, f"InteractiveProcessor-{Ice.generateUUID()}", self.session.uuid)
        return self.state.adapter.createProxy(self.identity)

    def getJob(self, call: Call) -> Any:
        """The job as it was submitted."""
        return self.job

    def expires(self, call: Call) -> int:
        """When the script's session ends, in ms since 1970."""
        session = self._script_session()
        return int(session.started * 1000) + session.time_to_live

    def params(self, call: Call) -> Any:
        """What the script takes and gives.

        Raises omero.ValidationException with the script's output when it does not say.
        """
        return params(self.state, self.session, self.caller, self.script)

    def parse(self) -> Any:
        """Run the script so that it only says its parameters."""
        try:
            found = self._processor.parseJob(self._script_session().uuid, self.job)
        finally:
            self._end_session()
        if found is None:
            raise omero.ValidationException(message=self._said_nothing())
        return found

    def _said_nothing(self) -> str:
        lines = [f"Can't find params for {self.script.id}!"]
        with self.state.database.read() as cursor:
            written = {row.name: row for row in jobs.attached(cursor, self.job.id.val)}
        for name in OUTPUTS:
            if name not in written:
                lines.append(f"No {name}.")
                continue
            text = files.on_disk(self.state, written[name]).read_text(errors="replace")
            rule = "---------------------------------"
            lines += [f"{name} is in file {written[name].id}:", rule, text, rule]
        return "\n".join(lines) + "\n"

    def execute(self, call: Call, inputs: Any) -> Any:
        """Start the script.

        Raises omero.ApiUsageException while one runs or its results wait, omero.ValidationException for inputs that
        its parameters do not allow.
        """
        if self._process is not None:
            raise omero.ApiUsageException(message="Process currently running.")
        if self._stopped:
            raise omero.ApiUsageException(message="This processor is stopped.")
        taken = self.params(call)
        session = self._script_session()
        session.inputs.update((inputs.val if inputs else None) or {})
        try:
            started = self._processor.processJob(session.uuid, taken, self.job)
        except omero.ValidationException as error:
            short = (error.message or "")[: jobs.MESSAGE_LENGTH]
            jobs.change(self.state, self.caller, self.job.id.val, jobs.ERROR, short)
            raise
        through = self._processor.ice_identity(started.ice_getIdentity())
        self._process = RunningProcess(self.state, self.session, omero.grid.ProcessPrx.uncheckedCast(through))
        return self._process.serve()

    @property
    def process(self) -> RunningProcess:
        """The script that runs or ran."""
        if self._process is None:
            raise omero.ApiUsageException(message="No current process.")
        return self._process

    def getResults(self, call: Call, process: Any) -> Any:
        """What the script put out, with its stdout and stderr; can be had once.

        Raises omero.ApiUsageException while it runs.
        """
        if self.process.poll(call) is None:
            raise omero.ApiUsageException(message="Process still running.")
        found = dict(self._script_session().outputs)
        with self.state.database.read() as cursor:
            for row in jobs.attached(cursor, self.job.id.val):
                if row.name in OUTPUTS:
                    found[row.name] = robject(omero.model.OriginalFileI(row.id, False))
        self._forget_process()
        return rmap(found)

    def setDetach(self, call: Call, detach: bool) -> bool:
        """Whether the script goes on after stop(); returns what was set before."""
        before, self._detached = self._detached, detach
        return before

    def stop(self, call: Call) -> None:
        """Let go of the script: shut it down, unless it is detached."""
        self._stop()

    def released(self) -> None:
        """The same when the session that asked for it ends."""
        self._stop()
        if self.front is not None:
            self.front.withdraw()

    def _stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        if self._detached:
            self._forget_process()
            return
        if self._process is not None:
            self._process.shut_down_later()
        self._forget_process()
        self._end_session()

    def _forget_process(self) -> None:
        if self._process is not None:
            self._process.withdraw()
            self._process = None

    def _script_session(self) -> Session:
        """The session in which the script runs: the same user in the same group, for a limited time."""
        if self._own_session is None:
            live = int(self.state.config.get(TIMEOUT, DEFAULTS[TIMEOUT]))
            self._own_session = self.state.sessions.create(
                self.state.sessions.user(self.caller.user_id), self.caller.group_id, event_type="Processing",
                idle=NEVER, live=live, agent="OMERO.scripts", sudoer=self.session.sudoer,
            )  # fmt: skip
        return self._own_session

    def _end_session(self) -> None:
        if self._own_session is not None:
            self.state.sessions.close(self._own_session)
            self._own_session = None


def acquire(state: State, session: Session, caller: Caller, job: Any, seconds: float) -> InteractiveProcessor:
    """Submit a job (ScriptJob, ParseJob) that has one script and find it a processor.

    Raises omero.ApiUsageException in all groups at once, omero.ValidationException when it has no script,
    omero.NoProcessorAvailable, its status then being Error.
    """
    require_group(caller)
    saved = jobs.submit(state, caller, session.event_type, job)
    with state.database.read() as cursor:
        attached = jobs.attached(cursor, saved.id.val)
    if len(attached) != 1:
        raise omero.ValidationException(message=f"No script for job :{saved.id.val}")
    try:
        processor = state.processors.accepting(session, caller.user_id, caller.group_id, saved, seconds)
    except omero.NoProcessorAvailable as error:
        jobs.change(state, caller, saved.id.val, jobs.ERROR, error.message)
        raise
    return InteractiveProcessor(state, session, caller, processor, saved, attached[0])


def params(state: State, session: Session, caller: Caller, script: FileRow) -> Any:
    """What a script takes and gives: it is run for it once as long as its text stays the same."""
    with state.database.read() as cursor:
        cursor.execute("SELECT hash FROM originalfile WHERE id = %s", (script.id,))
        (digest,) = cursor.fetchone()
    key = (script.id, digest)
    if key not in state.processors.params:
        job = jobs.waiting(omero.model.ParseJobI(), script.id, f"Parsing script {script.id}")
        if caller.group_id == ALL_GROUPS:
            caller = replace(caller, group_id=session.group_id, group_name=session.caller_as_is().group_name)
        state.processors.params[key] = acquire(state, session, caller, job, 10).parse()
    return state.processors.params[key]


class ScriptProcess(RunningProcess):
    """omero.grid.ScriptProcess: what runScript gives; the same process, with its job and results."""

    interface = "omero.grid.ScriptProcess"

    def __init__(self, state: State, session: Session, interactive: InteractiveProcessor) -> None:
        super().__init__(state, session, interactive.process.process)
        self._interactive = interactive
        interactive.front = self
        self._identity = Ice.Identity(Ice.generateUUID(), "ProcessCallback")  # OMERO.web knows scripts by this word

    def getJob(self, call: Call) -> Any:
        """The job as it was submitted."""
        return self._interactive.job

    def getResults(self, call: Call, seconds: int) -> dict[str, Any]:
        """What the script put out, waited for at most 5 s; can be had once."""
        if not 0 <= seconds <= 5:
            raise omero.ApiUsageException(message=f"Refusing to wait more than 5 seconds: {seconds}")
        deadline = time.monotonic() + seconds
        while self.poll(call) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        return dict(self._interactive.getResults(call, None).val)

    def setMessage(self, call: Call, message: str) -> str:
        """Change the job's message and return the one before."""
        job_id = self._interactive.job.id.val
        return str(jobs.change(self.state, call.caller, job_id, None, message).message.val)

    def close(self, call: Call, detach: bool) -> None:
        """Let go of the script; it goes on if it is detached."""
        self._interactive.setDetach(call, detach)
        self._interactive.close(call)
