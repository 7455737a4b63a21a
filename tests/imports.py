"""Importing a file as OMERO's own clients do: importFileset, upload, verifyUpload."""

import hashlib
from pathlib import Path

import omero
import omero.callbacks
import omero.cmd
import omero.grid
from omero.model import ChecksumAlgorithmI, FilesetEntryI, FilesetI, UploadJobI
from omero.rtypes import rbool, rstring


def import_file(client: omero.clients.BaseClient, path: Path) -> tuple[int, list[int]]:
    """Import a file through the ManagedRepository; the fileset's id and its images by series."""
    repository = client.getManagedRepository()
    settings = omero.grid.ImportSettings(doThumbnails=rbool(True), noStatsInfo=rbool(False))
    settings.checksumAlgorithm = ChecksumAlgorithmI()
    settings.checksumAlgorithm.value = rstring("SHA1-160")
    entry = FilesetEntryI()
    entry.clientPath = rstring(str(path).lstrip("/"))
    fileset = FilesetI()
    fileset.addFilesetEntry(entry)
    fileset.linkJob(UploadJobI())
    process = repository.importFileset(fileset, settings)
    uploader = process.getUploader(0)
    content = path.read_bytes()
    uploader.write(content, 0, len(content))
    uploader.save()
    uploader.close()
    handle = process.verifyUpload([hashlib.sha1(content).hexdigest()])
    callback = omero.callbacks.CmdCallbackI(client, handle)
    callback.loop(120, 500)
    response = callback.getResponse()
    callback.close(True)
    assert isinstance(response, omero.grid.ImportResponse), response
    image = response.pixels[0].image
    [[found]] = client.sf.getQueryService().projection(
        f"select i.fileset.id from Image i where i.id = {image.id.val}", None, {"omero.group": "-1"}
    )
    rows = client.sf.getQueryService().projection(
        f"select i.id from Image i where i.fileset.id = {found.val} order by i.series", None, {"omero.group": "-1"}
    )
    return found.val, [row[0].val for row in rows]
