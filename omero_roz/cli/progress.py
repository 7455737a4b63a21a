"""What people see of long work: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TextIO

from omero_roz.shown import one_line

if TYPE_CHECKING:
    from omero_roz.proving.pixels import Progress

SECONDS_A_LINE = 30


@contextmanager
def progress(out: TextIO) -> "Iterator[Progress]":
    """A bar with rate and remaining time on a terminal; elsewhere plain lines, one when something else begins and
    one every half a minute.
    """
    if not out.isatty():
        yield _Lines(out)
        return
    from omero_roz.cli.drawing import bar

    with bar(out, begins) as report:
        yield report


def begins(what: str, before: str) -> bool:
    """Whether it is something else; what is said after a comma may change meanwhile."""
    return what.partition(",")[0] != before.partition(",")[0]


class _Lines:
    """Plain lines that tell of progress."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._what = out, ""
        self._began = self._told = 0.0
        self._first = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if begins(what, self._what):
            self._began, self._first = now, done
            self._tell(now, f"{what} ({total})")
        elif now - self._told >= SECONDS_A_LINE:
            self._tell(now, f"{what}: {done} of {total}{self._pace(now, done, total)}")
        self._what = what

    def _pace(self, now: float, done: int, total: int) -> str:
        rate = (done - self._first) / (now - self._began)
        return f", {rate:.1f}/s, {timedelta(seconds=round((total - done) / rate))} left" if rate > 0 else ""

    def _tell(self, now: float, line: str) -> None:
        self._told = now
        self._out.write(f"{one_line(line)}\n")
        self._out.flush()
