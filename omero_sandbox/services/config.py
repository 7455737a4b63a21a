"""IConfig: the server's version, its database and the settings that clients ask for."""

import re
import time
from typing import Any

import omero
from omero_sandbox.services.base import Call, Service, service

VERSION = "5.6.12"
DEFAULTS = {
    "omero.client.browser.thumb_default_size": "96",
    "omero.client.download_as.max_size": "144000000",
    "omero.client.icetransports": "ssl,tcp",
    "omero.client.scripts_to_ignore": "",
    "omero.client.ui.menu.dropdown.colleagues.enabled": "true",
    "omero.client.ui.menu.dropdown.colleagues.label": "Members",
    "omero.client.ui.menu.dropdown.everyone.enabled": "true",
    "omero.client.ui.menu.dropdown.everyone.label": "All Members",
    "omero.client.ui.menu.dropdown.leaders.enabled": "true",
    "omero.client.ui.menu.dropdown.leaders.label": "Owners",
    "omero.client.ui.tree.orphans.description": "This is a virtual container with orphaned images.",
    "omero.client.ui.tree.orphans.enabled": "true",
    "omero.client.ui.tree.orphans.name": "Orphaned Images",
    "omero.client.ui.tree.type_order": "tagset,tag,project,dataset,screen,plate,acquisition,image",
    "omero.client.viewer.initial_zoom_level": "0",
    "omero.client.viewer.interpolate_pixels": "true",
    "omero.client.viewer.roi_limit": "2000",
    "omero.client.web.host": "",
    "omero.fs.repo.path": "%user%_%userId%//%year%-%month%/%day%/%time%",
    "omero.mail.config": "false",
    "omero.pixeldata.max_plane_height": "3192",
    "omero.pixeldata.max_plane_width": "3192",
    "omero.scripts.timeout": "3600000",
    "omero.search.batch": "5000",
    "omero.security.password_required": "true",
    "omero.upgrades.url": "",  # clients ask nobody whether there is a newer OMERO
    "omero.version": VERSION,
}
READABLE = re.compile(
    r"omero\.(client|mail\.config|pixeldata|router|security\.password_required|search|upgrades|version)"
)


@service
class ConfigService(Service):
    """Settings: the server's defaults, and above them what an administrator has set since the start."""

    interface = "omero.api.IConfig"

    def _all(self) -> dict[str, str]:
        router = f"OMERO.Glacier2/router:tcp -p {self.state.settings.tcp_port} -h @omero.host@"
        return {**DEFAULTS, "omero.router.insecure": router, **self.state.config}

    def getVersion(self, call: Call) -> str:
        """The server's version that the sandbox stands for."""
        return VERSION

    def getDatabaseUuid(self, call: Call) -> str:
        """The value that the database was made with."""
        with self.state.database.read() as cursor:
            cursor.execute("SELECT value FROM configuration WHERE name = 'omero.db.uuid'")
            return cursor.fetchone()[0]

    def getServerTime(self, call: Call) -> Any:
        """Now, in ms."""
        return omero.rtypes.rtime(_now())

    def getDatabaseTime(self, call: Call) -> Any:
        """Now, in ms: the database is on the same machine."""
        return omero.rtypes.rtime(_now())

    def getConfigValue(self, call: Call, key: str) -> str:
        """One setting; "" when it is unknown.

        Raises omero.SecurityViolation for what only an administrator may read.
        """
        if not call.caller.is_admin and not READABLE.match(key):
            raise omero.SecurityViolation(message=f"Cannot read configuration: {key}")
        return self._all().get(key, "")

    def getConfigValues(self, call: Call, regex: str) -> dict[str, str]:
        """Every setting whose name the expression matches from its begin; what may not be read is left out."""
        found = {key: value for key, value in self._all().items() if re.match(regex, key)}
        return found if call.caller.is_admin else {key: v for key, v in found.items() if READABLE.match(key)}

    def getConfigDefaults(self, call: Call) -> dict[str, str]:
        """The defaults, for administrators."""
        _admin_only(call)
        return dict(DEFAULTS)

    def getClientConfigDefaults(self, call: Call) -> dict[str, str]:
        """The defaults for clients."""
        return {key: value for key, value in DEFAULTS.items() if key.startswith("omero.client.")}

    def getClientConfigValues(self, call: Call) -> dict[str, str]:
        """The settings for clients."""
        return {key: value for key, value in self._all().items() if key.startswith("omero.client.")}

    def setConfigValue(self, call: Call, key: str, value: str) -> None:
        """Change a setting until the server stops; "" takes the change back."""
        _admin_only(call)
        if value:
            self.state.config[key] = value
        else:
            self.state.config.pop(key, None)

    def setConfigValueIfEquals(self, call: Call, key: str, value: str, test: str) -> bool:
        """Change a setting if it still has the value that the caller knows."""
        _admin_only(call)
        if self._all().get(key, "") != test:
            return False
        self.setConfigValue(call, key, value)
        return True


def _admin_only(call: Call) -> None:
    if not call.caller.is_admin:
        raise omero.SecurityViolation(message="Only administrators may do this")


def _now() -> int:
    return int(time.time() * 1000)
