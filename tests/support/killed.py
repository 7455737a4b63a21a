"""`omero …` in a process that stops itself at a moment of a command: SIGNAL MOMENT HOST PORT SESSION ARGS…

SIGNAL is KILL (as `kill -9` ends it) or INT (Ctrl-C, once). MOMENT is one of those below, or `after SECONDS`.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import omero.clients
from omero.cli import NonZeroReturnCode

from demo.omero_client import command_line
from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.ports.database import Transaction
from omero_roz.ports.omero.filesets import Filesets
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.repository.disk import RepositoryDisk
from omero_roz.replace import bulk, bulk_plan, steps

STATEMENTS = {
    "filesets locked": "FROM fileset WHERE id = ANY",
    "event": "INSERT INTO event ",
    "files registered": "INSERT INTO originalfile",
    "images updated": "UPDATE image",
    "last statement": "INSERT INTO eventlog",
}
SCRATCH = "scratch images made"
# Where else: the owner, its attribute, and whether it stops after the call rather than before.
CALLS: dict[str, tuple[tuple[Any, str, bool], ...]] = {
    "looked up": ((bulk_plan, "_look_up", True),),
    "planned": ((bulk, "swap_batch", False),),
    "first file": ((RepositoryDisk, "write", True),),
    "shadows": ((RepositoryDisk, "write_trees", True),),
    "files written": ((Means, "apply", False), (swap, "apply", False)),
    "committed": ((steps, "prove", False), (bulk, "prove_batch", False)),
    "records written": ((Filesets, "rewrite_many", True),),
}


def main() -> None:
    """Log in to a session that is there, arm the moment, run the command."""
    name, moment, host, port, session, *args = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    client = omero.client(host, int(port))
    client.joinSession(session)
    client.getSession().detachOnDestroy()
    arm(moment, stopper(getattr(signal, f"SIG{name}")))
    started = time.monotonic()
    try:
        command_line(client).invoke(args, strict=True)
        print("took", time.monotonic() - started, file=sys.stderr)
    except NonZeroReturnCode as error:
        sys.exit(error.rv)


def stopper(number: signal.Signals) -> Callable[[], None]:
    """What sends this process the signal the first time it is called."""
    done: list[bool] = []

    def stop() -> None:
        if not done:
            done.append(True)
            os.kill(os.getpid(), number)

    return stop


def arm(moment: str, stop: Callable[[], None]) -> None:
    """Have `stop` called at a moment."""
    if moment in STATEMENTS:
        wrap(Transaction, "rows", True, stop, STATEMENTS[moment])
    if moment == SCRATCH:
        wrap(OmeroSession, "saved", True, stop, "making scratch images")
    if moment.startswith("after "):
        timer = threading.Timer(float(moment.removeprefix("after ")), stop)
        timer.daemon = True
        timer.start()
    for owner, name, after in CALLS.get(moment, ()):
        wrap(owner, name, after, stop)


def wrap(owner: Any, name: str, after: bool, stop: Callable[[], None], part: str = "") -> None:
    """Call `stop` before or after a function, if one of its arguments has `part` in it."""
    call = getattr(owner, name)

    def called(*args: Any, **values: Any) -> Any:
        meant = not part or any(part in one for one in args if isinstance(one, str))
        if meant and not after:
            stop()
        result = call(*args, **values)
        if meant and after:
            stop()
        return result

    setattr(owner, name, called)


if __name__ == "__main__":
    main()
