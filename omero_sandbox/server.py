"""The server process: `python -m omero_sandbox.server --data DIR`.

Reads DIR/sandbox.json, serves ssl and tcp on the loopback, writes DIR/server.ready when it does, stops on SIGTERM.
"""

import argparse
import importlib
import json
import logging
import os
import pkgutil
import signal
import threading
from pathlib import Path

import Ice
import omero.clients

import omero
from omero import ObjectFactoryRegistrar
from omero_sandbox import certificate, node, router, services
from omero_sandbox.context import Settings
from omero_sandbox.database import Database
from omero_sandbox.repository.roots import open_repositories
from omero_sandbox.scripts.processors import Processors
from omero_sandbox.services.base import servant
from omero_sandbox.sessions import Sessions
from omero_sandbox.state import State

log = logging.getLogger("omero_sandbox")
REAP_SECONDS = 1.0
COMMANDS = (
    "omero_sandbox.requests",
    *(f"omero_sandbox.graphs.{name}" for name in ("delete", "chgrp", "chown", "skip_head", "targets", "usage")),
)


def serve(data_dir: Path) -> None:
    """Serve one data directory until SIGTERM or SIGINT."""
    config = json.loads((data_dir / "sandbox.json").read_text())
    known = {field: config[field] for field in Settings.__dataclass_fields__ if field in config}
    settings = Settings(**{**known, "data_dir": data_dir})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    communicator = _communicator(settings, config.get("host", "127.0.0.1"))
    database = Database(config["dsn"])
    try:
        state = start(settings, database, communicator)
        _ready(data_dir)
        log.info("serving ssl %s, tcp %s", settings.ssl_port, settings.tcp_port)
        while not stop.wait(REAP_SECONDS):
            state.sessions.sync()
        state.processors.stop()
        state.workers.shutdown(cancel_futures=True)
        node.down(database, state.node_id)
    finally:
        (data_dir / "server.ready").unlink(missing_ok=True)
        communicator.destroy()
        database.close()


def start(settings: Settings, database: Database, communicator: Ice.Communicator) -> State:
    """Make the state and activate the adapter; the schema must be in the database already."""
    names = [f"{services.__name__}.{module.name}" for module in pkgutil.iter_modules(services.__path__)]
    for name in (*names, *COMMANDS):
        importlib.import_module(name)
    node_id, node_uuid = node.up(database, settings)
    adapter = communicator.createObjectAdapter("Sandbox")
    managed, *others = open_repositories(database, settings)
    state = State(settings, database, adapter, node_id, node_uuid, managed, tuple(others))
    state.sessions = Sessions(state)
    state.processors = Processors(state)
    adapter.add(servant(router.Router(state), settings.latency_ms), router.IDENTITY)
    adapter.activate()
    return state


def _communicator(settings: Settings, host: str) -> Ice.Communicator:
    key_store = settings.data_dir / "certs" / "server.p12"
    certificate.ensure(key_store)
    data = Ice.InitializationData()
    data.properties = Ice.createProperties()
    for name, value in {
        "Ice.Plugin.IceSSL": "IceSSL:createIceSSL",
        "IceSSL.DefaultDir": str(key_store.parent),
        "IceSSL.CertFile": key_store.name,
        "IceSSL.Password": certificate.PASSWORD,
        "IceSSL.VerifyPeer": "0",
        "Ice.MessageSizeMax": "250000",
        "Ice.ThreadPool.Server.Size": "5",
        "Ice.ThreadPool.Server.SizeMax": "50",
        "Ice.ThreadPool.Client.SizeMax": "10",
        "Ice.ACM.Server.Timeout": "0",
        "Sandbox.Endpoints": f"ssl -h {host} -p {settings.ssl_port}:tcp -h {host} -p {settings.tcp_port}",
    }.items():
        data.properties.setProperty(name, value)
    communicator = Ice.initialize(data)
    ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
    for factory in omero.rtypes.ObjectFactories.values():
        factory.register(communicator)
    return communicator


def _ready(data_dir: Path) -> None:
    """Say that clients may come; written in one step, so that nobody reads half a pid."""
    made = data_dir / "server.ready.new"
    made.write_text(f"{os.getpid()}\n")
    made.rename(data_dir / "server.ready")


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m omero_sandbox.server")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data directory with sandbox.json")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    serve(parser.parse_args().data.resolve())


if __name__ == "__main__":
    main()
