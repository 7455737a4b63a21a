"""IScript: official scripts and those of users, their parameters, and running them."""

from collections.abc import Sequence
from typing import Any

from omero.rtypes import rlong, rmap, robject, rstring

import omero
from omero_sandbox import model
from omero_sandbox.context import ALL_GROUPS
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.privileges import deletion_privilege
from omero_sandbox.model.security import WRITE
from omero_sandbox.repository import files
from omero_sandbox.repository.files import FileRow
from omero_sandbox.scripts import jobs, official
from omero_sandbox.scripts.interactive import ScriptProcess, acquire, params
from omero_sandbox.scripts.official import HASHER, MIMETYPE
from omero_sandbox.services.base import Call, Service, service
from omero_sandbox.services.raw_file import store_checksum

ACQUIRE_SECONDS = 5
DISABLED = "text/plain"


@service
class ScriptService(Service):
    """Scripts are files of mimetype text/x-python; the official ones are below lib/scripts."""

    interface = "omero.api.IScript"

    def getScripts(self, call: Call) -> list[Any]:
        """The official scripts that are on the disk now."""
        return self._loaded(call, official.registered(self.state))

    def getScriptsByMimetype(self, call: Call, mimetype: str) -> list[Any]:
        """The official scripts, or the lookup tables (text/x-lut), that are on the disk now; nothing else."""
        if mimetype not in (MIMETYPE, official.LOOKUP_TABLE):
            return []
        return self._loaded(call, official.registered(self.state, mimetype))

    def getUserScripts(self, call: Call, accepts: Sequence[Any]) -> list[Any]:
        """Scripts that are not official: of the users and groups named, or else of the caller's group."""
        group = call.caller.group_id if call.caller.group_id != ALL_GROUPS else self.session.group_id
        named = accepts or [omero.model.ExperimenterGroupI(group, False)]
        owners, groups = _accepted(named)
        with self.state.database.read() as cursor:
            readable = files.rights(cursor, call.caller).readable("o", entity("OriginalFile")) or "TRUE"
            cursor.execute(
                f"SELECT o.id FROM originalfile o WHERE o.mimetype = %s AND o.repo IS NULL AND {readable}"
                " AND (%s OR o.owner_id = ANY(%s)) AND (%s OR o.group_id = ANY(%s)) ORDER BY o.id",
                (MIMETYPE, not owners, owners, not groups, groups),
            )
            found = [number for (number,) in cursor.fetchall()]
        return self._loaded(call, found)

    def getScriptID(self, call: Call, path: str) -> int:
        """The id of an official script, -1 when there is none of that path."""
        with self.state.database.read() as cursor:
            found = official.find(cursor, path)
        return -1 if found is None else found

    def getScriptText(self, call: Call, script_id: int) -> str | None:
        """The text of a script; None for what is none, which arrives as ""."""
        row = self._script(call, script_id)
        return None if row is None else files.on_disk(self.state, row).read_text(encoding="utf-8")

    def getScriptWithDetails(self, call: Call, script_id: int) -> Any:
        """Its text, as the key of its OriginalFile."""
        text = self.getScriptText(call, script_id)
        return None if text is None else {text: robject(self._loaded(call, [script_id])[0])}

    def getParams(self, call: Call, script_id: int) -> Any:
        """What a script takes and gives; None for what is no script.

        Raises omero.ValidationException with the script's output when it does not say.
        """
        row = self._script(call, script_id)
        return None if row is None else params(self.state, self.session, call.caller, row)

    def canRunScript(self, call: Call, script_id: int) -> bool:
        """Whether there is a processor for a script: always for an official one."""
        row = self._script(call, script_id)
        if row is None or official.is_official(row):
            return row is not None
        caller = call.caller
        try:
            self.state.processors.accepting(self.session, caller.user_id, caller.group_id, None, ACQUIRE_SECONDS)
        except omero.NoProcessorAvailable:
            return False
        return True

    def runScript(self, call: Call, script_id: int, inputs: dict[str, Any], seconds: Any) -> Any:
        """Start a script, waiting some seconds (5) for a processor.

        Raises omero.ApiUsageException in all groups at once, omero.ValidationException for inputs that its parameters
        do not allow or for what is no script, omero.NoProcessorAvailable for a user's script that no processor of the
        user's takes.
        """
        if self._script(call, script_id) is None:
            raise omero.ValidationException(message=f"No script with id {script_id} on server.")
        wait = ACQUIRE_SECONDS if seconds is None else seconds.val
        job = jobs.waiting(omero.model.ScriptJobI(), script_id)
        interactive = acquire(self.state, self.session, call.caller, job, wait)
        interactive.serve()
        try:
            interactive.execute(call, rmap(inputs or {}))
        except Exception:
            interactive.close(call)
            raise
        return ScriptProcess(self.state, self.session, interactive).serve()

    def validateScript(self, call: Call, job: Any, accepts: Sequence[Any]) -> Any:
        """The script of a job, if a processor that accepts this may run it, or else None: [] is official scripts.

        Raises omero.ValidationException when the job has not one script.
        """
        with self.state.database.read() as cursor:
            rows = [row for row in jobs.attached(cursor, job.id.val) if row.mimetype == MIMETYPE]
        if len(rows) != 1:
            raise omero.ValidationException(message=f"Found wrong number of files: {len(rows)}")
        owners, groups = _accepted(accepts)
        taken = rows[0].owner in owners or rows[0].group in groups if accepts else official.is_official(rows[0])
        return self._loaded(call, [rows[0].id])[0] if taken else None

    def uploadScript(self, call: Call, path: str, text: str) -> int:
        """Store a script of the caller's, which only his own processors run.

        Raises omero.ValidationException when one of them runs it and it does not say its parameters; it is no script
        then.
        """
        directory, _, name = path.rpartition("/")
        made = omero.model.OriginalFileI()
        made.path, made.name, made.mimetype = rstring(f"{directory}/"), rstring(name), rstring(MIMETYPE)
        made.hasher = omero.model.ChecksumAlgorithmI()
        made.hasher.value, made.size = rstring(HASHER), rlong(len(text.encode()))
        with self.state.database.write(call.caller) as tx:
            number: int = model.save(tx, [made])[0].id.val
        self._write(call, number, text)
        self._validate(call, number)
        return number

    def uploadOfficialScript(self, call: Call, path: str, text: str) -> int:
        """Store a script that the server runs for everybody.

        Raises omero.SecurityViolation for who is no administrator, omero.ApiUsageException for a path that is taken,
        omero.ValidationException when it does not say its parameters; it is no script then.
        """
        _require(call, "WriteScriptRepo")
        number = official.add(self.state, path, text)
        self._validate(call, number)
        return number

    def editScript(self, call: Call, file: Any, text: str) -> None:
        """Replace the text of a script, its id stays; what was disabled is a script again.

        Raises omero.ApiUsageException when there is none, omero.SecurityViolation when it is not the caller's to
        change, omero.ValidationException as uploading does.
        """
        row = None if file is None else self._file(call, file.id.val)
        if row is None:
            raise omero.ApiUsageException(message="could not find file" if file else "file object cannot be null")
        if row.repo is not None:
            _require(call, "WriteScriptRepo")
            official.edit(self.state, row, text)
        else:
            self._require_writable(call, row)
            self._write(call, row.id, text)
            self._set_mimetype(call, row.id, MIMETYPE)
        self._validate(call, row.id)

    def deleteScript(self, call: Call, script_id: int) -> None:
        """Delete a script's file, then its row, and its links to jobs that are in the call's group; the jobs stay.

        Raises omero.ApiUsageException for what is none, omero.SecurityViolation when it is not the caller's,
        omero.ValidationException where jobs of other groups ran it: the file is gone then, the row stays.
        """
        row = self._file(call, script_id)
        if row is None:
            raise omero.ApiUsageException(message=f"No script with id {script_id} on server.")
        with self.state.database.read() as cursor:
            rights = files.rights(cursor, call.caller)
            links = rights.readable("l", entity("JobOriginalFileLink")) or "TRUE"
        if not rights.may(WRITE, row.owner, row.group, deletion_privilege("OriginalFile", row.repo)):
            raise omero.SecurityViolation(message=f"No permission to delete script with id {script_id}")
        files.on_disk(self.state, row).unlink(missing_ok=True)
        with self.state.database.write(call.caller) as tx:
            tx.cursor.execute(
                f"DELETE FROM joboriginalfilelink l WHERE l.child = %s AND {links} RETURNING l.id", (script_id,)
            )
            tx.log("DELETE", "ome.model.jobs.JobOriginalFileLink", [number for (number,) in tx.cursor.fetchall()])
            tx.cursor.execute("DELETE FROM originalfile WHERE id = %s", (script_id,))
            tx.log("DELETE", "ome.model.core.OriginalFile", [script_id])

    def _validate(self, call: Call, script_id: int) -> None:
        """Have the script say its parameters; one that cannot is disabled, one that nobody runs now is believed."""
        row = self._script(call, script_id)
        try:
            if row is None or params(self.state, self.session, call.caller, row) is None:
                raise omero.ApiUsageException(message="Script error: no params found.")
        except omero.ResourceError:
            return
        except omero.ValidationException:
            self._set_mimetype(call, script_id, DISABLED)
            raise

    def _write(self, call: Call, number: int, text: str) -> None:
        path = self.state.settings.data_dir / "Files" / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        store_checksum(self.state, call.caller, number, path, HASHER)

    def _set_mimetype(self, call: Call, number: int, mimetype: str) -> None:
        with self.state.database.write(call.caller) as tx:
            tx.cursor.execute(
                "UPDATE originalfile SET mimetype = %s, update_id = %s WHERE id = %s", (mimetype, tx.event_id, number)
            )
            tx.log("UPDATE", "ome.model.core.OriginalFile", [number])

    def _script(self, call: Call, number: int) -> FileRow | None:
        row = self._file(call, number)
        return row if row is not None and row.mimetype == MIMETYPE else None

    def _file(self, call: Call, number: int) -> FileRow | None:
        """A file that the caller may read."""
        with self.state.database.read() as cursor:
            row = files.by_id(cursor, number)
            readable = row is not None and files.rights(cursor, call.caller).may_load(row.owner, row.group)
            return row if readable else None

    def _require_writable(self, call: Call, row: FileRow) -> None:
        with self.state.database.read() as cursor:
            allowed = files.rights(cursor, call.caller).may(WRITE, row.owner, row.group, "WriteFile")
        if not allowed:
            raise omero.SecurityViolation(message=f"Updating ome.model.core.OriginalFile:Id_{row.id} not allowed.")

    def _loaded(self, call: Call, numbers: Sequence[int]) -> list[Any]:
        with self.state.database.read() as cursor:
            return files.loaded(cursor, call.caller, numbers)


def _require(call: Call, privilege: str) -> None:
    if not call.caller.holds(privilege):
        lacking = f"has not the privilege {privilege}" if call.caller.is_admin else "is not an administrator"
        raise omero.SecurityViolation(message=f"User {lacking}")


def _accepted(accepts: Sequence[Any] | None) -> tuple[list[int], list[int]]:
    """The users and the groups of a list of objects.

    Raises omero.ValidationException for any other object.
    """
    owners, groups = [], []
    for accepted in accepts or ():
        if isinstance(accepted, omero.model.Experimenter):
            owners.append(accepted.id.val)
        elif isinstance(accepted, omero.model.ExperimenterGroup):
            groups.append(accepted.id.val)
        else:
            raise omero.ValidationException(message=f"Unsupported accept-type: {type(accepted).__name__}")
    return owners, groups
