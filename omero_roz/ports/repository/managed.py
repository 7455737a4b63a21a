"""The ManagedRepository: small files of our own that a fileset registers, written through OMERO's API.

Never a link, and never a path with a `.zarr` directory: OMERO's delete follows links, and a server with
ZarrReader claims an XML that lies under `.zarr` (facts: omero_replacement a, omero_completeness).
"""

from omero.rtypes import rstring

from omero_roz.ports.omero.deletion import delete
from omero_roz.ports.omero.session import OmeroSession, omero_errors

_LEFT = """select o.id, e.id, o.path from OriginalFile o left outer join o.filesetEntries e
    where o.path like :prefix and o.repo is not null and (o.mimetype is null or o.mimetype <> 'Directory')"""

_BELOW = "select o.id, o.path from OriginalFile o where o.path like :prefix and o.repo is not null"
# A server puts directories into a group of everybody's.
_DIRECTORY = """select o.id, o.details.group.id from OriginalFile o
    where o.path = :path and o.name = :name and o.mimetype = 'Directory' and o.repo is not null"""


class ManagedRepository:
    """The repository of imported files, in the group of the work."""

    def __init__(self, session: OmeroSession, group_id: int) -> None:
        self._session, self._group = session, group_id
        self._context = session.group_context(group_id)
        self._repository = session.managed_repository

    def write(
        self, directory: str, name: str, content: bytes, mimetype: str = "text/xml", there: bool = False
    ) -> int:
        """Write a new file into a directory of the repository, made unless it is `there`; the OriginalFile's id.

        `directory` ends with a slash and starts with the user's own directory, such as `curator_2/`: nobody
        may make one elsewhere. The file is registered before it is there, for `file` knows registered ones only.
        """
        with omero_errors(f"writing {directory}{name} into the ManagedRepository"):
            if not there:
                self._repository.makeDir(directory, True, self._context)
            self._repository.register(directory + name, rstring(mimetype), self._context)
            store = self._repository.file(directory + name, "rw", self._context)
            try:
                store.write(content, 0, len(content), self._context)
                return store.save(self._context).id.val
            finally:
                store.close(self._context)

    def make(self, directory: str) -> None:
        """Make a directory of the user's with its row, unless it is there."""
        with omero_errors(f"making {directory} in the ManagedRepository"):
            self._repository.makeDir(directory, True, self._context)

    def remove(self, directory: str) -> None:
        """Delete a directory of the user's with the files in it which no fileset has; it stays where a fileset has one.

        OMERO's delete of a directory's row empties it on the disk, also of what has no row.
        """
        self.clear(directory)
        below = self._below(_BELOW, directory)
        parent, _, name = directory.rstrip("/").rpartition("/")
        found = self._session.rows(_DIRECTORY, f"looking for {directory}", path=f"{parent}/", name=name)
        for file, group in found if not below else ():
            delete(self._session, {"OriginalFile": [file]}, group)

    def clear(self, directory: str) -> None:
        """Delete the user's files below a directory which no fileset has: a run that was killed left them."""
        rows = self._below(_LEFT, directory)
        delete(self._session, {"OriginalFile": [file for file, entry, _ in rows if entry is None]}, self._group)

    def _below(self, hql: str, directory: str) -> list[list]:
        """The rows, whose last column is a path, of what is below a directory."""
        what = f"looking for files that are left in {directory}"
        prefix = directory.replace("\\", "\\\\") + "%"
        rows = self._session.rows(hql, what, self._group, prefix=prefix)
        return [row for row in rows if row[-1].startswith(directory)]  # _ and % in it match more
