"""Small objects of a bucket, many at a time: found and signed by botocore, sent by aiohttp.

botocore's own way of sending costs more time of the processor than a server takes to answer (1 ms a request).
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from yarl import URL

from omero_roz.layout.store import Part
from omero_roz.ports.zarr.answers import BEYOND_ITS_END, asking, body, limited

Get = Callable[[str, Part], Awaitable[bytes]]

_ANY_KEY = "key"


async def getter(
    filesystem: Any, session: aiohttp.ClientSession, bucket: str, anonymous: bool, may_use_proxy: bool = True
) -> Get:
    """A coroutine function that gives what is wanted of BUCKET/KEY, by endpoint and credentials of an S3FileSystem.

    It raises what `answers.body` does, FileNotFoundError (404), PermissionError (401, 403) and
    aiohttp.ClientResponseError (429, 5xx); what else a server may answer, such as a redirection to another region, is
    left to the S3FileSystem. Raises NoCredentialsError at once.
    """
    client = await filesystem.set_session()
    example = await client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": _ANY_KEY})
    base = example.partition("?")[0].removesuffix(_ANY_KEY)
    sign = None if anonymous else await _signer(filesystem, client.meta.region_name)
    bundle = filesystem.session.get_config_variable("ca_bundle")
    tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=bundle) if bundle else True

    proxy = _proxy(base) if may_use_proxy else None

    async def get(path: str, wanted: Part) -> bytes:
        key = path.removeprefix(f"{bucket}/")
        address = base + quote(key, safe="/~")
        headers = asking(wanted) | (sign(address) if sign else {})
        url = URL(address, encoded=True)
        async with session.get(url, headers=headers, ssl=tls, proxy=proxy, allow_redirects=False) as answer:
            if answer.status in (200, 206):
                return await body(answer, wanted)
            if answer.status == BEYOND_ITS_END:
                return b""
            if answer.status == 404:
                raise FileNotFoundError(path)
            if answer.status in (401, 403):
                raise PermissionError(path)
            if answer.status == 429 or answer.status >= 500:
                answer.raise_for_status()
        return await _by_botocore(filesystem, bucket, key, wanted)

    return get


async def _by_botocore(filesystem: Any, bucket: str, key: str, wanted: Part) -> bytes:
    asked = {name: value for name, value in asking(wanted).items() if name == "Range"}
    answer = await filesystem._call_s3("get_object", Bucket=bucket, Key=key, **asked)
    async with answer["Body"] as stream:
        return await limited(stream.iter_chunks(1 << 20), answer["ContentLength"], wanted.most)


def _proxy(address: str) -> str | None:
    """The proxy that the environment names for an address; looked up once, which aiohttp does in a thread each time."""
    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


async def _signer(filesystem: Any, region: str) -> Callable[[str], dict[str, str]]:
    credentials = await filesystem.session.get_credentials()
    if credentials is None:
        raise NoCredentialsError()
    auth = S3SigV4Auth(await credentials.get_frozen_credentials(), "s3", region)

    def sign(address: str) -> dict[str, str]:
        request = AWSRequest("GET", address)
        request.context["payload_signing_enabled"] = False
        auth.add_auth(request)
        return dict(request.headers)

    return sign
