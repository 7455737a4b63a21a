"""What the database says of where the pixels of an image are."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import omero
from omero_sandbox.context import Caller
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.security import access
from omero_sandbox.pixels.buffer import DTYPES, Sizes

# What omero-zarr-pixel-buffer asks of an ExternalInfo before it looks at its lsid.
NGFF_ENTITY_TYPE = "com.glencoesoftware.ngff:multiscales"
NGFF_ENTITY_ID = 3


@dataclass(frozen=True)
class Source:
    """A Pixels as its readers need it.

    `path` is pixels.path/name in the ManagedRepository (None: not in it); `series` is image.series; `lsid` is
    that of an ExternalInfo for the pixel buffer's plugin, None where there is no such.
    """

    pixels_id: int
    path: Path | None
    series: int
    sizes: Sizes
    image_format: str | None
    lsid: str | None


def find_source(cursor: Any, caller: Caller, pixels_id: int, repository: Path, uuid: str) -> Source:
    """Read the rows; `repository` and `uuid` are the ManagedRepository's.

    Raises omero.ValidationException when there are no such Pixels or the caller may not read them.
    """
    condition = _readable(cursor, caller, "p", "Pixels")
    cursor.execute(
        "SELECT p.path, p.name, p.repo, i.series, f.value, e.entitytype, e.entityid, e.lsid,"
        " p.sizex, p.sizey, p.sizez, p.sizec, p.sizet, t.value"
        " FROM pixels p JOIN image i ON p.image = i.id JOIN pixelstype t ON p.pixelstype = t.id"
        " LEFT JOIN format f ON i.format = f.id LEFT JOIN externalinfo e ON i.external_id = e.id"
        f" WHERE p.id = %s AND {condition}",
        (pixels_id,),
    )
    row = cursor.fetchone()
    if row is None:
        raise omero.ValidationException(message=f"Cannot read pixels id={pixels_id}")
    path, name, repo, series, image_format, entity_type, entity_id, lsid, x, y, z, c, t, pixel_type = row
    bound = entity_type == NGFF_ENTITY_TYPE and entity_id == NGFF_ENTITY_ID
    inside = repo == uuid and path is not None and name is not None
    return Source(
        pixels_id,
        repository / path.strip("/") / name if inside else None,
        series,
        Sizes(x, y, z, c, t, _dtype(pixel_type)),
        image_format,
        lsid if bound else None,
    )


def unreadable_files(cursor: Any, caller: Caller, repository: Path, uuid: str, files: Collection[Path]) -> list[Path]:
    """Those without an entry in a fileset that the caller may read (the server's ReaderSecurityCheck)."""
    condition = _readable(cursor, caller, "s", "Fileset")
    inside = [file for file in files if file.is_relative_to(repository)]
    wanted = {file.relative_to(repository).as_posix(): file for file in inside}
    folders = {f"{file.relative_to(repository).parent.as_posix()}/" for file in inside}
    cursor.execute(
        "SELECT DISTINCT o.path || o.name FROM originalfile o JOIN filesetentry e ON e.originalfile = o.id"
        " JOIN fileset s ON e.fileset = s.id"
        f" WHERE o.repo = %s AND o.path = ANY(%s) AND o.path || o.name = ANY(%s) AND {condition}",
        (uuid, list(folders), list(wanted)),
    )
    found = {wanted[row[0]] for row in cursor.fetchall()}
    return [file for file in files if file not in found]


def _readable(cursor: Any, caller: Caller, alias: str, name: str) -> str:
    return access(cursor, caller).readable(alias, entity(name)) or "TRUE"


def _dtype(pixel_type: str) -> np.dtype:
    if pixel_type not in DTYPES:
        raise omero.ApiUsageException(message=f"Unknown pixel type: {pixel_type}")
    return DTYPES[pixel_type]
