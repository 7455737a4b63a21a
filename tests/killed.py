"""`omero …` in a process that kills itself (SIGKILL) at a moment of a replacement: MOMENT HOST PORT SESSION ARGS…"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import omero.clients

from demo.omero_client import command_line
from omero_roz.ports.database import Transaction
from omero_roz.replace import steps, swap


def kill(*_: Any, **__: Any) -> Any:
    """End as `kill -9` ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_after(part: str) -> None:
    """Die after the first statement that has `part` in it."""
    run: Callable = Transaction.rows

    def rows(self: Transaction, statement: str, **values: object) -> Any:
        result = run(self, statement, **values)
        return kill() if part in statement else result

    Transaction.rows = rows  # type: ignore[method-assign]


def main() -> None:
    """Log in to a session that is there, arm the moment, run the command."""
    moment, host, port, session, *args = sys.argv[1:]
    client = omero.client(host, int(port))
    client.joinSession(session)
    client.getSession().detachOnDestroy()
    if moment == "files written":
        steps.apply = swap.apply = kill
    elif moment == "committed":
        steps.prove = kill
    else:
        kill_after({"event": "INSERT INTO event ", "images updated": "UPDATE image"}[moment])
    command_line(client).invoke(args, strict=True)


if __name__ == "__main__":
    main()
