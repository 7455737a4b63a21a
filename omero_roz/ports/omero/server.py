"""What a server says of itself: its version, its repository, what the user may do, how long a call takes."""

import time
from dataclasses import dataclass

import omero.grid

import omero
from omero_roz.errors import Refused
from omero_roz.ports.omero.session import OmeroSession, omero_errors

CALLS = 10


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Version, the middle of the times of ten small calls (seconds), whether the user may work as others."""

    version: str
    call_seconds: float
    may_sudo: bool


def server_facts(session: OmeroSession) -> ServerFacts:
    """Ask the server; raises Refused and Unreachable as every port of OMERO."""
    with omero_errors("asking the server about itself"):
        config = session.factory.getConfigService()
        version = config.getVersion()
        times = []
        for _ in range(CALLS):
            began = time.perf_counter()
            config.getServerTime()
            times.append(time.perf_counter() - began)
        context = session.factory.getAdminService().getEventContext()
    may_sudo = bool(context.isAdmin) and "Sudo" in (context.adminPrivileges or ())
    return ServerFacts(version, sorted(times)[CALLS // 2], may_sudo)


def repository_root(session: OmeroSession) -> str:
    """The ManagedRepository's directory as the server sees it (facts: omero_api_calls 2); Refused without one."""
    with omero_errors("looking for the ManagedRepository"):
        found = session.factory.sharedResources().repositories()
        for description, proxy in zip(found.descriptions, found.proxies, strict=True):
            if proxy is not None and omero.grid.ManagedRepositoryPrx.checkedCast(proxy) is not None:
                return f"{description.path.val.rstrip('/')}/{description.name.val}"
    raise Refused("this OMERO server shows no ManagedRepository", fix="ask its administrator")


def runs_scripts(session: OmeroSession) -> bool | None:
    """Whether a Processor takes the server's scripts now; None where it has none to ask about."""
    with omero_errors("asking for a Processor"):
        service = session.factory.getScriptService()
        scripts = service.getScripts()
        if not scripts:
            return None
        try:
            return bool(service.canRunScript(scripts[0].id.val))
        except omero.ResourceError:
            return False
