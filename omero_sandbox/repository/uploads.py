"""The start of an import: directories, log file, fileset, entries, files and jobs."""

import locale
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omero.model import (
    FilesetEntryI,
    FilesetI,
    FilesetJobLinkI,
    IndexingJobI,
    Job,
    JobOriginalFileLinkI,
    JobStatusI,
    MetadataImportJobI,
    NamedValue,
    OriginalFileI,
    PixelDataJobI,
    ThumbnailGenerationJobI,
    UploadJobI,
)  # fmt: skip
from omero.rtypes import rstring, rtime

from omero_sandbox import model
from omero_sandbox.context import Caller
from omero_sandbox.model.rows import milliseconds
from omero_sandbox.repository import files, paths
from omero_sandbox.repository.files import FileRow
from omero_sandbox.repository.paths import Template
from omero_sandbox.state import State

LOG_MIMETYPE = "application/omero-log-file"
# What a server of this version writes of itself (facts/omero_import_rows.md); the runtime is this one.
SERVER_VERSION = {
    "bioformats.version": "version: 7.3.1 revision: 41e12f630ad7349caa0293cba23948c17d22732b date: 11 July 2024",
    "omero.version": "5.7.4",
}


@dataclass(frozen=True)
class Upload:
    """What `begin` made: the fileset, its files in the client's order, the UploadJob and the import's log.

    `activity` links the fileset to its MetadataImportJob.
    """

    fileset_id: int
    prefix: str
    files: tuple[FileRow, ...]
    job_id: int
    activity: FilesetJobLinkI
    log_id: int
    log_parts: tuple[str, ...]


def begin(
    state: State,
    caller: Caller,
    template: Template,
    below: Sequence[tuple[str, ...]],
    client_paths: Sequence[str],
    algorithm: str,
    settings: Any,
    version: list[Any],
) -> Upload:
    """Make all rows of an import, in the transactions of a real server; the template's directory is on the disk."""
    parts = [(*template.parts, *path) for path in below]
    with state.database.write(caller) as tx:
        for directory in dict.fromkeys(path[:-1] for path in parts):
            state.managed.root.joinpath(*directory).mkdir(parents=True, exist_ok=True)
            files.make_directories(tx, state, state.managed, directory, len(template.root))
    log_parts = (*template.parts[:-1], f"{template.parts[-1]}.log")
    state.managed.root.joinpath(*log_parts).touch()
    with state.database.write(caller) as tx:
        log = model.save(tx, [files.new_file(state, state.managed, log_parts, LOG_MIMETYPE)])[0]
    thumbnails = bool(settings.doThumbnails and settings.doThumbnails.val)
    fileset = _fileset(template, state, parts, client_paths, algorithm)
    upload_job, *rest = _jobs(caller, version, thumbnails)
    upload_job.addJobOriginalFileLink(_log_link(upload_job, log))
    for job in (upload_job, *rest):
        fileset.linkJob(job)
    with state.database.write(caller) as tx:
        model.save(tx, [fileset])
        rows = [files.by_id(tx.cursor, entry.originalFile.id.val) for entry in fileset.copyUsedFiles()]
    prefix = fileset.templatePrefix.val
    found = tuple(row for row in rows if row is not None)
    activity = _activity(fileset.copyJobLinks()[1])
    return Upload(fileset.id.val, prefix, found, upload_job.id.val, activity, log.id.val, log_parts)


def _activity(link: FilesetJobLinkI) -> FilesetJobLinkI:
    made = FilesetJobLinkI(link.id.val, True)
    made.parent = FilesetI(link.parent.id.val, False)
    made.child = MetadataImportJobI(link.child.id.val, False)
    return made


def _fileset(
    template: Template, state: State, parts: Sequence[tuple[str, ...]], client_paths: Sequence[str], algorithm: str
) -> FilesetI:
    fileset = FilesetI()
    fileset.templatePrefix = rstring(paths.directory(template.parts))
    for path, client_path in zip(parts, client_paths, strict=True):
        entry = FilesetEntryI()
        entry.clientPath = rstring(client_path)
        entry.originalFile = files.new_file(state, state.managed, path, None, algorithm)
        fileset.addFilesetEntry(entry)
    return fileset


def _jobs(caller: Caller, version: list[Any], thumbnails: bool) -> list[Job]:
    upload, metadata = UploadJobI(), MetadataImportJobI()
    upload.versionInfo = [NamedValue(v.name, v.value) for v in version]
    metadata.versionInfo = _server_version()
    jobs = [upload, metadata, PixelDataJobI(), *([ThumbnailGenerationJobI()] if thumbnails else []), IndexingJobI()]
    moment = rtime(milliseconds(files.now()))
    for job in jobs:
        job.username, job.groupname = rstring(caller.user_name), rstring(caller.group_name)
        job.type, job.message = rstring("User"), rstring("")
        job.submitted = job.scheduledFor = moment
        job.status = JobStatusI()
        job.status.value = rstring("Submitted")
    return jobs


def _server_version() -> list[NamedValue]:
    values = {
        **SERVER_VERSION,
        "os.name": platform.system(),
        "os.version": platform.release(),
        "os.architecture": platform.machine(),
        "client.language.name": platform.python_implementation(),
        "client.language.vendor": "Python Software Foundation",
        "client.language.version": platform.python_version(),
        "locale": locale.getlocale()[0] or "C",
    }
    return [NamedValue(name, value) for name, value in values.items()]


def _log_link(job: UploadJobI, log: OriginalFileI) -> JobOriginalFileLinkI:
    link = JobOriginalFileLinkI()
    link.parent, link.child = job, OriginalFileI(log.id.val, False)
    return link
