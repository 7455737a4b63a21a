"""The three file repositories of a server: managed, legacy data, and scripts."""

import uuid

from omero_sandbox.context import Settings
from omero_sandbox.state import Repository


def open_repository(settings: Settings) -> Repository:
    """The ManagedRepository of a data directory; its uuid is kept in the directory, as a real server keeps it."""
    root = settings.managed_repository
    mark = root / ".omero" / "repository" / "uuid"
    mark.parent.mkdir(parents=True, exist_ok=True)
    if not mark.exists():
        mark.write_text(str(uuid.uuid4()))
    return Repository(mark.read_text(), root)
