"""S3 for whom not every address is: aiobotocore's way of sending, which would follow any redirection."""

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession

from omero_roz.ports.zarr.guard import refusing_redirections

if not hasattr(AIOHTTPSession, "_get_session"):
    raise ImportError("this aiobotocore makes its sessions elsewhere, where no guard would stand")


class NoRedirections(AIOHTTPSession):
    """aiobotocore's session, whose requests go where they were meant to go or fail."""

    async def _get_session(self, proxy_url: str | None) -> aiohttp.ClientSession:
        session = await super()._get_session(proxy_url)
        if not session.trace_configs:
            trace = refusing_redirections()
            trace.freeze()
            session.trace_configs.append(trace)
        return session
