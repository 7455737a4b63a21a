"""omero.grid.ImportProcess: uploading the files of one import, verifying them, and starting the import proper."""

from collections.abc import Sequence
from typing import Any

import Ice
from omero.model import OriginalFileI

import omero
from omero_sandbox.commands import Handle
from omero_sandbox.context import Caller
from omero_sandbox.database import Transaction
from omero_sandbox.repository import checksums, files
from omero_sandbox.repository.files import FileRow
from omero_sandbox.repository.uploads import Upload
from omero_sandbox.services.base import Call, StatefulService
from omero_sandbox.services.raw_file import RawFileStore, store_checksum
from omero_sandbox.sessions import Session
from omero_sandbox.state import State


class ImportProcess(StatefulService):
    """One import between importFileset and its Handle; files are numbered as the client gave them."""

    interface = "omero.grid.ImportProcess"

    def __init__(
        self, state: State, session: Session, client: str, upload: Upload, settings: Any, caller: Caller
    ) -> None:
        super().__init__(state, session)
        self.client = client
        self.upload = upload
        self.settings = settings
        self.caller = caller
        self._handle: Any = None

    def serve(self) -> Any:
        """Make the process reachable for its client."""
        name = f"{self.client}{Ice.generateUUID()}-ManagedImportProcessI"
        self.proxy = self.state.serve(self, name, self.session.uuid)
        return self.proxy

    def getImportSettings(self, call: Call) -> Any:
        """The settings as the client gave them."""
        return self.settings

    def getUploader(self, call: Call, index: int) -> Any:
        """A store to write one file to."""
        store = RawFileStore(self.state, self.session)
        store.open(self._file(index), self.caller, True)
        name = f"{self.client}{Ice.generateUUID()}-RepoRawFileStoreI"
        return self.state.serve(store, name, self.session.uuid)

    def getUploadOffset(self, call: Call, index: int) -> int:
        """How much of a file is there already."""
        path = files.on_disk(self.state, self._file(index))
        return path.stat().st_size if path.exists() else 0

    def _file(self, index: int) -> FileRow:
        if not 0 <= index < len(self.upload.files):
            raise omero.ApiUsageException(message=f"No file {index}: there are {len(self.upload.files)}")
        return self.upload.files[index]

    def verifyUpload(self, call: Call, hashes: Sequence[str]) -> Any:
        """Compare the client's checksums with those of what was uploaded, and start the import.

        Raises omero.ApiUsageException for a wrong count, omero.ChecksumValidationException with the server's checksums
        of those that differ.
        """
        expected = len(self.upload.files)
        if len(hashes) != expected:
            raise omero.ApiUsageException(message=f"hashes size should be {expected} not {len(hashes)}")
        failing = {}
        for index, (row, given) in enumerate(zip(self.upload.files, hashes, strict=True)):
            found = self._checksum(row)
            if found != given:
                failing[index] = found
        if failing:
            raise omero.ChecksumValidationException(
                message="A checksum mismatch has occurred.", failingChecksums=failing
            )
        with self.state.database.write(self.caller) as tx:
            finish_upload(tx, self.upload)
        return self._start()

    def _checksum(self, row: FileRow) -> str:
        path = files.on_disk(self.state, row)
        with self.state.database.read() as cursor:
            cursor.execute("SELECT hash FROM originalfile WHERE id = %s", (row.id,))
            (stored,) = cursor.fetchone()
        if stored is None:
            return store_checksum(self.state, self.caller, row.id, path, row.hasher) or ""
        return checksums.of_file(path, row.hasher or "")

    def _start(self) -> Any:
        request = omero.grid.ImportRequest(
            clientUuid=self.client,
            repoUuid=self.state.managed.uuid,
            process=self.proxy,
            activity=self.upload.activity,
            settings=self.settings,
            location=omero.grid.ImportLocation(sharedPath=self.upload.prefix),
            logFile=OriginalFileI(self.upload.log_id, False),
        )
        from omero_sandbox.importer.run import STEPS, import_fileset  # takes a second: ome_types

        handle = Handle(self.state, self.session, request, STEPS)
        self._handle = handle.serve(self.client)
        handle.start(lambda: import_fileset(self.state, self.caller, self.upload, self.settings, handle))
        return self._handle

    def getHandle(self, call: Call) -> Any:
        """The import's handle, once verifyUpload has started it; None before."""
        return self._handle


def finish_upload(tx: Transaction, upload: Upload) -> None:
    """Set the UploadJob finished; the other jobs stay submitted for ever, as on a real server."""
    tx.cursor.execute(
        "UPDATE job SET status = (SELECT id FROM jobstatus WHERE value = 'Finished'), message = 'Finished',"
        " finished = %s, update_id = %s, version = version + 1 WHERE id = %s",
        (files.now(), tx.event_id, upload.job_id),
    )
    tx.log("UPDATE", "ome.model.jobs.UploadJob", [upload.job_id])
