"""A Zarr's address as the server names it: a path of its own disk, or s3://HOST/BUCKET/KEY.

The forms are omero-zarr-pixel-buffer's (facts: layouts): for S3 it always speaks https, drops a port, and takes no
credentials from the lsid; `?anonymous=true` marks a public bucket. What this form cannot express is refused.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from omero_roz.address import Address
from omero_roz.errors import Refused, UsageError
from omero_roz.layout.store import Bucket

_AMAZON = re.compile(r"(?P<bucket>.+)\.(?P<host>s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?)")


@dataclass(frozen=True, slots=True)
class ServerPath:
    """The server sees the directory or address `local` as `server`: a path, or s3://HOST/BUCKET."""

    local: Address
    server: Address


@dataclass(frozen=True, slots=True)
class ServerView:
    """How the server sees what we see: its paths, and the bucket of the Zarr (None where it is in none)."""

    paths: tuple[ServerPath, ...] = ()
    bucket: Bucket | None = None


def parse_server_path(text: str) -> ServerPath:
    """Read LOCAL=SERVER: absolute paths, or addresses such as s3://BUCKET=s3://HOST/BUCKET."""
    local, separator, server = text.partition("=")
    if not separator or not local.startswith(("/", "s3://", "https://")) or not server.startswith(("/", "s3://")):
        what = "not of the form LOCAL=SERVER with an absolute path or an address on each side"
        raise UsageError(what, "--server-path", "such as /data=/mnt/data, or s3://BUCKET=s3://HOST/BUCKET")
    here, there = Address(local, "--server-path"), Address(server, "--server-path")
    # A Zarr's own path is known with links resolved.
    resolved = os.path.realpath(here) if here.is_local else here
    return ServerPath(Address(resolved.rstrip("/")), Address(there.rstrip("/")))


def server_root(uri: str, view: ServerView) -> str:
    """The root of the layout at a path or address, as an lsid names it; `view.paths` win.

    Raises Refused for an address that no lsid can express, UsageError where `view.paths` say nothing of a path.
    """
    seen = server_path(uri, view.paths)
    if view.paths and "://" not in uri and not any(fits(uri, pair) for pair in view.paths):
        given = ", ".join(f"{pair.local}={pair.server}" for pair in view.paths)
        raise UsageError(f"it says nothing of {uri}", f"--server-path {given}", "name a directory that the Zarr is in")
    public = "?anonymous=true" if view.bucket and view.bucket.anonymous else ""
    if "://" not in uri or seen != uri:
        return seen + (public if seen.startswith("s3://") else "")
    parts = urlsplit(uri)
    if view.bucket is None:
        raise Refused(
            "the pixel buffer reads disks and buckets, and this https address is no bucket",
            uri,
            "say by which path the server sees it (--server-path), or put it into a bucket",
        )
    host = _host(uri, view.bucket.endpoint)
    path = f"{parts.netloc}{parts.path}" if parts.scheme == "s3" else parts.path.lstrip("/")
    amazon = _AMAZON.fullmatch(host) if parts.scheme != "s3" else None
    if amazon:
        host, path = amazon["host"], f"{amazon['bucket']}/{path}"
    return f"s3://{host}/{path}{public}"


def _host(uri: str, endpoint: str) -> str:
    """The endpoint's host; raises Refused where the pixel buffer would go elsewhere."""
    parts = urlsplit(endpoint)
    reasons = {
        "it is not https": parts.scheme != "https",
        "it has a port": parts.port not in (None, 443),
        "it has a path": parts.path.strip("/") != "",
    }
    for reason, applies in reasons.items():
        if applies:
            what = (
                f"no lsid can express the endpoint {endpoint}: {reason}, and the pixel buffer takes only https://HOST"
            )
            fix = (
                "serve it at https://HOST, or say what the server calls it: --server-path s3://BUCKET=s3://HOST/BUCKET"
            )
            raise Refused(what, uri, fix)
    return parts.hostname or ""


def server_path(path: str, server_paths: Sequence[ServerPath]) -> str:
    """A path or address as the server names it: the longest of `server_paths` that fits is applied."""
    for pair in sorted(server_paths, key=lambda pair: -len(pair.local)):
        if fits(path, pair):
            return pair.server + path[len(pair.local) :]
    return path


def fits(path: str, pair: ServerPath) -> bool:
    """Whether a pair says how the server names a path or address."""
    return path == pair.local or path.startswith(pair.local + "/")
