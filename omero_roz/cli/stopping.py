"""Ctrl-C at any moment. Python hears of it between two of its own steps only, and a call of Ice's or libpq's is none.

So the work is told as always, by a KeyboardInterrupt, and takes back what it can; and a thread, which hears of the
signal at once, ends the process where that has not happened in time. What was going on is then as after a kill.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable

PATIENCE = 1.5  # seconds that the work has: with what starting to end takes, less than two
WORKING = (
    "stopped while something had not answered yet; what it was asked for is done whole or not at all: repeat the "
    "command to go on, or see what was done with omero roz status"
)
CLOSING = "stopped while the session was being closed; the command itself had ended"
_SHOW_CURSOR = "\x1b[?25h"


class _Watch:
    """Ends the process some time after a Ctrl-C, at the second one at once; `line` is what is said then."""

    def __init__(self, pipe: int) -> None:
        self.line, self._pipe, self.pressed = WORKING, pipe, False
        self._restore = _terminal()
        threading.Thread(target=self._run, name="omero-roz-stopping", daemon=True).start()

    def _run(self) -> None:
        while os.read(self._pipe, 1)[0] != signal.SIGINT:
            pass
        self.pressed = True
        select.select([self._pipe], [], [], PATIENCE)
        if select.select([], [1], [], 0)[1]:  # else what was printed waits for a reader who may never come
            sys.stdout.flush()
        self._restore()
        if self.line:
            os.write(2, f"{self.line}\n".encode())
        os._exit(1)


_watch: _Watch | None = None


def watch() -> None:
    """Begin to watch, until the process ends; not where it is somebody else's, as OMERO's shell or a notebook."""
    global _watch
    own = "roz" in sys.argv[1:] and threading.current_thread() is threading.main_thread()
    if _watch is not None or not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    _watch = _Watch(read)


def told() -> None:
    """The verb has ended and said what there was to say."""
    if _watch is not None:
        _watch.line = "" if _watch.pressed else CLOSING


def _terminal() -> Callable[[], None]:
    """What gives a terminal back as it is now: a question for a password hides what is typed, a bar the cursor."""
    import termios

    attributes = termios.tcgetattr(0) if os.isatty(0) else None
    drawn = os.isatty(2)

    def restore() -> None:
        if attributes is not None:
            termios.tcsetattr(0, termios.TCSANOW, attributes)
        if drawn:
            os.write(2, _SHOW_CURSOR.encode())

    return restore
