"""What is told of long work: lines in a log, a bar on a terminal."""

import io
import re
import time

import pytest

from omero_roz.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_at_the_beginning_and_one_every_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 10.0, 40.0, 45.0, 50.0, 90.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    out = io.StringIO()
    with progress.progress(out) as report:
        report("planning", 0, 2000)
        report("planning", 100, 2000)
        report("planning, 3 refused or failed", 400, 2000)
        report("planning, 4 refused or failed", 2000, 2000)
        report("replacing, 4 refused or failed", 0, 1996)
        report("replacing, 4 refused or failed", 0, 1996)
    assert out.getvalue().splitlines() == [
        "planning (2000)",
        "planning, 3 refused or failed: 400 of 2000, 10.0/s, 0:02:40 left",
        "replacing, 4 refused or failed (1996)",
        "replacing, 4 refused or failed: 0 of 1996",
    ]


def test_a_terminal_shows_failures_counts_rate_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    out = Terminal()
    with progress.progress(out) as report:
        for done in range(0, 110, 10):
            report("replacing, 2 refused or failed", done, 200)
            time.sleep(0.01)
    last = out.getvalue()
    assert "replacing, 2 refused or failed" in last and "100/200" in last
    assert re.search(r"\d+\.\d/s", last) and re.search(r"0:\d\d:\d\d", last)
