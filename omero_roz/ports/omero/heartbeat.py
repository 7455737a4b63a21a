"""Showing that an import is alive, and seeing whether another's is.

Its note in OMERO names its process, and every few seconds the row of its file is saved anew: how long ago that was the
server's clock tells, which no user can set. On the same machine the process is looked at too.
"""

import re
import threading
import time
from contextlib import suppress
from uuid import uuid4

from omero.rtypes import rtime

from omero_roz.errors import Refused
from omero_roz.ports import process
from omero_roz.ports.omero.session import OmeroSession, omero_errors

BEAT = 10.0  # seconds
DEAD = 60.0  # seconds without a beat: a server may be busy
_FILE = "select o from FilesetEntry e join e.originalFile o where e.fileset.id = :id"
_BEATS = "select max(o.details.updateEvent.time) from FilesetEntry e join e.originalFile o where e.fileset.id = :id"
_WRITES = """select max(a.details.updateEvent.time) from FilesetAnnotationLink l join l.child a
    where l.parent.id = :id and a.ns = :ns and a.details.owner.id = l.parent.details.owner.id"""
_TOKEN = re.compile(r"by (?P<process>[0-9a-f:]+); (?P<token>[0-9a-f]{32})$")
_here: set[str] = set()  # the tokens of imports that are under way in this process


def new_token() -> str:
    """What an import is known by in its note: this process and a number of its own."""
    token = f"by {process.me()}; {uuid4().hex}"
    _here.add(token)
    return token


class Heart:
    """Beats for an import from its making on until it is stopped."""

    def __init__(self, session: OmeroSession, fileset: int, group_id: int, token: str) -> None:
        self._session, self._fileset, self._group, self._token = session, fileset, group_id, token
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="omero-roz-heartbeat")
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; the import has ended, or is left."""
        _here.discard(self._token)
        self._stopped.set()
        self._thread.join(BEAT)

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT):
            with suppress(Refused):  # what is wrong the import itself will see
                for file in self._session.to_change(_FILE, "showing that it is alive", self._group, id=self._fileset):
                    file.atime = rtime(int(time.time() * 1000))
                    self._session.save([file], "showing that it is alive", self._group)


def seconds_ago(session: OmeroSession, fileset: int, said: str | None, namespace: str) -> float | None:
    """How long ago an import showed that it is alive, None where it does not live any more.

    `said` is the description of its note (of `namespace`), which has its token.
    """
    form = _TOKEN.search(said or "")
    if form is not None and form["process"] == process.me():
        return 0.0 if form[0] in _here else None
    if form is not None and process.has_ended(form["process"]):
        return None
    asking = f"looking whether the import of Fileset:{fileset} is alive"
    with omero_errors(asking):
        now = session.factory.getConfigService().getServerTime().val / 1000
    rows = session.rows(_BEATS, asking, id=fileset) + session.rows(_WRITES, asking, id=fileset, ns=namespace)
    beats = [last / 1000 for [last] in rows if last is not None]
    ago = now - max(beats, default=0.0)
    return max(ago, 0.0) if ago < DEAD else None
