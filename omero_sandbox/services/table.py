"""omero.grid.Table: a file of rows and columns. OMERO.tables is written in Python: the storage here is omero-py's own.

It and PyTables are imported with the first table, since they would double the time that the server starts in.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import Ice
from omero.model import OriginalFileI
from omero.rtypes import rlong, rstring, rtime, unwrap

import omero
from omero_sandbox import model
from omero_sandbox.commands import Handle, run
from omero_sandbox.model.privileges import writing_privilege
from omero_sandbox.model.security import WRITE
from omero_sandbox.repository import files
from omero_sandbox.repository.files import FileRow
from omero_sandbox.services.base import Call, StatefulService
from omero_sandbox.services.raw_file import store_checksum

MIMETYPE = "OMERO.tables"
log = logging.getLogger(__name__)


class Table(StatefulService):
    """One open table; several may have the same file open, and one that is written to is stale for the others."""

    interface = "omero.grid.Table"

    def open(self, call: Call, row: FileRow) -> None:
        """Open the file of a row that the caller may read.

        Raises omero.ValidationException for a file that is no table.
        """
        from omero.hdfstorageV2 import HDFLIST

        _register_columns(call.current.adapter.getCommunicator())
        self._row, self._caller = row, call.caller
        with self.state.database.read() as cursor:
            rights = files.rights(cursor, call.caller)
        privilege = writing_privilege("OriginalFile", row.repo)
        self._writable = rights.may(WRITE, row.owner, row.group, privilege)
        path = files.on_disk(self.state, row)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._storage: Any = HDFLIST.getOrCreate(str(path), self, False)
        self._stamp = time.time()

    def released(self) -> None:
        """Close the file, and put size and checksum of what was written into its row."""
        storage, self._storage = self._storage, None
        if storage is not None:
            modified = storage.modified()
            storage.decr(self)
            if modified and self._writable:
                path = files.on_disk(self.state, self._row)
                store_checksum(self.state, self._caller, self._row.id, path, self._row.hasher)

    def getOriginalFile(self, call: Call) -> Any:
        """The file."""
        with self.state.database.read() as cursor:
            return files.loaded(cursor, call.caller, [self._row.id])[0]

    def getHeaders(self, call: Call) -> Sequence[Any]:
        """The columns, without rows."""
        found: Sequence[Any] = self._open().cols(None, call.current)
        return found

    def getNumberOfRows(self, call: Call) -> int:
        """How many rows there are."""
        return int(self._open().rows())

    def getWhereList(
        self, call: Call, condition: str, variables: Any, start: int, stop: int, step: int
    ) -> Sequence[int]:
        """Numbers of the rows from `start` to before `stop` for which a condition holds."""
        found: Sequence[int] = self._open().getWhereList(
            self._stamp, condition, unwrap(variables), None, start, stop or None, step or None
        )
        return found

    def readCoordinates(self, call: Call, rows: Sequence[int]) -> Any:
        """Whole rows by their numbers."""
        return self._read(lambda storage: storage.readCoordinates(self._stamp, rows, call.current))

    def read(self, call: Call, columns: Sequence[int], start: int, stop: int) -> Any:
        """Rows from `start` to before `stop` of some columns; 0 and 0: all."""
        end = stop if start or stop else None
        return self._read(lambda storage: storage.read(self._stamp, columns, start, end, call.current))

    def slice(self, call: Call, columns: Sequence[int], rows: Sequence[int]) -> Any:
        """Some rows of some columns."""
        return self._read(lambda storage: storage.slice(self._stamp, columns, rows, call.current))

    def _read(self, read: Callable[[Any], Any]) -> Any:
        from tables import HDF5ExtError

        try:
            return read(self._open())
        except HDF5ExtError as error:
            message = "Error reading coordinates. Most likely out of range"
            raise omero.ApiUsageException(message=message) from error

    def initialize(self, call: Call, columns: Sequence[Any]) -> None:
        """Give a new table its columns."""
        self._to_write().initialize(columns)

    def addColumn(self, call: Call, column: Any) -> int:
        """Raises omero.ApiUsageException: no OMERO can do it."""
        self._to_write()
        raise omero.ApiUsageException(message="NYI")

    def addData(self, call: Call, columns: Sequence[Any]) -> None:
        """Append rows."""
        self._to_write().append(columns)

    def update(self, call: Call, data: Any) -> None:
        """Write rows again that were read."""
        storage = self._to_write()
        if data:
            storage.update(self._stamp, data)

    def delete(self, call: Call) -> None:
        """Close the table and delete its file.

        Raises omero.InternalException when that cannot be.
        """
        self._to_write()
        self.close(call)
        request = omero.cmd.Delete2(targetObjects={"OriginalFile": [self._row.id]})
        try:
            run(self.state, self.session, call.caller, request, Handle(self.state, self.session, request))
        except Exception as error:
            raise omero.InternalException(message=str(error)) from error

    def getMetadata(self, call: Call, key: str) -> Any:
        """One value that was stored with the table; None when there is no such."""
        return self._open().get_meta_map().get(key)

    def getAllMetadata(self, call: Call) -> dict[str, Any]:
        """All values that were stored with the table."""
        found: dict[str, Any] = self._open().get_meta_map()
        return found

    def setMetadata(self, call: Call, key: str, value: Any) -> None:
        """Store one value."""
        self._to_write().add_meta_map({key: value})

    def setAllMetadata(self, call: Call, values: dict[str, Any]) -> None:
        """Store values in the place of all others."""
        self._to_write().add_meta_map(values, replace=True)

    def _open(self) -> Any:
        if self._storage is None:
            raise omero.ApiUsageException(message="The table is closed")
        return self._storage

    def _to_write(self) -> Any:
        if not self._writable:
            raise omero.SecurityViolation(message=f"Current user cannot write to file {self._row.id}")
        return self._open()


def new_table(made: Table, call: Call, name: str) -> Any:
    """Make the file of a new table, open it and return the table's proxy."""
    file = OriginalFileI()
    file.path, file.name, file.mimetype = rstring("/"), rstring(name), rstring(MIMETYPE)
    file.size, file.ctime = rlong(0), rtime(int(time.time() * 1000))
    with made.state.database.write(call.caller) as tx:
        number = model.save(tx, [file], trusted=False)[0].id.val
    return open_table(made, call, number)


def open_table(made: Table, call: Call, file_id: int) -> Any:
    """Open the table of a file and return its proxy.

    Raises omero.ApiUsageException when there is no such file, omero.SecurityViolation when it may not be read.
    """
    with made.state.database.read() as cursor:
        row = files.by_id(cursor, file_id)
        if row is None:
            raise omero.ApiUsageException(message=f"No such file: OriginalFile:{file_id}")
        files.require_readable(cursor, call.caller, row)
    made.open(call, row)
    client = call.current.ctx.get("omero.client.uuid", "")
    return made.state.serve(made, f"{client}{Ice.generateUUID()}Table", made.session.uuid)


def _register_columns(communicator: Any) -> None:
    """Have the columns that clients send arrive as those which know PyTables."""
    from omero.columns import ObjectFactories

    for factory in ObjectFactories.values():
        if communicator.findObjectFactory(factory.id) is None:
            factory.register(communicator)
