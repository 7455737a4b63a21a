"""What every servant of one running sandbox shares."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import Ice

import omero
from omero_sandbox.context import Settings
from omero_sandbox.database import Database
from omero_sandbox.services.base import Service, StatefulService, ice_class, servant

if TYPE_CHECKING:
    from omero_sandbox.scripts.processors import Processors
    from omero_sandbox.sessions import Sessions


@dataclass(frozen=True)
class Repository:
    """One file repository: its uuid (originalfile.repo), where its files are, and the id of its root's row."""

    uuid: str
    root: Path
    root_id: int


@dataclass
class State:
    """The server's state: `serve` and `withdraw` put servants into the object adapter and take them out.

    `node_id`, `node_uuid`: the row of table `node` of this start; its uuid is the key that originalfile.repo asks for.
    """

    settings: Settings
    database: Database
    adapter: Ice.ObjectAdapter
    node_id: int
    node_uuid: str
    managed: Repository
    others: tuple[Repository, ...]
    sessions: "Sessions" = field(init=False)
    processors: "Processors" = field(init=False)
    config: dict[str, str] = field(default_factory=dict)
    workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "command"))
    _served: dict[tuple[str, str], Service] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def repository(self, uuid: str) -> Repository:
        """The repository of a file.

        Raises omero.ResourceError when it is not one of this server's.
        """
        for repository in (self.managed, *self.others):
            if repository.uuid == uuid:
                return repository
        raise omero.ResourceError(message=f"No such repository: {uuid}")

    def serve(self, service: Service, name: str, category: str) -> Any:
        """Make the servant of `service` reachable and return its typed proxy; the same identity is served once."""
        identity = Ice.Identity(name, category)
        with self._lock:
            if (category, name) not in self._served:
                self._served[category, name] = service
                self.adapter.add(servant(service, self.settings.latency_ms), identity)
        if isinstance(service, StatefulService):
            service.identity = identity
        return proxy_class(service.interface).uncheckedCast(self.adapter.createProxy(identity))

    def withdraw(self, identity: Ice.Identity) -> None:
        """Take one servant out; unknown identities are no error (it may have been closed twice)."""
        with self._lock:
            service = self._served.pop((identity.category, identity.name), None)
        if service is not None:
            self.adapter.remove(identity)
            if isinstance(service, StatefulService):
                service.released()

    def find(self, name: str, category: str) -> Service | None:
        """The service behind an identity, while it is served."""
        with self._lock:
            return self._served.get((category, name))

    def served(self, category: str, prefix: str = "") -> list[str]:
        """Names of the servants in a category (a session's uuid) that begin with `prefix` (a client's uuid)."""
        with self._lock:
            return [name for cat, name in self._served if cat == category and name.startswith(prefix)]


def proxy_class(interface: str) -> Any:
    """The generated proxy class beside a generated interface class."""
    generated = ice_class(interface)
    return getattr(sys.modules[generated.__module__], f"{generated.__name__}Prx")
