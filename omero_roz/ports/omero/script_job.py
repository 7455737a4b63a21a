"""A script that OMERO runs: what it was given, how far it is, what it leaves for the web to show."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import omero.clients
import omero.model as model
from omero.rtypes import robject, rstring, unwrap

import omero
from omero_roz.errors import Refused, RozError
from omero_roz.ports import own_files
from omero_roz.ports.omero.script_relay import Relay
from omero_roz.ports.omero.session import OmeroSession, omero_errors
from omero_roz.shown import one_line

MESSAGE_LENGTH = 255  # of a job's message in the database
EVERY_SECONDS = 1.0
MOST_BYTES = 10_000_000  # of a table that a user gives
_FILE = "select a.file from FileAnnotation a where a.id = :id"
_REPORT = "select a from FileAnnotation a join fetch a.file where a.id = :id"


class ScriptJob:
    """The job of a script; `client` is what omero.scripts.client gave it."""

    def __init__(self, client: omero.clients.BaseClient) -> None:
        self._client, self._told = client, 0.0
        self._handle: Any = None
        self.cancelled = False
        client.enableKeepAlive(60)
        self.session = OmeroSession(client)
        self.given = self._inputs()

    def hand_over(self) -> None:
        """Let a job of its own do the work, which outlives the browser, pass on what comes out and end the process.

        Comes back where this is that job, or no processor takes another: then the work is to be done here.
        """
        relay = Relay(self._client, self.session)
        try:
            code = None if relay.is_inner else relay.hand_over()
        except RozError as error:
            self.end(str(error))
            code = 1
        if code is not None:
            self.close()
            sys.exit(code)

    def _inputs(self) -> dict[str, Any]:
        """What was given, else the defaults; only of what the script asks for."""
        asked = self._client.params.inputs
        found = {name: unwrap(parameter.prototype) for name, parameter in asked.items() if parameter.useDefault}
        keys = set(self._client.getInputKeys()) & set(asked)
        return found | {key: unwrap(self._client.getInput(key)) for key in keys}

    def progress(self, what: str, done: int, total: int) -> None:
        """Say in the job's message how far it is, once a second at most.

        Raises KeyboardInterrupt if the job was cancelled: between two steps all that was made is known.
        """
        if self.cancelled:
            self.cancelled = False
            raise KeyboardInterrupt
        now = time.monotonic()
        if now - self._told < EVERY_SECONDS and done not in (0, total):
            return
        self._told = now
        self._say(f"{what}: {done} of {total}" if total > 1 else what)

    def _say(self, text: str) -> None:
        context = self.session.group_context(self.session.who.group_id)
        try:
            with omero_errors("telling how far it is"):
                if self._handle is None:
                    handle = self.session.factory.createJobHandle()
                    handle.attach(int(self._client.getProperty("omero.job")), context)
                    self._handle = handle
                self._handle.setMessage(one_line(text)[:MESSAGE_LENGTH], context)
        except RozError:
            pass  # the work does not depend on whether somebody may look at it

    def end(self, message: str) -> None:
        """Leave what came out of it, as the script's message and, shortened, the job's."""
        self._say(message.partition("\n")[0])
        self._client.setOutput("Message", rstring(message))

    def show(self, kind: str, number: int) -> None:
        """Leave an object for the web to link to."""
        found = self.session.objects(f"select o from {kind} o where o.id = :id", f"reading {kind}:{number}", id=number)
        for one in found:
            self._client.setOutput(kind, robject(one))

    def table(self, annotation: int, to: Path) -> None:
        """Write the file of a FileAnnotation, as a form of the web uploads one, to a local file."""
        where = f"FileAnnotation:{annotation}"
        found = self.session.objects(_FILE, f"reading {where}", id=annotation)
        if not found or found[0].size.val > MOST_BYTES:
            what = "it is too large" if found else "it does not exist or you may not see it"
            raise Refused(what, where, "give the id of a file that is attached to something of yours")
        with omero_errors(f"reading {where}"):
            self._client.download(found[0], str(to))

    def report(self, name: str, content: str, mimetype: str, namespace: str, on: Iterable[tuple[str, int]]) -> None:
        """Leave a report as a file, linked to objects where the user may do so, for the web to show and download."""
        group, note = self.session.who.group_id, model.FileAnnotationI()
        file = Path(name)  # the directory of the process, which the processor removes
        own_files.put(file, content.encode())
        with omero_errors(f"uploading {name}"):
            note.file = self._client.upload(str(file), name=name, type=mimetype).proxy()
        note.ns, note.description = rstring(namespace), rstring("made by a script of omero-roz")
        [number] = self.session.save([note], f"saving {name}", group)
        for kind, one in on:
            self._link(kind, one, number)
        found = self.session.objects(_REPORT, f"reading {name}", id=number)
        self._client.setOutput("File_Annotation", robject(found[0]))

    def _link(self, kind: str, number: int, annotation: int) -> None:
        where = f"{kind}:{number}"
        found = self.session.objects(f"select o from {kind} o where o.id = :id", f"reading {where}", id=number)
        if not found or not found[0].details.permissions.canAnnotate():
            return
        link = getattr(model, f"{kind}AnnotationLinkI")()
        link.parent = getattr(model, f"{kind}I")(number, False)
        link.child = model.FileAnnotationI(annotation, False)
        self.session.save([link], f"writing on {where}", found[0].details.group.id.val)

    def groups(self) -> set[str]:
        """The names of the groups that the user is in."""
        hql = "select m.parent.name from GroupExperimenterMap m where m.child.id = :id"
        return {row[0] for row in self.session.rows(hql, "reading your groups", id=self.session.who.user_id)}

    def close(self) -> None:
        """Close the job's handle and the session."""
        self._client.closeSession()
