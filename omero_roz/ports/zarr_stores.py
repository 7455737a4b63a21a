"""Where Zarrs lie: local paths, file://, s3://, https://; the only file that speaks fsspec and s3fs."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
import fsspec
import fsspec.asyn
from botocore.exceptions import BotoCoreError, NoCredentialsError, ProfileNotFound
from zarr.abc.store import Store as ZarrStore
from zarr.storage import FsspecStore, LocalStore

from omero_roz.errors import Unreachable, UsageError
from omero_roz.layout.paths import join
from omero_roz.layout.store import DENIED, LEADS_OUT, NOT_FOUND, Absent, Store

UNREADABLE_NAME = Absent("a name with ?, # or % cannot be read over https", "read it elsewhere", hidden=True)
CONNECTIONS = 64
ATTEMPTS = 4
_TRIAL = 32  # files read one by one to see how fast the file system is
_SLOW = 0.0005  # seconds a file: a network file system, or a disk that seeks
_SECRET_WORDS = ("token", "sig", "secret", "pass", "credential", "key", "auth", "session")


_NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO}


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into a bucket beyond the AWS configuration: endpoint URL, profile, or no credentials."""

    endpoint: str | None = None
    profile: str | None = None
    anonymous: bool = False


def open_store(uri: str, access: Access = Access()) -> Store:
    """The store at a URI or local path, read only.

    Raises UsageError for an unknown scheme and for credentials or signatures in the URI (not shown),
    Unreachable for a local path that is no directory.
    """
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    if scheme == "":
        return _local(Path(uri))
    if scheme == "file":
        return _local(Path(unquote(urlsplit(uri).path)))
    if scheme not in ("s3", "https", "http"):
        raise UsageError(
            f"the scheme {scheme!r} is unknown", fix="use a local path, file://, s3:// or https://"
        )
    address = _without_secrets(uri)
    if scheme == "s3":
        anonymous = access.anonymous or urlsplit(uri).query == "anonymous=true"
        return _s3(address, replace(access, anonymous=anonymous))
    if access != Access():
        raise UsageError(
            "an endpoint, a profile and --anonymous are for s3:// only", address, "leave them out"
        )
    patience = aiohttp.ClientTimeout(total=None, connect=10, sock_read=30)
    options = (("client_kwargs", {"timeout": patience}),)
    return RemoteStore(address, address, "http", options, can_list=False)


def _without_secrets(uri: str) -> str:
    """The address without query and trailing slashes; refuses what might be a secret, without showing it."""
    try:
        parts = urlsplit(uri)
        names = [name.lower().replace("-", "").replace("_", "") for name, _ in parse_qsl(parts.query, True)]
        secret = parts.username is not None or any(word in name for name in names for word in _SECRET_WORDS)
    except ValueError:
        raise UsageError("the URI is malformed", fix="write s3://BUCKET/KEY or https://HOST/PATH") from None
    if secret or "@" in parts.netloc:
        what = "credentials or a signature in a URI are refused: they would be stored and shown"
        raise UsageError(
            what, f"{parts.scheme}://…", "use an AWS profile, the environment, or a public address"
        )
    address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    allowed = ("", "anonymous=true") if parts.scheme == "s3" else ("",)
    if parts.query not in allowed or parts.fragment or not parts.netloc:
        raise UsageError(
            "the URI has a query or fragment, or no host or bucket", address, "name the Zarr itself"
        )
    return address


def _local(path: Path) -> LocalTree:
    root = Path(os.path.realpath(path))
    if not root.is_dir():
        what = "this is a file, not a directory" if root.exists() else "no such directory"
        raise Unreachable(what, str(path), "check the path")
    return LocalTree(root)


@dataclass(frozen=True, slots=True)
class LocalTree:
    """A directory on disk; `root` is resolved, and no link is followed out of it."""

    root: Path
    _inside: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def uri(self) -> str:
        return str(self.root)

    def get_many(self, paths: Sequence[str]) -> list[bytes | Absent]:
        started = time.perf_counter()
        trial = [self._get(path) for path in paths[:_TRIAL]]
        rest = paths[_TRIAL:]
        if (time.perf_counter() - started) / _TRIAL < _SLOW:  # threads double the time where nothing waits
            return trial + [self._get(path) for path in rest]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return trial + list(pool.map(self._get, rest))

    def _get(self, path: str) -> bytes | Absent:
        full = f"{self.root}/{path}"
        if not self._is_inside(os.path.dirname(full)):
            return LEADS_OUT
        try:
            return _read(full, os.O_NOFOLLOW)
        except OSError as error:
            if error.errno != errno.ELOOP:
                return _absent(error, full)
        if not self._resolves_inside(full):
            return LEADS_OUT
        try:
            return _read(full)
        except OSError as error:
            return _absent(error, full)

    def _is_inside(self, directory: str) -> bool:
        """Whether a directory is the root or below it, links resolved; each is looked at once."""
        if len(directory) <= len(str(self.root)):
            return True
        known = self._inside.get(directory)
        if known is None:
            parent_inside = self._is_inside(os.path.dirname(directory))
            known = parent_inside and (not os.path.islink(directory) or self._resolves_inside(directory))
            self._inside[directory] = known
        return known

    def _resolves_inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == str(self.root) or real.startswith(f"{str(self.root).rstrip('/')}/")

    def children(self, path: str) -> tuple[str, ...] | None:
        directory = f"{self.root}/{path}".rstrip("/")
        if not self._is_inside(directory):
            return ()
        try:
            with os.scandir(directory) as entries:
                return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not _loops(entry)))
        except OSError as error:
            _absent(error, directory)
            return ()

    def below(self, path: str) -> LocalTree:
        if not self._is_inside(f"{self.root}/{path}"):
            raise Unreachable(LEADS_OUT.why, f"{self.root}/{path}", LEADS_OUT.fix)
        return _local(self.root / path)

    def zarr(self) -> ZarrStore:
        return LocalStore(self.root, read_only=True)


def _loops(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a link back to a directory that its path came through."""
    if not entry.is_symlink():
        return False
    here, target = os.path.realpath(os.path.dirname(entry.path)), os.path.realpath(entry.path)
    return f"{here}/".startswith(f"{target}/")


def _read(path: str, flags: int = 0) -> bytes:
    """A regular file's content; never waits for a pipe that is in its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", path)
        parts = [os.read(descriptor, status.st_size + 1)]
        while parts[-1]:
            parts.append(os.read(descriptor, 1 << 20))
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _absent(error: OSError, path: str) -> Absent:
    """What an error of the file system means; raises Unreachable for what only the disk can be blamed for."""
    if isinstance(error, PermissionError):
        return DENIED
    if error.errno in _NO_FILE:
        return NOT_FOUND
    raise Unreachable(f"cannot be read ({error.strerror})", path, "check the file system") from error


def _s3(address: str, access: Access) -> RemoteStore:
    options: dict[str, Any] = {
        "anon": access.anonymous,
        "config_kwargs": {
            "max_pool_connections": CONNECTIONS,
            "connect_timeout": 10,
            "read_timeout": 30,
            # botocore spends a third of a request's time on its own name and on checksums nobody asked for
            "user_agent": "omero-roz",
            "response_checksum_validation": "when_required",
            "disable_request_compression": True,
        },
        "use_listings_cache": False,
        "max_concurrency": 1,  # more of it asks for the size of every object first: twice the requests
    }
    if access.endpoint:
        options["endpoint_url"] = access.endpoint
    if access.profile:
        options["profile"] = access.profile
    return RemoteStore(address, address.removeprefix("s3://"), "s3", tuple(options.items()), can_list=True)


@dataclass(frozen=True, slots=True)
class RemoteStore:
    """A prefix of a bucket or an https directory; `path` is its name for fsspec's `protocol`."""

    uri: str
    path: str
    protocol: str
    options: tuple[tuple[str, Any], ...]
    can_list: bool

    def _filesystem(self, asynchronous: bool = False) -> Any:
        return fsspec.filesystem(self.protocol, asynchronous=asynchronous, **dict(self.options))

    def get_many(self, paths: Sequence[str]) -> list[bytes | Absent]:
        filesystem = self._filesystem()
        return fsspec.asyn.sync(filesystem.loop, self._get_all, filesystem, list(paths))

    async def _get_all(self, filesystem: Any, paths: list[str]) -> list[bytes | Absent]:
        results: list[bytes | Absent] = [NOT_FOUND] * len(paths)
        waiting = iter(enumerate(paths))

        async def worker() -> None:
            for position, path in waiting:
                results[position] = await self._get(filesystem, path)

        workers = [asyncio.ensure_future(worker()) for _ in range(min(CONNECTIONS, len(paths)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for task in workers:
                task.cancel()
        return results

    async def _get(self, filesystem: Any, path: str) -> bytes | Absent:
        if self.protocol == "http" and set(path) & set("?#%"):
            return UNREADABLE_NAME
        for attempt in range(ATTEMPTS):
            try:
                return await filesystem._cat_file(join(self.path, path))
            except FileNotFoundError:
                return NOT_FOUND
            except PermissionError:
                return DENIED
            except aiohttp.ClientResponseError as error:
                if error.status in (401, 403):
                    return DENIED
                if error.status < 500 and error.status != 429:
                    raise Unreachable(f"HTTP status {error.status}", join(self.uri, path)) from None
                last: Exception = error
            except (NoCredentialsError, ProfileNotFound) as error:
                raise Unreachable(str(error), self.uri, "set up a profile, or use --anonymous") from None
            except (OSError, aiohttp.ClientError, BotoCoreError) as error:
                last = error
            await asyncio.sleep(0.2 * 2**attempt)
        what = f"no answer after {ATTEMPTS} attempts ({type(last).__name__}: {str(last)[:120]})"
        raise Unreachable(what, join(self.uri, path), "check the address and the network, then try again")

    def children(self, path: str) -> tuple[str, ...] | None:
        if not self.can_list:
            return None
        try:
            entries = self._filesystem().ls(join(self.path, path), detail=True)
        except FileNotFoundError:
            return ()
        except PermissionError:
            return None
        except (NoCredentialsError, ProfileNotFound, OSError, aiohttp.ClientError, BotoCoreError) as error:
            raise Unreachable(
                f"cannot be listed ({error})", join(self.uri, path), "check the network"
            ) from None
        directories = (entry["name"].rstrip("/") for entry in entries if entry["type"] == "directory")
        return tuple(sorted(name.rpartition("/")[2] for name in directories))

    def below(self, path: str) -> RemoteStore:
        return replace(self, uri=join(self.uri, path), path=join(self.path, path))

    def zarr(self) -> ZarrStore:
        return FsspecStore(self._filesystem(asynchronous=True), read_only=True, path=self.path)
