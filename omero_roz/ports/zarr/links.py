"""Symbolic links below a directory, found without following one."""

import os
from collections.abc import Iterator

from omero_roz.errors import Refused


def links_below(root: str) -> Iterator[str]:
    """The paths of all links below a directory; chunks are listed only. Refused where a directory cannot be listed."""
    directories = [root]
    while directories:
        try:
            with os.scandir(directories.pop()) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield entry.path
                    elif entry.is_dir(follow_symlinks=False):
                        directories.append(entry.path)
        except OSError as error:
            where = str(error.filename or root)
            raise Refused(f"it cannot be read ({error.strerror})", where, "give omero-roz the right to") from error
