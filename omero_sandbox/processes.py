"""Processes that are known by their number and their command line, whoever started them."""

import subprocess
import time
from pathlib import Path

import psutil

# The shell ends at once, so that its job has no parent that must reap it.
DETACH = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'


def launch(command: list[str], log: Path, environment: dict[str, str] | None = None) -> int:
    """Start a process that outlives this one, its output added to `log`; returns its number."""
    shell = ["/bin/sh", "-c", DETACH, "launch", str(log), *command]
    done = subprocess.run(shell, check=True, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment)
    return int(done.stdout)


def alive(pid: int) -> bool:
    """Whether process `pid` runs; one that only waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def runs(pid: int, *words: str) -> bool:
    """Whether process `pid` is alive and has each of `words` in its command line (numbers are used again)."""
    try:
        arguments = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return bool(arguments) and all(any(word in argument for argument in arguments) for word in words)


def wait(pid: int, seconds: float) -> bool:
    """Wait until process `pid` has ended; False when it still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
