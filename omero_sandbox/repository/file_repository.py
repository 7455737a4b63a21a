"""omero.grid.Repository: files by their path; what is on the disk counts only where it has a row."""

from collections.abc import Sequence
from typing import Any

import Ice
from omero.rtypes import rlong, rmap, rstring

import omero
from omero_sandbox import model
from omero_sandbox.commands import submit
from omero_sandbox.repository import files, paths
from omero_sandbox.repository.files import DIRECTORY, FileRow
from omero_sandbox.services.base import Call, Service
from omero_sandbox.services.raw_file import RawFileStore
from omero_sandbox.sessions import Session
from omero_sandbox.state import Repository, State


class FileRepository(Service):
    """One repository for one session (rules: facts/omero_replacement.md, a)."""

    interface = "omero.grid.Repository"

    def __init__(self, state: State, session: Session, repository: Repository) -> None:
        super().__init__(state, session)
        self.repository = repository

    def root(self, call: Call) -> Any:
        """The repository's own description."""
        with self.state.database.read() as cursor:
            return files.loaded(cursor, call.caller, [self.repository.root_id])[0]

    def mimetype(self, call: Call, path: str) -> str:
        """The mimetype in a file's row."""
        return self._row(call, path).mimetype or ""

    def fileExists(self, call: Call, path: str) -> bool:
        """Whether a path has a row that the caller may read."""
        with self.state.database.read() as cursor:
            row = files.find(cursor, self.repository, paths.inside(path))
            return row is not None and files.rights(cursor, call.caller).may_load(row.owner, row.group)

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
        """Everything below a directory: name -> {id, mimetype, size, files: …}; empty when it has no row."""
        with self.state.database.read() as cursor:
            return rmap(self._tree(cursor, call, paths.inside(path)))

    def _tree(self, cursor: Any, call: Call, inside: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for row in files.children(cursor, call.caller, self.repository, inside):
            entry: dict[str, Any] = {"id": rlong(row.id), "mimetype": rstring(row.mimetype or "")}
            if row.size is not None:
                entry["size"] = rlong(row.size)
            if row.mimetype == DIRECTORY:
                entry["files"] = rmap(self._tree(cursor, call, (*inside, row.name)))
            found[row.name] = rmap(entry)
        return found

    def register(self, call: Call, path: str, mimetype: Any) -> Any:
        """Make the row of a path, or return the one that is there. The parent must have a row.

        Raises omero.SecurityViolation without the parent's row, omero.ValidationException for a directory that is to
        have another mimetype than `Directory`.
        """
        inside = paths.inside(path)
        kind = None if mimetype is None else mimetype.val
        disk = self._disk(inside)
        if disk.is_dir() and kind != DIRECTORY:
            raise omero.ValidationException(message=f"File is a directory but mimetype is: {kind}")
        with self.state.database.write(call.caller) as tx:
            row = files.find(tx.cursor, self.repository, inside)
            if row is None:
                self._require_parent(tx.cursor, call, inside)
                file = files.new_file(self.state, self.repository, inside, kind)
                file.size = rlong(disk.stat().st_size) if disk.exists() else None
                number = model.save(tx, [file])[0].id.val
            else:
                number = files.require_readable_here(tx.cursor, call.caller, row).id
        with self.state.database.read() as cursor:
            return files.loaded(cursor, call.caller, [number])[0]

    def _require_parent(self, cursor: Any, call: Call, inside: tuple[str, ...]) -> None:
        if len(inside) < 2:
            return
        parent = files.find(cursor, self.repository, inside[:-1])
        if parent is None:
            raise omero.SecurityViolation(message=f"Cannot find parent directory: CheckedPath({'/'.join(inside)})")
        files.require_readable_here(cursor, call.caller, parent)

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
        """A RawFileStore of a registered file, `mode` "r" or "rw".

        Raises omero.grid.UnregisteredFileException when it has no row.
        """
        row = self._find(call, path)
        if row is None:
            raise omero.grid.UnregisteredFileException(message=f"Not registered: {path}")
        return self._open(call, row, "w" in mode)

    def fileById(self, call: Call, file_id: int) -> Any:
        """A RawFileStore for reading."""
        with self.state.database.read() as cursor:
            row = files.by_id(cursor, file_id)
            if row is None or row.repo != self.repository.uuid:
                raise omero.SecurityViolation(message=f"FileNotFound: OriginalFile:{file_id}")
            files.require_readable(cursor, call.caller, row)
        return self._open(call, row, False)

    def _open(self, call: Call, row: FileRow, writable: bool) -> Any:
        store = RawFileStore(self.state, self.session)
        store.open(row, call.caller, writable)
        return self.serve_store(call, store)

    def serve_store(self, call: Call, store: RawFileStore) -> Any:
        """The proxy of a new store, which lives as long as its client."""
        client = call.current.ctx.get("omero.client.uuid", "")
        return self.state.serve(store, f"{client}{Ice.generateUUID()}RepoRawFileStoreI", self.session.uuid)

    def deletePaths(self, call: Call, wanted: Sequence[str], recursively: bool, force: bool) -> Any:
        """Start deleting registered files and, where they are asked for, empty directories; returns a Handle."""
        rows = [self._row(call, path) for path in wanted]
        request = omero.cmd.Delete2(targetObjects={"OriginalFile": [row.id for row in rows]})
        client = call.current.ctx.get("omero.client.uuid", "")
        return submit(self.state, self.session, client, call, request)

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
