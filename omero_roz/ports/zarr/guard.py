"""What may be reached where a user names the address and somebody else's account goes there: a guard at each door.

It is asked where a store is opened, where a file is read and where a connection is made, so that neither a spelling, a
link, a redirection nor a name that resolves otherwise a moment later leads past it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omero_roz.address import Address
from omero_roz.errors import Refused
from omero_roz.layout.paths import unsafe
from omero_roz.ports.zarr.links import links_below
from omero_roz.ports.zarr.networks import is_metadata_service, is_public, parse, to_judge

if TYPE_CHECKING:
    import aiohttp

_AMAZON = ".amazonaws.com"
_FIX = "name a place that the administrator of this server allows (docs/scripts.md)"


class NotAllowed(Refused):
    """What was named is nothing that the administrator allows."""


class _NoWay(OSError):
    """Raised where a connection would be made, for those in between take nothing else."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory (resolved), or an s3:// or https:// prefix, with all that lies below; how a bucket is reached."""

    uri: Address
    endpoint: Address | None = None
    profile: str | None = None
    anonymous: bool = False

    @property
    def is_local(self) -> bool:
        """Whether it is a directory."""
        return "://" not in self.uri

    def holds(self, address: str) -> bool:
        """Whether an address is the place itself or below it, by a path that leads nowhere else."""
        below = address.removeprefix(self.uri.rstrip("/"))
        if below == address:
            return False
        return not below or (below.startswith("/") and unsafe(below[1:]) is None)

    def serves(self, endpoint: str | None) -> bool:
        """Whether an endpoint that a binding names is the place's own; None is any."""
        host = urlsplit(endpoint).hostname or "" if endpoint else ""
        if not endpoint or host == urlsplit(self.endpoint or "").hostname:
            return True
        return self.endpoint is None and f".{host}".endswith(_AMAZON)


@dataclass(frozen=True, slots=True)
class Guard:
    """The places that may be read, and the networks (such as 10.1.0.0/16) that may be reached though private."""

    places: tuple[Place, ...] = ()
    networks: tuple[str, ...] = ()

    def remote(self, address: str, endpoint: str | None = None) -> Place:
        """The place that an s3:// or https:// address is in; raises NotAllowed where it is in none."""
        parts = urlsplit(address)
        plain = f"{parts.scheme}://{parts.netloc if parts.scheme == 's3' else parts.netloc.lower()}{parts.path}"
        found = [place for place in self.places if place.holds(plain) and not place.is_local and place.serves(endpoint)]
        if not found:
            raise NotAllowed("it may not be reached from this server", address, _FIX)
        best = max(found, key=lambda place: len(place.uri))
        self._check_host(best.endpoint if parts.scheme == "s3" else address, address)
        return best

    def _check_host(self, url: str | None, address: str) -> None:
        """Tell at once, and plainly, what the connection would be refused for."""
        host = urlsplit(url).hostname if url else None
        if host is None:
            return
        try:
            found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError:
            return  # the reading tells that it does not answer
        for one in sorted(found):
            if reason := self.forbidden(one):
                raise NotAllowed(f"its host {host} {reason}", address, _FIX)

    def directory(self, path: str) -> None:
        """Raises NotAllowed for a local path that leads out of all directories that are allowed."""
        real = os.path.realpath(path)
        if not any(place.is_local and inside(real, place.uri) for place in self.places):
            raise NotAllowed("it may not be read on this server", path, _FIX)

    def forbidden(self, address: str) -> str | None:
        """Why an IP address may not be connected to, None where it may."""
        meant = parse(address)
        if is_metadata_service(meant):
            return "is the metadata service of a cloud"
        for one in to_judge(meant):
            if not is_public(one) and not any(one in ip_network(network) for network in self.networks):
                return "is in a private network that the administrator does not name"
        return None

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for one address of getaddrinfo's; the connection goes there and nowhere else.

        aiohttp's and aiobotocore's socket_factory. Raises OSError, which `told` finds again.
        """
        family, kind, protocol, _, address = info
        reason = self.forbidden(str(address[0]))
        if reason:
            raise _NoWay(f"{address[0]} {reason}")
        return socket.socket(family, kind, protocol)

    async def client(self, **options: Any) -> aiohttp.ClientSession:
        """An http client that is bound by the guard and follows no redirection: fsspec's get_client."""
        import aiohttp

        connector = aiohttp.TCPConnector(socket_factory=self.open_socket)
        return aiohttp.ClientSession(connector=connector, trace_configs=[refusing_redirections()], **options)


def refusing_redirections() -> aiohttp.TraceConfig:
    """What ends a request of aiohttp's that is redirected, before anybody else is asked."""
    import aiohttp

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirection)
    return trace


async def _refuse_redirection(session: Any, context: Any, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    raise _NoWay("it is redirected, and no redirection is followed")


def told(error: BaseException | None) -> str | None:
    """What the guard said, if an error comes from it, however it was wrapped on its way."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, _NoWay):
            return str(error)
        seen.add(id(error))
        wrapped = getattr(error, "os_error", None)
        error = wrapped or error.__cause__ or error.__context__
    return None


def inside(path: str, root: str) -> bool:
    """Whether a resolved path is a resolved directory or below it."""
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def links_out(root: str) -> Iterator[str]:
    """The links anywhere below a resolved directory that lead out of it; Refused where it cannot be listed."""
    return (link for link in links_below(root) if not inside(os.path.realpath(link), root))
