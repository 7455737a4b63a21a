"""IScript: the sandbox has no scripts and runs none."""

from typing import Any

from omero_sandbox.services.base import Call, Service, service


@service
class ScriptService(Service):
    """The list of scripts, which is empty."""

    interface = "omero.api.IScript"

    def getScripts(self, call: Call) -> list[Any]:
        """The server's own scripts: none."""
        return []

    def getUserScripts(self, call: Call, accepts: list[Any]) -> list[Any]:
        """The users' scripts: none."""
        return []
