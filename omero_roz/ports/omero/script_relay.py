"""A script that goes on without who started it.

A server ends a script with the session that asked for it, which OMERO.web lets idle out after ten minutes once the
browser is closed. So the script asks for itself again, as a job that is detached, and only passes its results on.
"""

import os
import signal
import time
from typing import Any

import omero.clients
import omero.model as model
from omero.rtypes import rmap, rstring

import omero
from omero_roz.ports.omero.session import OmeroSession, omero_errors

INNER = "omero-roz: goes on without who started it"
ACQUIRE_SECONDS = 20
LOOK_SECONDS = 0.25
CANCELLED = 1
_SCRIPT = """select f.id from JobOriginalFileLink l join l.child f
    where l.parent.id = :id and f.mimetype = 'text/x-python'"""


class Relay:
    """Hands the work of a script over to another job of the same script."""

    def __init__(self, client: omero.clients.BaseClient, session: OmeroSession) -> None:
        self._client, self._session = client, session
        self._job = int(client.getProperty("omero.job"))
        self._inner: Any = None

    @property
    def is_inner(self) -> bool:
        """Whether this is the job that does the work."""
        hql, asking = "select j.description from Job j where j.id = :id", "reading the script's own job"
        return self._session.rows(hql, asking, id=self._job) == [[INNER]]

    def hand_over(self) -> int | None:
        """Let another job do it, pass on how far it is and what comes out of it; its exit code.

        None where no processor takes it. When the session that this one belongs to ends, the other goes on.
        """
        [[script], *_] = self._session.rows(_SCRIPT, "reading the script's own job", id=self._job)
        wanted = model.ScriptJobI()
        wanted.linkOriginalFile(model.OriginalFileI(script, False))
        wanted.description = rstring(INNER)
        with omero_errors("handing the work over to a job of its own"):
            try:
                processor = self._session.factory.sharedResources().acquireProcessor(wanted, ACQUIRE_SECONDS)
            except (omero.NoProcessorAvailable, omero.ApiUsageException):
                return None
            processor.setDetach(True)
            given = {key: self._client.getInput(key) for key in self._client.getInputKeys()}
            self._inner = processor.execute(rmap(given))
            signal.signal(signal.SIGTERM, self._cancel)
            code = self._wait(processor.getJob().id.val)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for name, value in processor.getResults(self._inner).val.items():
                self._client.setOutput(name, value)
        return code

    def _wait(self, number: int) -> int:
        """The exit code of the other job, whose messages become this one's."""
        context = self._session.group_context(self._session.who.group_id)
        theirs, ours = (self._session.factory.createJobHandle() for _ in range(2))
        theirs.attach(number, context)
        ours.attach(self._job, context)
        told = ""
        while (code := self._inner.poll()) is None:
            said = theirs.jobMessage(context)
            if said != told:
                ours.setMessage(said, context)
                told = said
            time.sleep(LOOK_SECONDS)
        ours.setMessage(theirs.jobMessage(context), context)
        return code.val

    def _cancel(self, number: int, frame: object) -> None:
        """Somebody cancels this one: then the other too. But where only the session has ended, it goes on."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1)  # a session that ends is gone by now
        try:
            self._session.factory.getAdminService().getEventContext()
            self._inner.cancel()
        except Exception:
            os._exit(CANCELLED)
