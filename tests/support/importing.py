"""An import as a client of the API does it (facts/omero_api_calls.md)."""

import hashlib
from pathlib import Path
from typing import Any

import omero.clients
from omero.callbacks import CmdCallbackI
from omero.model import ChecksumAlgorithmI, FilesetEntryI, FilesetI, NamedValue, UploadJobI
from omero.rtypes import rbool, rstring

import omero

BLOCK = 1 << 20


def import_file(client: Any, path: Path, client_path: str, **settings: Any) -> Any:
    """Import one file and return the server's response: an omero.grid.ImportResponse or an omero.cmd.ERR."""
    return run_import(client, [(client_path, path.read_bytes())], **settings)


def run_import(client: Any, files: list[tuple[str, bytes]], hasher: str = "SHA1-160", **settings: Any) -> Any:
    """Import files given as (client path, bytes)."""
    process = start(client, [name for name, _ in files], hasher, **settings)
    for index, (_, data) in enumerate(files):
        upload(process, index, data)
    handle = process.verifyUpload([hashlib.sha1(data).hexdigest() for _, data in files])
    callback = CmdCallbackI(client, handle)
    try:
        callback.loop(600, 100)
        return callback.getResponse()
    finally:
        callback.close(True)
        process.close()


def start(client: Any, client_paths: list[str], hasher: str = "SHA1-160", **settings: Any) -> Any:
    """Ask for an import; returns the ImportProcess."""
    fileset = FilesetI()
    for client_path in client_paths:
        entry = FilesetEntryI()
        entry.clientPath = rstring(client_path)
        fileset.addFilesetEntry(entry)
    job = UploadJobI()
    job.versionInfo = [NamedValue("import.client", "golden")]
    fileset.linkJob(job)
    algorithm = ChecksumAlgorithmI()
    algorithm.value = rstring(hasher)
    asked = omero.grid.ImportSettings(doThumbnails=rbool(True), checksumAlgorithm=algorithm, **settings)
    return client.getManagedRepository().importFileset(fileset, asked)


def upload(process: Any, index: int, data: bytes) -> Any:
    """Write one file's bytes; returns the saved OriginalFile."""
    store = process.getUploader(index)
    try:
        for position in range(0, len(data), BLOCK):
            block = data[position : position + BLOCK]
            store.write(block, position, len(block))
        return store.save()
    finally:
        store.close()
