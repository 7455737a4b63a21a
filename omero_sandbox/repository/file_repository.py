"""omero.grid.Repository: files by their path; what is on the disk counts only where it has a row."""

from collections.abc import Iterator, Sequence
from typing import Any

import Ice
from omero.rtypes import rlong, rmap, rstring

import omero
from omero_sandbox import model
from omero_sandbox.commands import submit
from omero_sandbox.context import CLIENT, SESSION
from omero_sandbox.model.privileges import writing_privilege
from omero_sandbox.model.security import ANNOTATE, MEMBER, OWNER, USER_GROUP, WRITE
from omero_sandbox.repository import files, paths
from omero_sandbox.repository.files import DIRECTORY, FileRow
from omero_sandbox.services.base import Call, Service
from omero_sandbox.services.raw_file import RawFileStore
from omero_sandbox.sessions import Session
from omero_sandbox.state import Repository, State
from omero_sandbox.users import ROOT, server_caller

NEW_FILES = "SHA1-160"  # the checksum algorithm of files that a client makes
TRANSLATED = ("makeDir", "register")  # the operations whose exceptions a real server makes its own


class FileRepository(Service):
    """One repository, the same servant for every session: only the call's context says who calls.

    So a call whose context lacks the session's uuid is refused, as is one for a store of its own without the client's
    (rules: facts/omero_replacement.md, a).
    """

    interface = "omero.grid.Repository"
    for_anybody = frozenset[str]()  # operations that need no session

    def __init__(self, state: State, repository: Repository) -> None:
        self.state = state
        self.repository = repository

    def call(self, current: Ice.Current) -> Call:
        """Who calls, by the uuid in the context.

        Raises omero.ApiUsageException without one, omero.RemovedSessionException when there is no such session. A real
        server lets all but two operations fail on these without translating them: Ice.UnknownException.
        """
        if current.operation in self.for_anybody:
            return Call(server_caller(), current)
        try:
            return Call(self._session(current).caller(current.ctx), current)
        except (omero.ApiUsageException, omero.SessionException) as error:
            if current.operation in TRANSLATED:
                raise
            kind = type(error).__name__
            raise Ice.UnknownException(f"ome.conditions.{kind}: {error.message}") from error

    def _session(self, current: Ice.Current) -> Session:
        session_uuid = current.ctx.get(SESSION)
        if session_uuid is None:
            raise omero.ApiUsageException(message="Uuid cannot be null.")
        return self.state.sessions.get(session_uuid)

    def _client(self, call: Call) -> str:
        """The client that a new servant belongs to.

        Raises omero.InternalException where the context names none, or none of the session's.
        """
        client = call.current.ctx.get(CLIENT)
        if client is None:
            raise omero.InternalException(
                message="Cannot create session id for servant:"
                f"\nInfo:\n\tId:{call.current.id.name}\n\tOp:{call.current.operation}\n\tCtx:{call.current.ctx}"
            )
        if client not in self._session(call.current).clients:
            raise omero.InternalException(message="No ServantHolder for proxy.")
        return client

    def root(self, call: Call) -> Any:
        """The repository's own description."""
        with self.state.database.read() as cursor:
            return files.loaded(cursor, call.caller, [self.repository.root_id])[0]

    def mimetype(self, call: Call, path: str) -> str:
        """The mimetype in a file's row."""
        return self._row(call, path).mimetype or ""

    def fileExists(self, call: Call, path: str) -> bool:
        """Whether a path has a row.

        Raises omero.SecurityViolation for one that the caller may not read.
        """
        return self._find(call, path) is not None

    def list(self, call: Call, path: str) -> Sequence[str]:
        """Paths of what has rows in a directory.

        Raises omero.SecurityViolation when the directory has none.
        """
        inside = self._directory(call, path)
        with self.state.database.read() as cursor:
            found = files.children(cursor, call.caller, self.repository, inside)
        return [f"{row.path}{row.name}" for row in found]

    def listFiles(self, call: Call, path: str) -> Sequence[Any]:
        """The same as OriginalFiles."""
        inside = self._directory(call, path)
        with self.state.database.read() as cursor:
            found = files.children(cursor, call.caller, self.repository, inside)
            return files.loaded(cursor, call.caller, [row.id for row in found])

    def treeList(self, call: Call, path: str) -> Any:
        """A file or directory and all below: name -> {id, mimetype, size, files: …}; empty when it has no row."""
        row = self._find(call, path)
        if row is None:
            return rmap({})
        with self.state.database.read() as cursor:
            return rmap({row.name: rmap(self._tree(cursor, call, row, paths.inside(path)))})

    def _tree(self, cursor: Any, call: Call, row: FileRow, inside: tuple[str, ...]) -> dict[str, Any]:
        entry: dict[str, Any] = {"id": rlong(row.id), "mimetype": rstring(row.mimetype or "")}
        if row.size is not None:
            entry["size"] = rlong(row.size)
        if row.mimetype == DIRECTORY:
            below = files.children(cursor, call.caller, self.repository, inside)
            entry["files"] = rmap(
                {child.name: rmap(self._tree(cursor, call, child, (*inside, child.name))) for child in below}
            )
        return entry

    def register(self, call: Call, path: str, mimetype: Any) -> Any:
        """Make the row of a path, or return the one that is there. The parent must have a row.

        Raises omero.SecurityViolation without the parent's row or the right to annotate it, omero.ValidationException
        for a directory that is to have another mimetype than `Directory`, omero.InternalException for a row of others
        that cannot be read.
        """
        inside = paths.inside(path)
        kind = None if mimetype is None else mimetype.val
        if self._disk(inside).is_dir() and kind != DIRECTORY:
            raise omero.ValidationException(message=f"File is a directory but mimetype is: {kind}")
        with self.state.database.read() as cursor:
            row = files.find(cursor, self.repository, inside)
            if row is not None and not files.rights(cursor, call.caller).may_load(row.owner, row.group):
                raise omero.InternalException(
                    message="Wrapped Exception: (java.util.NoSuchElementException):\nNo value present"
                )
        row = row or self._new_row(call, inside, kind)
        with self.state.database.read() as cursor:
            return files.loaded(cursor, call.caller, [row.id])[0]

    def _new_row(self, call: Call, inside: tuple[str, ...], kind: str | None, hasher: str | None = None) -> FileRow:
        disk = self._disk(inside)
        with self.state.database.write(call.caller) as tx:
            self._require_parent(tx.cursor, call, inside)
            file = files.new_file(self.state, self.repository, inside, kind, hasher)
            file.size = rlong(disk.stat().st_size) if disk.exists() else None
            model.save(tx, [file])
            found = files.find(tx.cursor, self.repository, inside)
        assert found is not None
        return found

    def _require_parent(self, cursor: Any, call: Call, inside: tuple[str, ...]) -> None:
        """Whoever may annotate a directory may register what is in it; the root's own all may, and what they cannot
        read those who are no administrators.
        """
        if len(inside) < 2:
            return
        parent = files.find(cursor, self.repository, inside[:-1])
        if parent is None:
            raise omero.SecurityViolation(message=f"Cannot find parent directory: CheckedPath({'/'.join(inside)})")
        rights = files.rights(cursor, call.caller)
        if (parent.owner, parent.group) == (ROOT, USER_GROUP):
            return
        if not rights.may_load(parent.owner, parent.group):
            if call.caller.is_admin:
                raise files.unreadable(parent)
            return
        role = OWNER if parent.owner == call.caller.user_id else MEMBER
        shared = parent.group == USER_GROUP and rights.granted(call.caller.group_id, role, ANNOTATE)
        if not (shared or rights.may(ANNOTATE, parent.owner, parent.group)):
            raise omero.SecurityViolation(message=f"No annotate access for parent directory: {parent.id}")

    def makeDir(self, call: Call, path: str, parents: bool) -> None:
        """Make a directory with its row; with `parents` those above too, and none of them need be new.

        Raises omero.ValidationException where the caller may not, omero.ResourceError for what is there already.
        """
        inside = paths.inside(path)
        self._may_make(call, inside)
        with self.state.database.write(call.caller) as tx:
            for depth in range(1, len(inside) + 1):
                self._make_one(tx, inside[:depth], parents, depth == len(inside))

    def _make_one(self, tx: Any, inside: tuple[str, ...], parents: bool, last: bool) -> None:
        disk = self._disk(inside)
        row = files.find(tx.cursor, self.repository, inside)
        if row is None and disk.exists():
            raise omero.ResourceError(message=f"Directory exists but is not registered: {'/'.join(inside)}")
        if row is not None and last and not parents:
            raise omero.ResourceError(message=f"Path exists on disk: {'/'.join(inside)}")
        if row is None and not (parents or last):
            raise omero.ResourceError(message=f"Cannot find parent directory: {'/'.join(inside)}")
        disk.mkdir(exist_ok=True)
        files.make_directories(tx, self.state, self.repository, inside)

    def _may_make(self, call: Call, inside: tuple[str, ...]) -> None:
        """Whoever may see a plain repository may make directories in it."""

    def file(self, call: Call, path: str, mode: str) -> Any:
        """A RawFileStore of a file, `mode` "r" or "rw"; one that is neither on the disk nor registered gets its row.

        Raises omero.grid.UnregisteredFileException for what is on the disk only, omero.SecurityViolation for writing
        to a file that is not the caller's to change.
        """
        row = self._find(call, path)
        if row is None:
            inside = paths.inside(path)
            if self._disk(inside).exists():
                raise omero.grid.UnregisteredFileException(message=f"Not registered: {path}")
            row = self._new_row(call, inside, None, NEW_FILES)
        if mode != "r":
            with self.state.database.read() as cursor:
                privilege = writing_privilege("OriginalFile", row.repo)
                if not files.rights(cursor, call.caller).may(WRITE, row.owner, row.group, privilege):
                    raise omero.SecurityViolation(message="requiresWrite is true but cannot modify")
        return self._open(call, row, mode != "r")

    def fileById(self, call: Call, file_id: int) -> Any:
        """A RawFileStore for reading."""
        with self.state.database.read() as cursor:
            row = files.by_id(cursor, file_id)
            if row is None or row.repo != self.repository.uuid:
                raise omero.SecurityViolation(message=f"FileNotFound: OriginalFile:{file_id}")
            files.require_readable(cursor, call.caller, row)
        return self._open(call, row, False)

    def _open(self, call: Call, row: FileRow, writable: bool) -> Any:
        """The proxy of a new store, which lives as long as its client."""
        client, session = self._client(call), self._session(call.current)
        store = RawFileStore(self.state, session)
        store.open(row, call.caller, writable)
        return self.state.serve(store, f"{client}{Ice.generateUUID()}RepoRawFileStoreI", session.uuid)

    def deletePaths(self, call: Call, wanted: Sequence[str], recursively: bool, force: bool) -> Any:
        """Start deleting what is registered at the paths and below them; returns a Handle.

        `recursively` and `force` have no meaning, as on a real server (omero-blitz: PublicRepositoryI).
        """
        trees = [self.treeList(call, path) for path in wanted]
        request = omero.cmd.Delete2(targetObjects={"OriginalFile": [i for tree in trees for i in _ids(tree)]})
        return submit(self.state, self._session(call.current), self._client(call), call, request)

    def _find(self, call: Call, path: str) -> FileRow | None:
        with self.state.database.read() as cursor:
            row = files.find(cursor, self.repository, paths.inside(path))
            return None if row is None else files.require_readable(cursor, call.caller, row)

    def _row(self, call: Call, path: str) -> FileRow:
        row = self._find(call, path)
        if row is None:
            raise omero.SecurityViolation(message=f"FileNotFound: {path}")
        return row

    def _directory(self, call: Call, path: str) -> tuple[str, ...]:
        inside = paths.inside(path)
        if inside and self._find(call, path) is None:
            raise omero.SecurityViolation(message=f"No such parent dir: {path}")
        return inside

    def _disk(self, inside: Sequence[str]) -> Any:
        return self.repository.root.joinpath(*inside)


def _ids(tree: Any) -> Iterator[int]:
    """The ids in a treeList, those below first."""
    for entry in tree.val.values():
        yield from _ids(entry.val.get("files", rmap({})))
        yield entry.val["id"].val
