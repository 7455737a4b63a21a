"""Zarrs in buckets and over https: the only file that speaks fsspec and s3fs."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import fsspec
import fsspec.asyn
from botocore.exceptions import BotoCoreError, NoCredentialsError, ProfileNotFound
from botocore.parsers import ResponseParserError
from yarl import URL

from omero_roz.address import Address
from omero_roz.errors import Moved, Refused, Unreachable
from omero_roz.layout.paths import join
from omero_roz.layout.store import (
    CHANGED,
    DENIED,
    NOT_FOUND,
    NOT_PUBLIC,
    Absent,
    Bucket,
    Part,
    part,
    too_large,
)
from omero_roz.ports.zarr.answers import BEYOND_ITS_END, TooLarge, asking, body
from omero_roz.ports.zarr.aws import configured_endpoint, no_way_in
from omero_roz.ports.zarr.guard import Guard, NotAllowed, told
from omero_roz.ports.zarr.s3_objects import Get, getter
from omero_roz.shown import said

UNREADABLE_NAME = Absent("a name with ?, # or % cannot be read over https", "read it elsewhere", hidden=True)
CONNECTIONS = 64
ATTEMPTS = 4
_HTTP_CLIENT: dict[str, Any] = {
    "timeout": aiohttp.ClientTimeout(total=None, connect=10, sock_read=30),
    "auto_decompress": False,  # it knows no limit
}


def over_http(address: str, guard: Guard | None) -> RemoteStore:
    """The store at an https:// address."""
    return RemoteStore(address, address, "http", tuple(_http_options(guard).items()), can_list=False, guard=guard)


def _http_options(guard: Guard | None) -> dict[str, Any]:
    options: dict[str, Any] = {"client_kwargs": _HTTP_CLIENT}
    return options if guard is None else options | {"get_client": guard.client}


def in_bucket(
    address: str, endpoint: str | None, profile: str | None, anonymous: bool, guard: Guard | None
) -> RemoteStore:
    """The store at s3://BUCKET/KEY."""
    options: dict[str, Any] = {
        "anon": anonymous,
        "config_kwargs": {
            "max_pool_connections": CONNECTIONS,
            "connect_timeout": 10,
            "read_timeout": 30,
            "retries": {"total_max_attempts": 1},  # trying again is for one place, here
            # botocore spends a third of a request's time on its own name and on checksums nobody asked for
            "user_agent": "omero-roz",
            "response_checksum_validation": "when_required",
            "disable_request_compression": True,
        },
        "use_listings_cache": False,
        "max_concurrency": 1,  # more of it asks for the size of every object first: twice the requests
    }
    if reached := endpoint or configured_endpoint(profile):
        options["endpoint_url"] = reached
    if profile:
        options["profile"] = profile
    if guard is not None:
        options["config_kwargs"] |= _guarded(guard)
    name, settings = address.removeprefix("s3://"), tuple(options.items())
    return RemoteStore(address, name, "s3", settings, can_list=True, guard=guard)


def _guarded(guard: Guard) -> dict[str, Any]:
    from omero_roz.ports.zarr.guarded_s3 import NoRedirections

    connector = {"socket_factory": guard.open_socket}  # and no proxy, which would connect where it likes
    return {"connector_args": connector, "http_session_cls": NoRedirections, "proxies": {}}


@dataclass(frozen=True, slots=True)
class RemoteStore:
    """A prefix of a bucket or an https directory; `path` is its name for fsspec's `protocol`."""

    uri: str
    path: str
    protocol: str
    options: tuple[tuple[str, Any], ...]
    can_list: bool
    guard: Guard | None = None

    @property
    def _denied(self) -> Absent:
        return DENIED if self.protocol == "s3" else NOT_PUBLIC

    def _filesystem(self) -> Any:
        filesystem = fsspec.filesystem(self.protocol, **dict(self.options))
        filesystem.retries = 1  # s3fs's own would multiply with those of _retried
        return filesystem

    @property
    def bucket(self) -> Bucket | None:
        """How its bucket is reached; an https address is a bucket's where what answers calls itself S3."""
        filesystem = self._filesystem()
        if self.protocol == "s3":
            try:
                client = fsspec.asyn.sync(filesystem.loop, filesystem.set_session)
            except (BotoCoreError, ValueError) as error:
                raise no_way_in(error, self.uri) from None
            return Bucket(Address.of_endpoint(client.meta.endpoint_url), bool(dict(self.options)["anon"]))

        async def answers_as_s3(url: str) -> bool:
            session = await filesystem.set_session()
            async with session.head(url) as response:
                return "x-amz-request-id" in response.headers

        is_bucket = fsspec.asyn.sync(filesystem.loop, self._retried, answers_as_s3, "")
        parts = urlsplit(self.uri)
        return Bucket(Address(f"{parts.scheme}://{parts.netloc}"), anonymous=True) if is_bucket is True else None

    @property
    def follow(self) -> tuple[str, ...]:
        """Nothing of it is a link."""
        return ()

    def get_many(self, files: Sequence[str | Part]) -> list[bytes | Absent]:
        filesystem = self._filesystem()
        return fsspec.asyn.sync(filesystem.loop, self._get_all, filesystem, [part(file) for file in files])

    async def _getter(self, filesystem: Any) -> Get:
        if self.protocol != "s3":
            return _over_https(await filesystem.set_session())
        session = await fsspec.filesystem("http", **_http_options(self.guard)).set_session()
        bucket, anonymous = self.path.partition("/")[0], dict(self.options)["anon"]
        try:
            return await getter(filesystem, session, bucket, anonymous, may_use_proxy=self.guard is None)
        except (BotoCoreError, ValueError) as error:
            raise no_way_in(error, self.uri) from None

    def put(self, path: str, content: bytes, instead_of: bytes | None) -> None:
        if self.protocol != "s3":
            raise Refused("nothing can be written over https", join(self.uri, path), "name the bucket as s3://")
        filesystem, where = self._filesystem(), join(self.uri, path)

        async def write(address: str) -> None:
            await _put(filesystem, address, content, instead_of)

        try:
            denied = fsspec.asyn.sync(filesystem.loop, self._retried, write, path)
        except _Changed:
            raise Refused(CHANGED[0], where, CHANGED[1]) from None
        if denied is DENIED:
            raise Refused("it may not be written (403)", where, "check the credentials")
        if denied is NOT_FOUND:
            raise Refused("it was not written: the bucket, or the object itself, is gone", where, CHANGED[1])

    async def _get_all(self, filesystem: Any, files: list[Part]) -> list[bytes | Absent]:
        results: list[bytes | Absent] = [NOT_FOUND] * len(files)
        waiting = iter(enumerate(files))
        get = await self._getter(filesystem)

        async def worker() -> None:
            for position, wanted in waiting:
                results[position] = await self._get(get, wanted)

        workers = [asyncio.ensure_future(worker()) for _ in range(min(CONNECTIONS, len(files)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
        return results

    async def _get(self, get: Get, wanted: Part) -> bytes | Absent:
        if self.protocol == "http" and set(wanted.path) & set("?#%"):
            return UNREADABLE_NAME

        async def once(address: str) -> bytes:
            return await get(address, wanted)

        try:
            return await self._retried(once, wanted.path)
        except TooLarge:
            return too_large(wanted.most)
        except ValueError as error:
            raise Unreachable(str(error), join(self.uri, wanted.path), "read it elsewhere") from None

    async def _retried(self, call: Callable[[str], Awaitable[Any]], path: str) -> Any:
        """What the call gives for a path, or why it gives nothing; tries again what may have been an accident."""
        last: Exception | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(0.2 * 2**attempt)
            try:
                return await call(join(self.path, path))
            except FileNotFoundError:
                return NOT_FOUND
            except PermissionError:
                return self._denied
            except aiohttp.ClientResponseError as error:
                if error.status in (401, 403):
                    return self._denied
                if error.status < 500 and error.status != 429:
                    where = join(self.uri, path)
                    raise Unreachable(f"HTTP status {error.status}", where, "check the address") from None
                last = error
            except aiohttp.ClientConnectorCertificateError as error:
                raise _untrusted(error, self.uri) from None
            except (NoCredentialsError, ProfileNotFound) as error:
                raise no_way_in(error, self.uri) from None
            except (OSError, aiohttp.ClientError, BotoCoreError, ResponseParserError) as error:
                if reason := told(error):
                    raise NotAllowed(reason, join(self.uri, path), "ask the administrator of this server") from None
                last = error
        assert last is not None
        if isinstance(last, OSError) and last.errno == errno.EREMCHG:  # of PermanentRedirect and its like
            raise Moved("it is said to be elsewhere", join(self.uri, path), "name where it is now")
        what = f"no answer after {ATTEMPTS} attempts ({said(last)})"
        raise Unreachable(what, join(self.uri, path), "check the address and the network, then try again")

    def children(self, path: str) -> tuple[str, ...] | None:
        if not self.can_list:
            return None
        filesystem = self._filesystem()

        async def listed(address: str) -> Any:
            return await filesystem._ls(address, detail=True)

        entries = fsspec.asyn.sync(filesystem.loop, self._retried, listed, path)
        if isinstance(entries, Absent):
            return () if entries == NOT_FOUND else None
        directories = (entry["name"].rstrip("/") for entry in entries if entry["type"] == "directory")
        return tuple(sorted(name.rpartition("/")[2] for name in directories))

    def files(self, path: str) -> Iterator[str] | None:
        if not self.can_list:
            return None
        filesystem, above = self._filesystem(), f"{join(self.path, path)}/"

        async def found(address: str) -> Any:
            return await filesystem._find(address)

        names = fsspec.asyn.sync(filesystem.loop, self._retried, found, path)
        if isinstance(names, Absent):
            return iter(()) if names == NOT_FOUND else None
        return (name.removeprefix(above) for name in names)

    def real(self, path: str) -> str:
        return join(self.uri, path)

    def below(self, path: str) -> RemoteStore:
        return replace(self, uri=join(self.uri, path), path=join(self.path, path))


def _over_https(session: aiohttp.ClientSession) -> Get:
    async def get(address: str, wanted: Part) -> bytes:
        async with session.get(URL(address), headers=asking(wanted)) as answer:
            if answer.status == 404:
                raise FileNotFoundError(address)
            if answer.status == BEYOND_ITS_END:
                return b""
            answer.raise_for_status()
            return await body(answer, wanted)

    return get


class _Changed(Exception):
    pass


async def _put(filesystem: Any, address: str, content: bytes, instead_of: bytes | None) -> None:
    """Write an object on the condition that it still is what it was read as; raises _Changed."""
    bucket, _, key = address.partition("/")
    condition = {"IfNoneMatch": "*"}
    try:
        answer = await filesystem._call_s3("get_object", Bucket=bucket, Key=key)
        there, condition = await answer["Body"].read(), {"IfMatch": answer["ETag"]}
    except FileNotFoundError:
        there = None
    if there == content:  # by an attempt whose answer was lost
        return
    if there != instead_of:
        raise _Changed
    try:
        await filesystem._pipe_file(address, content, **condition)
    except OSError as error:
        code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code")
        if code in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise _Changed from None
        raise


def _untrusted(error: aiohttp.ClientConnectorCertificateError, uri: str) -> Unreachable:
    why = getattr(error.certificate_error, "verify_message", "it is not trusted")
    fix = "have it mended, or name its authority: SSL_CERT_FILE, for a bucket ca_bundle of the AWS configuration"
    return Unreachable(f"the certificate of {error.host} is refused ({why})", uri, fix)
