"""The life of a sandbox: PostgreSQL, the server process and OMERO.web, started and stopped together on a directory.

DIR/
  sandbox.json        how to reach it; written before the server starts, which reads it
  server.pid          the server process
  server.ready        written by the server when it serves
  server.log  postgres.log
  postgres/           the database
  web/                OMERO.web's files, once it was asked for
  ManagedRepository/  and what else the server keeps
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType

from omero_sandbox import processes
from omero_sandbox.database import postgres, template
from omero_sandbox.web import process as web_process

SERVER = "omero_sandbox.server"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
USUAL_PORTS = (4064, 4063)

# Outlives its parent by as long as it takes to stop the sandbox; the parent's death ends the wait.
WATCH = 'read -r _; "$1" -m omero_sandbox.cli stop --data "$2"; if [ -n "$3" ]; then rm -rf -- "$3"; fi'


class SandboxError(Exception):
    """The sandbox could not be started or stopped; the message says in one line what, and what to do."""


@dataclass(frozen=True)
class Access:
    """How clients reach a running sandbox: OMERO over ssl and tcp, the database, the files; `web`: OMERO.web's URL."""

    host: str
    ssl_port: int
    tcp_port: int
    dsn: str
    dsn_port: int
    managed_repository: Path
    root_password: str
    reader_v3: bool
    data_dir: Path
    s3: Mapping[str, str] = field(default_factory=dict)
    latency_ms: float = 0.0
    web: str | None = None


def default_data() -> Path:
    """$XDG_STATE_HOME/omero-roz/sandbox, or the same under ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "omero-roz", "sandbox")


def status(data: Path) -> Access | None:
    """How to reach the sandbox that runs on `data`; None if none does, or only a part of it."""
    data = data.resolve()
    serving = (data / "server.ready").exists() and _server(data) is not None
    access = _read(data) if serving and postgres.running(data / "postgres") is not None else None
    return replace(access, web=web_process.address(data)) if access else None


def start(
    data: Path,
    port: int | None = None,
    reader_v3: bool = False,
    root_password: str = "omero",
    s3: Mapping[str, str] | None = None,
    web: bool = False,
    latency_ms: float = 0.0,
) -> Access:
    """Start a sandbox on `data` that lives on after this process, and wait until it serves.

    A new directory gets an empty OMERO whose root has `root_password`. `port` is the ssl port; without it
    the directory's own ports are taken again, else OMERO's usual ones, else any free ones. `s3`: see Settings;
    credentials are those of this process's AWS environment. `web`: start OMERO.web as well, beside one that
    runs too. `latency_ms`: what each remote call waits before it is answered. What is left of a killed sandbox
    is cleared first; one that runs already is taken as it is. Raises SandboxError when that one has other
    settings, or when it cannot start, WebError when OMERO.web cannot; no process is left behind then."""
    data = data.resolve()
    with _locked(data):
        running = status(data)
        if running is not None:
            wanted = (port or running.ssl_port, reader_v3, dict(s3 or {}), latency_ms)
            if wanted != (running.ssl_port, running.reader_v3, dict(running.s3), running.latency_ms):
                raise SandboxError(f"a sandbox with other settings runs on {data}: stop it first")
            return _with_web(running) if web else running
        _stop(data)
        try:
            access = _start(data, port, reader_v3, root_password, s3 or {}, latency_ms)
            return _with_web(access) if web else access
        except BaseException:
            _stop(data)
            raise


def _with_web(access: Access) -> Access:
    return access if access.web else replace(access, web=web_process.start(access.data_dir, access.ssl_port))


def stop(data: Path) -> bool:
    """Stop what runs on `data`; False if nothing did. The data stay."""
    data = data.resolve()
    if not data.exists():
        return False
    with _locked(data):
        return _stop(data)


class OmeroSandbox:
    """A sandbox for the time of a `with` block, on `data` or on a temporary directory that goes with it.

    with OmeroSandbox() as s: client = omero.client(s.host, s.ssl_port)

    It goes away even when this process is killed."""

    def __init__(
        self,
        data: Path | None = None,
        reader_v3: bool = False,
        s3: Mapping[str, str] | None = None,
        web: bool = False,
        latency_ms: float = 0.0,
    ) -> None:
        self._data = data
        self._reader_v3 = reader_v3
        self._s3 = s3
        self._web = web
        self._latency_ms = latency_ms
        self._watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Access:
        if self._data and status(self._data) is not None:
            raise SandboxError(f"a sandbox runs on {self._data} already: use it, or stop it first")
        temporary = None if self._data else tempfile.mkdtemp(prefix="omero-sandbox-")
        data = Path(self._data or temporary or "")
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "omero-sandbox-watch", sys.executable, str(data), temporary or ""],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            port = postgres.free_port() if temporary else None
            return start(data, port, self._reader_v3, s3=self._s3, web=self._web, latency_ms=self._latency_ms)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.communicate(b"\n")
            self._watcher = None


def _start(
    data: Path, port: int | None, reader_v3: bool, root_password: str, s3: Mapping[str, str], latency_ms: float
) -> Access:
    known = _read(data)
    (data / "ManagedRepository").mkdir(exist_ok=True)
    ssl, tcp = _ports(port, known)
    database = known.dsn_port if known and postgres.is_free(known.dsn_port) else postgres.free_port()
    access = Access(
        host=postgres.LOOPBACK, ssl_port=ssl, tcp_port=tcp, dsn_port=database, dsn=postgres.dsn(database),
        managed_repository=data / "ManagedRepository",
        root_password=known.root_password if known else root_password,
        reader_v3=reader_v3, data_dir=data, s3=dict(s3), latency_ms=latency_ms,
    )  # fmt: skip
    _write(access)
    # The server takes its time to import OMERO's classes, and then waits for the database.
    server = processes.launch([sys.executable, "-m", SERVER, "--data", str(data)], data / "server.log")
    (data / "server.pid").write_text(str(server))
    if not (data / "postgres").exists():
        template.install(data / "postgres")
    postgres.start(data / "postgres", database, data / "postgres.log")
    _await_server(data, server)
    return access


def _await_server(data: Path, pid: int) -> None:
    """Wait until the server process says that it serves; SandboxError has the end of its log as a note."""
    log = data / "server.log"
    deadline = time.monotonic() + START_SECONDS
    while not (data / "server.ready").exists():
        if not processes.alive(pid):
            lines = log.read_text(errors="replace").splitlines() or ["it said nothing"]
            error = SandboxError(f"the server ended while starting: {lines[-1]} (see {log})")
            error.add_note("\n".join(lines[-30:]))
            raise error
        if time.monotonic() > deadline:
            raise SandboxError(f"the server did not start in {START_SECONDS:.0f} s: see {log}")
        time.sleep(0.01)


def _stop(data: Path) -> bool:
    web = web_process.stop(data)
    server = _server(data)
    if server is not None:
        os.kill(server, signal.SIGTERM)
        if not processes.wait(server, STOP_SECONDS):
            os.kill(server, signal.SIGKILL)
            processes.wait(server, STOP_SECONDS)
    for mark in ("server.pid", "server.ready"):
        (data / mark).unlink(missing_ok=True)
    return postgres.stop(data / "postgres") or server is not None or web


def _server(data: Path) -> int | None:
    """The process id of the server that was started on `data`, if it lives."""
    try:
        pid = int((data / "server.pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if processes.runs(pid, SERVER, str(data)) else None


def _read(data: Path) -> Access | None:
    try:
        values = json.loads((data / "sandbox.json").read_text())
    except FileNotFoundError:
        return None
    return Access(**{**values, "data_dir": data, "managed_repository": data / "ManagedRepository"})


def _write(access: Access) -> None:
    """Write sandbox.json in one step, for its owner only: it holds root's password."""
    new = access.data_dir / "sandbox.json.new"
    new.touch(mode=0o600)
    new.write_text(json.dumps(asdict(access), default=str, indent=2) + "\n")
    new.rename(access.data_dir / "sandbox.json")


def _ports(port: int | None, known: Access | None) -> tuple[int, int]:
    """The ssl and tcp ports: the one asked for, the directory's own, the usual ones, or any that are free."""
    if port is not None:
        if not postgres.is_free(port):
            raise SandboxError(f"port {port} is taken by another process: choose another --port, or leave it out")
        if known is not None and known.ssl_port == port and postgres.is_free(known.tcp_port):
            return port, known.tcp_port
        return port, postgres.free_port()
    for ports in ((known.ssl_port, known.tcp_port) if known else USUAL_PORTS, USUAL_PORTS):
        if all(map(postgres.is_free, ports)):
            return ports
    return postgres.free_port(), postgres.free_port()


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Let one process at a time start or stop the sandbox of a directory, which is made if need be."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (data / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SandboxError(f"cannot use {data} for the sandbox: {error.strerror or error}") from error
