"""The processors that run scripts: the server's own, started when it is first needed, and those that users start."""

import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

import Ice
import psutil
from omero.grid import ProcessorPrx

import omero
from omero_sandbox.services.base import Call, Service
from omero_sandbox.sessions import NEVER, Session
from omero_sandbox.state import State
from omero_sandbox.users import ROOT, SYSTEM_GROUP

log = logging.getLogger(__name__)
PROCESSOR = "omero_sandbox.scripts.processor"
START_SECONDS = 30.0
STOP_SECONDS = 6.0
ANSWER_MS = 10_000


@dataclass(frozen=True)
class _Known:
    """A processor and the session that registered it."""

    proxy: Any
    session: Session

    def serves(self, user: int) -> bool:
        """Whether it may be given sessions of a user: his own, and everybody's when an administrator started it."""
        return not self.session.closed and (self.session.user.is_admin or self.session.user_id == user)


class Processors:
    """Who runs scripts for this server. `params`: what scripts take, by id and hash of the script."""

    def __init__(self, state: State) -> None:
        self.params: dict[tuple[int, str], Any] = {}
        self._state = state
        self._known: dict[tuple[str, str], _Known] = {}
        self._own: subprocess.Popen[bytes] | None = None
        self._session: Session | None = None
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._stopped = False

    def add(self, call: Call, session: Session, processor: Any) -> None:
        """Ask this processor too from now on; it is reached by the connection that it registers over."""
        identity = processor.ice_getIdentity()
        through = ProcessorPrx.uncheckedCast(call.current.con.createProxy(identity))
        with self._changed:
            self._known[identity.category, identity.name] = _Known(through, session)
            self._changed.notify_all()

    def remove(self, processor: Any) -> None:
        """Ask this processor no more."""
        identity = processor.ice_getIdentity()
        self._known.pop((identity.category, identity.name), None)

    def accepting(self, session: Session, user: int, group: int, job: Any, seconds: float) -> Any:
        """A processor that takes a job (or, without one, what a user or group sends).

        Raises omero.NoProcessorAvailable when each has refused, or the time is over.
        """
        self._ensure()
        answers = 0
        for key, known in list(self._known.items()):
            if not known.serves(user):
                continue
            try:
                accepted = _Answer(self._state, session).ask(known.proxy, user, group, job, seconds)
            except Ice.Exception:
                self._known.pop(key, None)  # that processor is gone
                continue
            answers += accepted is not None
            if accepted:
                return known.proxy
        raise omero.NoProcessorAvailable(
            message=f"No processor available! [{answers} response(s)]", processorCount=answers
        )

    def _ensure(self) -> None:
        """Have the server's own processor run and wait for it to register."""
        with self._lock:
            if self._stopped or (self._own is not None and self._own.poll() is None):
                return
            self._end_session()
            user = self._state.sessions.user(ROOT)
            self._session = self._state.sessions.create(
                user, SYSTEM_GROUP, event_type="Processing", idle=NEVER, agent="OMERO.processor"
            )
            self._own = self._launch(self._session.uuid)
            with self._changed:
                there = self._changed.wait_for(lambda: self._registered(self._own), START_SECONDS)
            if not there:
                log.error("the processor did not start: see %s", self._state.settings.data_dir / "processor.log")

    def _registered(self, process: Any) -> bool:
        return process.poll() is not None or any(known.session is self._session for known in self._known.values())

    def _launch(self, session_uuid: str) -> "subprocess.Popen[bytes]":
        settings = self._state.settings
        folder = settings.data_dir / "processor"
        folder.mkdir(exist_ok=True)
        environment = {**os.environ, "OMERO_TMPDIR": str(folder)}
        with (settings.data_dir / "processor.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", PROCESSOR, str(settings.data_dir)],
                stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment, start_new_session=True,
            )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps({"port": settings.ssl_port, "session": session_uuid}).encode() + b"\n")
        process.stdin.flush()  # it stays open: its end tells the processor that the server is gone
        return process

    def stop(self) -> None:
        """End the server's own processor with the scripts that it runs."""
        with self._lock:
            self._stopped = True
            if self._own is None:
                return
            assert self._own.stdin is not None
            self._own.stdin.close()
            try:
                self._own.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                own = psutil.Process(self._own.pid)
                for process in (*own.children(recursive=True), own):
                    process.kill()
                self._own.wait()
            self._end_session()

    def _end_session(self) -> None:
        if self._session is not None:
            self._state.sessions.close(self._session)
            self._session = None


class _Answer(Service):
    """omero.grid.ProcessorCallback of one question to one processor."""

    interface = "omero.grid.ProcessorCallback"

    def __init__(self, state: State, session: Session) -> None:
        super().__init__(state, session)
        self._answered = threading.Event()
        self._accepted: bool | None = None

    def ask(self, processor: Any, user: int, group: int, job: Any, seconds: float) -> bool | None:
        """What the processor says; None when it says nothing in time."""
        name, category = Ice.generateUUID(), "ProcessorCallback"
        proxy = self.state.serve(self, name, category)
        try:
            processor.ice_invocationTimeout(ANSWER_MS).willAccept(
                omero.model.ExperimenterI(user, False), omero.model.ExperimenterGroupI(group, False), job, proxy
            )
            self._answered.wait(seconds)
            return self._accepted
        finally:
            self.state.withdraw(Ice.Identity(name, category))

    def call(self, current: Ice.Current) -> Call:
        """Processors answer without a session."""
        return Call(self.session.caller_as_is(), current)

    def isProxyAccepted(self, call: Call, accepted: bool, session_uuid: str, processor: Any) -> None:
        """The answer; the processor is known by the connection already."""
        self._accepted = accepted
        self._answered.set()
