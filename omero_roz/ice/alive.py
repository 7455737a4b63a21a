"""Shows that something long lives: on a terminal a line with its seconds, elsewhere a line every half a minute."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_TERMINAL, EVERY_LOG = 1.0, 30.0


@contextmanager
def alive(what: str, how_far: Callable[[], str] = str) -> Iterator[None]:
    """While this is open, tell on stderr that `what` goes on, since when, and `how_far` it is."""
    ended, terminal, began = threading.Event(), sys.stderr.isatty(), time.monotonic()

    def tell() -> None:
        while not ended.wait(EVERY_TERMINAL if terminal else EVERY_LOG):
            line = ", ".join(part for part in (what, how_far(), _time(time.monotonic() - began)) if part)
            sys.stderr.write(f"\r\033[K{line}" if terminal else f"{line}\n")
            sys.stderr.flush()

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _time(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
