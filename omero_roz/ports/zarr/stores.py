"""Where Zarrs lie: local paths, file://, s3://, https://."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from omero_roz.address import Address
from omero_roz.errors import UsageError
from omero_roz.layout.store import Store
from omero_roz.ports.zarr.guard import Guard
from omero_roz.ports.zarr.local_tree import open_tree


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into a bucket beyond the AWS configuration: endpoint URL, profile, or no credentials.

    A `guard` says what may be reached at all, and how: what it says of a bucket wins. Links of a Zarr on disk may lead
    into the directories `follow`.
    """

    endpoint: Address | None = None
    profile: str | None = None
    anonymous: bool = False
    guard: Guard | None = None
    follow: tuple[str, ...] = ()


def open_store(uri: str, access: Access = Access()) -> Store:
    """The store at a URI or local path, read only.

    Raises UsageError for an unknown scheme and for credentials or signatures in the URI (not shown),
    Unreachable for a local path that is no directory, NotAllowed for what the guard of `access` keeps closed.
    """
    named, guard = Address(uri), access.guard
    if named.is_local:
        path = unquote(named.removeprefix("file://").removeprefix("localhost")) if "://" in named else named
        return open_tree(Path(path), guard, access.follow)
    address = named.bare
    if guard is not None:
        place = guard.remote(address, access.endpoint)
        access = replace(access, endpoint=place.endpoint, profile=place.profile, anonymous=place.anonymous)
    from omero_roz.ports.zarr import remote  # its libraries take their time, which a local Zarr does without

    if address.startswith("s3://"):
        anonymous = access.anonymous or (guard is None and named.is_public)
        return remote.in_bucket(address, access.endpoint, access.profile, anonymous, guard)
    if access != Access(guard=guard, follow=access.follow):
        raise UsageError("an endpoint, a profile and --anonymous are for s3:// only", address, "leave them out")
    return remote.over_http(address, guard)
