"""RawFileStore: the bytes of an OriginalFile."""

import logging
from pathlib import Path
from typing import Any

import omero
from omero_sandbox.context import Caller
from omero_sandbox.model.privileges import writing_privilege
from omero_sandbox.model.security import WRITE, require_group_of
from omero_sandbox.repository import checksums, files
from omero_sandbox.repository.files import FileRow
from omero_sandbox.services.base import Call, StatefulService, service

log = logging.getLogger(__name__)


@service
class RawFileStore(StatefulService):
    """Reads and writes one file; `save`, or closing after a write, puts size and checksum into its row.

    That changes a row, so it is refused in another group than the file's, as each change is.
    """

    interface = "omero.api.RawFileStore"
    file_id: int | None = None
    path: Path
    hasher: str | None = None
    group: int
    writable = False
    caller: Caller
    _modified = False

    def setFileId(self, call: Call, file_id: int) -> None:
        """Open a file by its id.

        Raises omero.ApiUsageException when there is none; omero.SecurityViolation when it may not be read.
        """
        self._save_modified(call.caller)
        with self.state.database.read() as cursor:
            row = files.by_id(cursor, file_id)
            if row is None:
                raise omero.ApiUsageException(message=f"No such file: OriginalFile:{file_id}")
            files.require_readable(cursor, call.caller, row)
            writable = files.rights(cursor, call.caller).may(
                WRITE, row.owner, row.group, writing_privilege("OriginalFile", row.repo)
            )
        self.open(row, call.caller, writable)

    def open(self, row: FileRow, caller: Caller, writable: bool) -> None:
        """Open the file of a row that the caller may read."""
        self.file_id, self.hasher, self.group = row.id, row.hasher, row.group
        self.caller, self.writable = caller, writable
        self.path = files.on_disk(self.state, row)

    def getFileId(self, call: Call) -> Any:
        """The open file's id, or None."""
        return None if self.file_id is None else omero.rtypes.rlong(self.file_id)

    def exists(self, call: Call) -> bool:
        """Whether the file is on the disk."""
        return self._open().exists()

    def size(self, call: Call) -> int:
        """Bytes on the disk.

        Raises omero.ResourceError when the file is not there.
        """
        return self._on_disk(lambda path: path.stat().st_size)

    def read(self, call: Call, position: int, length: int) -> bytes:
        """`length` bytes from `position`; past the end of the file they are zeros."""

        def read(path: Path) -> bytes:
            with path.open("rb") as file:
                file.seek(position)
                return file.read(length).ljust(length, b"\0")

        return self._on_disk(read)

    def write(self, call: Call, data: bytes, position: int, length: int) -> None:
        """Write the first `length` bytes of `data` at `position`.

        Raises omero.SecurityViolation when the caller may not change the file.
        """
        path = self._writable()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(position)
            file.write(data[:length])
        self._modified = True

    def truncate(self, call: Call, length: int) -> bool:
        """Cut the file off at `length`; False when it was not longer, or not there yet."""
        path = self._writable()
        if not path.exists() or path.stat().st_size <= length:
            return False
        with path.open("r+b") as file:
            file.truncate(length)
        self._modified = True
        return True

    def save(self, call: Call) -> Any:
        """Put size, modification time and checksum of what was written into the row, and return it; None without it.

        Raises omero.SecurityViolation in another group than the file's.
        """
        if not self._modified:
            return None
        self._save_modified(call.caller)
        with self.state.database.read() as cursor:
            return files.loaded(cursor, self.caller, [self._id()])[0]

    def close(self, call: Call) -> None:
        """Save what was written, then forget the file; it is forgotten also where saving is refused."""
        try:
            self._save_modified(call.caller)
        finally:
            self._modified = False
            super().close(call)

    def _save_modified(self, caller: Caller) -> None:
        if self._modified:
            require_group_of(caller, self.group)
            self._modified = False
            store_checksum(self.state, self.caller, self._id(), self.path, self.hasher)

    def released(self) -> None:
        """Save what was written and not saved."""
        try:
            self._save_modified(self.caller)
        except Exception:
            log.exception("OriginalFile:%s was not saved while its store was closed", self.file_id)

    def _id(self) -> int:
        if self.file_id is None:
            raise omero.ApiUsageException(message="No file is open: call setFileId first")
        return self.file_id

    def _open(self) -> Path:
        self._id()
        return self.path

    def _writable(self) -> Path:
        path = self._open()
        if not self.writable:
            raise omero.SecurityViolation(message="File not writeable!")
        return path

    def _on_disk(self, use: Any) -> Any:
        path = self._open()
        try:
            return use(path)
        except OSError as error:
            reason = "Is a directory" if isinstance(error, IsADirectoryError) else error.strerror
            raise omero.ResourceError(message=f"{path} ({reason})") from error


def store_checksum(state: Any, caller: Caller, file_id: int, path: Path, hasher: str | None) -> str | None:
    """Put what is on the disk into a file's row: size, time and, if it has an algorithm, the checksum, returned."""
    digest = None if hasher is None else checksums.of_file(path, hasher)
    size = path.stat().st_size if path.exists() else 0
    with state.database.write(caller) as tx:
        tx.cursor.execute(
            "UPDATE originalfile SET size = %s, hash = coalesce(%s, hash), mtime = %s, update_id = %s,"
            " version = version + 1 WHERE id = %s",
            (size, digest, files.now(), tx.event_id, file_id),
        )
        tx.log("UPDATE", "ome.model.core.OriginalFile", [file_id])
    return digest
