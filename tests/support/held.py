"""`omero …` in a process from which at some moment no answer of the server's is let through: FILE WHAT MOMENT ARGS…

The moment is a function as MODULE:CLASS.NAME, of which the first call is meant: before it WHAT is written to FILE,
which a relay looks at (tests/support/relay.py).
"""

import importlib
import signal
import sys
from pathlib import Path
from typing import Any

import Ice
import omero.cli
import omero.clients  # which brings omero.api


def main() -> None:
    """Arm the moment, run the command."""
    file, what, moment, *args = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    module, _, path = moment.partition(":")
    owner, name = path.split(".")
    arm(getattr(importlib.import_module(module), owner), name, Path(file), what)
    sys.exit(omero.cli.argv(["omero", *args]))


def arm(owner: Any, name: str, file: Path, what: str) -> None:
    """Write to the file before a function is called."""
    call = getattr(owner, name)

    def called(*args: Any, **values: Any) -> Any:
        if not file.exists():
            if isinstance(args[0], Ice.ObjectPrx):
                args[0].ice_ping()  # a router that does not know a proxy is told first, and answers
            file.with_suffix(".new").write_text(what)
            file.with_suffix(".new").rename(file)
        return call(*args, **values)

    setattr(owner, name, called)


if __name__ == "__main__":
    main()
