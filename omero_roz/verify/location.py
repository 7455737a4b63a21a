"""Where the Zarr of an image is, by what OMERO says of it, and whether it is still there."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omero_roz.binding import external_info, zarr_reader
from omero_roz.binding.lsid import ServerPath
from omero_roz.errors import Refused, Unreachable
from omero_roz.fileset import OmeroImage
from omero_roz.layout.paths import join
from omero_roz.layout.store import DENIED, NO_RIGHT, NOT_PUBLIC, Store
from omero_roz.ports.zarr.guard import NotAllowed
from omero_roz.ports.zarr.stores import Access, open_store
from omero_roz.record import Record

Link = Literal["ok", "gone", "denied", "moved", "unreachable"]
_METADATA = (".zattrs", "zarr.json", ".zgroup")
_FIX = {
    "gone": "restore it, or say with --server-path how this machine sees what the server sees",
    "denied": "check the credentials, the profile and the rights",
    "moved": "bind the images to where it is now",
    "unreachable": "check the network, then repeat",
}
_WHAT = {"gone": "not found (404)", "denied": "access denied (403)", "moved": "moved (301)", "unreachable": "no answer"}


@dataclass(frozen=True, slots=True)
class Location:
    """An image's multiscales group: how the server is bound to it, its address for this machine."""

    binding: str
    uri: str
    access: Access


class Broken(Refused):
    """A Zarr that is not where OMERO says; `link` tells why."""

    def __init__(self, link: Link, where: str, detail: str = "") -> None:
        super().__init__(_WHAT[link] + (f": {detail}" if detail else ""), where, _FIX[link])
        self.link = link


def location_of(
    image: OmeroImage, record: Record | None, paths: Sequence[ServerPath], access: Access
) -> Location | None:
    """Where an image's pixels are, None where it is bound to no Zarr.

    An ExternalInfo wins over the file that Bio-Formats opens (facts: omero_replacement Part 3), which only the record
    tells of.
    """
    info = image.external_info
    if info is not None and info.entity_type == external_info.ENTITY_TYPE and info.lsid:
        return Location(external_info.NAME, *client_address(info.lsid, paths, access))
    known = [one for one in record.images if one.id == image.id] if record else []
    if record is None or record.binding != zarr_reader.NAME or not known:
        return None
    return Location(zarr_reader.NAME, join(record.uri, known[0].path), access)


def client_address(lsid: str, paths: Sequence[ServerPath], access: Access) -> tuple[str, Access]:
    """What an lsid names, as this machine reaches it: `paths` are turned round, an s3 lsid's HOST is its endpoint."""
    named, _, query = lsid.partition("?")
    address, anonymous = client_path(named, paths), access.anonymous or "anonymous=true" in query
    if not address.startswith("s3://"):
        return address, Access(guard=access.guard, follow=access.follow)
    if address != named:
        return address, replace(access, anonymous=anonymous)
    host, _, path = address.removeprefix("s3://").partition("/")
    return f"s3://{path}", replace(access, endpoint=access.endpoint or f"https://{host}", anonymous=anonymous)


def client_path(path: str, paths: Sequence[ServerPath]) -> str:
    """A server's path as this machine names it: the longest of `paths` that fits is applied."""
    for pair in sorted(paths, key=lambda pair: -len(pair.server)):
        if path == pair.server or path.startswith(pair.server + "/"):
            return pair.local + path[len(pair.server) :]
    return path


def reach(location: Location) -> Store:
    """The store of a group that is there; raises Broken for one that is not, may not be read, or has moved."""
    guard = location.access.guard
    try:
        if guard is not None and "://" not in location.uri:
            guard.directory(location.uri)  # else "gone" would tell what there is on the disk
        if "://" not in location.uri and not os.path.isdir(location.uri):
            raise Broken("gone", location.uri)
        store = open_store(location.uri, location.access)
        found = store.get_many(_METADATA)
    except NotAllowed as error:
        raise Broken("denied", location.uri, error.problems[0].what) from error
    except Unreachable as error:
        moved = f"[Errno {errno.EREMCHG}]" in str(error)  # of PermanentRedirect and its like
        raise Broken("moved" if moved else "unreachable", location.uri, error.problems[0].what) from error
    if any(isinstance(one, bytes) for one in found):
        return store
    raise Broken("denied" if {DENIED, NO_RIGHT, NOT_PUBLIC} & set(found) else "gone", location.uri)
