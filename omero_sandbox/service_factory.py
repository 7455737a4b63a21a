"""omero.api.ServiceFactory: what a logged-in client gets every other service from."""

from typing import Any

import Ice

import omero
from omero_sandbox.commands import submit
from omero_sandbox.services.base import Call, Service, ice_class, implementation
from omero_sandbox.sessions import Session
from omero_sandbox.state import State

STATELESS = {
    "getAdminService": "omero.api.IAdmin",
    "getConfigService": "omero.api.IConfig",
    "getContainerService": "omero.api.IContainer",
    "getLdapService": "omero.api.ILdap",
    "getMetadataService": "omero.api.IMetadata",
    "getPixelsService": "omero.api.IPixels",
    "getProjectionService": "omero.api.IProjection",
    "getQueryService": "omero.api.IQuery",
    "getRenderingSettingsService": "omero.api.IRenderingSettings",
    "getRepositoryInfoService": "omero.api.IRepositoryInfo",
    "getRoiService": "omero.api.IRoi",
    "getScriptService": "omero.api.IScript",
    "getSessionService": "omero.api.ISession",
    "getShareService": "omero.api.IShare",
    "getTimelineService": "omero.api.ITimeline",
    "getTypesService": "omero.api.ITypes",
    "getUpdateService": "omero.api.IUpdate",
    "sharedResources": "omero.grid.SharedResources",
}
STATEFUL = {
    "createExporter": "omero.api.Exporter",
    "createJobHandle": "omero.api.JobHandle",
    "createRawFileStore": "omero.api.RawFileStore",
    "createRawPixelsStore": "omero.api.RawPixelsStore",
    "createRenderingEngine": "omero.api.RenderingEngine",
    "createSearchService": "omero.api.Search",
    "createThumbnailStore": "omero.api.ThumbnailStore",
}


class ServiceFactory(Service):
    """One client's entry to one session; `detached`: the session outlives the client."""

    interface = "omero.api.ServiceFactory"

    def __init__(self, state: State, session: Session, client: str) -> None:
        super().__init__(state, session)
        self.client = client
        self.detached = False
        self.callback: Any = None

    def getByName(self, call: Call, name: str) -> Any:
        """The client's one servant of a service, such as "omero.api.IQuery", or one that activeServices names."""
        active = self.state.find(name, self.session.uuid) if name.startswith(self.client) else None
        if active is not None:
            return self.state.serve(active, name, self.session.uuid)
        return self.state.serve(
            implementation(name)(self.state, self.session), f"{self.client}{name}", self.session.uuid
        )

    def createByName(self, call: Call, name: str) -> Any:
        """A new servant of a stateful service."""
        made = implementation(name)(self.state, self.session)
        return self.state.serve(made, f"{self.client}{Ice.generateUUID()}{name}", self.session.uuid)

    def activeServices(self, call: Call) -> list[str]:
        """Names of what this client holds."""
        return self.state.served(self.session.uuid, self.client)

    def getSecurityContexts(self, call: Call) -> list:
        """The groups that the session may work in."""
        return [omero.model.ExperimenterGroupI(group, False) for group in sorted(call.caller.member_of)]

    def setSecurityContext(self, call: Call, target: Any) -> Any:
        """Change the session's group and return what it was.

        Raises omero.ApiUsageException for anything but a group, and while stateful services are open;
        omero.SecurityViolation when the user is no member.
        """
        if not isinstance(target, omero.model.ExperimenterGroup):
            raise omero.ApiUsageException(message="Unsupported security context: only groups")
        if self._open_stateful():
            raise omero.SecurityViolation(message="Stateful services are open: close them before changing the group")
        old, new = self.session.group_id, target.id.val
        self.session.caller({"omero.group": str(new)})
        self.session.group_id = new
        return omero.model.ExperimenterGroupI(old, False)

    def _open_stateful(self) -> bool:
        found = (self.state.find(name, self.session.uuid) for name in self.state.served(self.session.uuid))
        stateful = omero.api.StatefulServiceInterface
        return any(service is not None and issubclass(ice_class(service.interface), stateful) for service in found)

    def setCallback(self, call: Call, callback: Any) -> None:
        """Remember where the client takes heartbeats."""
        self.callback = callback

    def detachOnDestroy(self, call: Call) -> None:
        """Let the session go on when this client leaves."""
        self.detached = True

    def closeOnDestroy(self, call: Call) -> None:
        """Let the session end when its last client leaves."""
        self.detached = False

    def keepAlive(self, call: Call, proxy: Any) -> bool:
        """Whether a service is still there, so not for none; asking keeps the session alive."""
        if proxy is None:
            return False
        identity = proxy.ice_getIdentity()
        return self.state.find(identity.name, identity.category) is not None

    def keepAllAlive(self, call: Call, proxies: list) -> int:
        """A bit mask of the services that are gone: 0 when all live."""
        return sum(1 << i for i, proxy in enumerate(proxies) if not self.keepAlive(call, proxy))

    def submit(self, call: Call, request: Any) -> Any:
        """Start a command; its Handle tells how it goes."""
        return submit(self.state, self.session, self.client, call, request)


def _getter(interface: str) -> Any:
    return lambda self, call: self.getByName(call, interface)


def _creator(interface: str) -> Any:
    return lambda self, call: self.createByName(call, interface)


for _name, _interface in STATELESS.items():
    setattr(ServiceFactory, _name, _getter(_interface))
for _name, _interface in STATEFUL.items():
    setattr(ServiceFactory, _name, _creator(_interface))
