"""kill -9 at random moments of a command that runs in a process of its own (tests/support/killed.py)."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator

import omero.clients

LONG = 600.0


def ran(client: omero.clients.BaseClient, seconds: float, *arguments: str) -> float | None:
    """Run `omero ARGUMENTS` in the client's session, killed after so many seconds; None where it was.

    Otherwise how long it took, the start of the process left out. It may end well, or refuse.
    """
    where = [client.getProperty("omero.host"), client.getProperty("omero.port"), client.getSessionId()]
    command = [sys.executable, "-m", "tests.support.killed", "KILL", f"after {seconds}", *where, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return None if done.returncode else float(done.stderr.rpartition("took ")[2].split()[0])


def moments(took: float, count: int) -> Iterator[float]:
    """Moments of a command that takes so long, one in each part of it; drawn anew in each run and told if it fails."""
    for part in range(count):
        moment = took * (part + random.random()) / count
        print(f"killed after {moment:.3f} of {took:.3f} s")
        yield moment
