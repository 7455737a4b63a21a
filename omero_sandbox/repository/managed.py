"""omero.grid.ManagedRepository: where imported files go, and the start of an import."""

import datetime
from collections.abc import Sequence
from typing import Any

from omero.model import ChecksumAlgorithmI

import omero
from omero_sandbox import hql
from omero_sandbox.repository import checksums, files, paths
from omero_sandbox.repository.file_repository import FileRepository
from omero_sandbox.repository.import_process import ImportProcess
from omero_sandbox.repository.uploads import begin
from omero_sandbox.services.base import Call

TEMPLATE = "%user%_%userId%//%year%-%month%/%day%/%time%"


class ManagedRepository(FileRepository):
    """The repository that imports write to."""

    interface = "omero.grid.ManagedRepository"
    for_anybody = frozenset({"listChecksumAlgorithms", "suggestChecksumAlgorithm"})

    def listChecksumAlgorithms(self, call: Call) -> Sequence[ChecksumAlgorithmI]:
        """Every algorithm, the preferred first."""
        with self.state.database.read() as cursor:
            found = hql.find(cursor, call.caller, "select a from ChecksumAlgorithm a", None)
        return sorted(found, key=lambda a: checksums.ORDER.index(a.value.val))

    def suggestChecksumAlgorithm(self, call: Call, supported: Sequence[ChecksumAlgorithmI]) -> Any:
        """The first of the server's that the client has too; None when there is none."""
        known = {algorithm.value.val for algorithm in supported}
        return next((a for a in self.listChecksumAlgorithms(call) if a.value.val in known), None)

    def importFileset(self, call: Call, fileset: Any, settings: Any) -> Any:
        """Make a fileset with rows for its files, ready for their upload.

        Raises omero.ApiUsageException for no files, omero.ValidationException for an unknown checksum algorithm or the
        same path twice.
        """
        client_paths = [entry.clientPath.val for entry in fileset.copyUsedFiles()]
        return self._import(call, client_paths, settings, _version_info(fileset))

    def importPaths(self, call: Call, client_paths: Sequence[str]) -> Any:
        """The same with all settings left to the server."""
        algorithm = ChecksumAlgorithmI()
        algorithm.value = omero.rtypes.rstring(checksums.ORDER[0])
        settings = omero.grid.ImportSettings(checksumAlgorithm=algorithm)
        return self._import(call, client_paths, settings, [])

    def _import(self, call: Call, client_paths: Sequence[str], settings: Any, version: list[Any]) -> Any:
        algorithm = settings.checksumAlgorithm
        if algorithm is None:
            raise omero.ApiUsageException(message="must specify the checksum algorithm in the import settings")
        name = algorithm.value.val
        if name not in checksums.DIGESTS:
            raise omero.ValidationException(message=f"unknown checksum algorithm: {name}")
        client, session = self._client(call), self._session(call.current)
        below = paths.below_template(client_paths)
        template = self._template(call)
        upload = begin(self.state, call.caller, template, below, client_paths, name, settings, version)
        return ImportProcess(self.state, session, client, upload, settings, call.caller).serve()

    def _template(self, call: Call) -> paths.Template:
        now = datetime.datetime.now(datetime.UTC)
        while True:
            made = self._expand(call, now)
            try:
                self._disk(made.parts).mkdir(parents=True)
                return made
            except FileExistsError:
                now += datetime.timedelta(milliseconds=1)

    def _expand(self, call: Call, now: datetime.datetime) -> paths.Template:
        template = self.state.config.get("omero.fs.repo.path", TEMPLATE)
        return paths.expand(template, call.caller.user_name, call.caller.user_id, now)

    def _may_make(self, call: Call, inside: tuple[str, ...]) -> None:
        own = self._expand(call, datetime.datetime.now(datetime.UTC)).root
        if not call.caller.holds("WriteManagedRepo") and inside[: len(own)] != own:
            raise omero.ValidationException(
                message=f'cannot create directory "{"/".join(inside)}" with template path\'s '
                f'root-owned "{"/".join(own)}"'
            )

    def verifyChecksums(self, call: Call, ids: Sequence[int]) -> Sequence[int]:
        """Those of the given files whose bytes no longer have the checksum of their row."""
        changed = []
        with self.state.database.read() as cursor:
            for file in files.loaded(cursor, call.caller, ids):
                row = files.by_id(cursor, file.id.val)
                stored = None if file.hash is None else file.hash.val
                if row and row.hasher and checksums.of_file(files.on_disk(self.state, row), row.hasher) != stored:
                    changed.append(row.id)
        return changed


def _version_info(fileset: Any) -> list[Any]:
    """What the client says of itself on the first job that it sends."""
    for link in fileset.copyJobLinks():
        return list(link.child.versionInfo or [])
    return []
