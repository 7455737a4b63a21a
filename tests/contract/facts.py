"""The mark of a fact, and the table of all of them at the end of a run.

    @fact("real_server.md 8")
    def test_reading_past_the_end_pads_with_zeros(user):
        \"\"\"RawFileStore.read past the end gives the asked length, padded with zeros.\"\"\"

The docstring's first line is the fact. `source` says who found it; `measured` is False where no real server was asked.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

PROPERTY = "fact"
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


@dataclass(frozen=True)
class Fact:
    """What OMERO does, who says so, and whether a real server was seen to do it."""

    text: str
    source: str
    measured: bool


def fact(source: str, measured: bool = True) -> pytest.MarkDecorator:
    """Mark a test as a fact of OMERO."""
    return pytest.mark.fact(source, measured)


def stated(item: pytest.Item) -> Fact:
    """The fact that a test stands for.

    Raises pytest.UsageError for a test of the contract without the mark or without a sentence.
    """
    mark = item.get_closest_marker("fact")
    sentence = (getattr(item, "function", None).__doc__ or "").strip().partition("\n")[0]
    if mark is None or not sentence:
        raise pytest.UsageError(f"{item.nodeid}: a test of the contract has @fact(source) and its fact as a docstring")
    case = f" [{item.callspec.id}]" if hasattr(item, "callspec") else ""
    source, measured = mark.args
    return Fact(sentence + case, source, measured)


class Contract:
    """Prints the table at the end of a run; registered for all tests, as a process that only spreads them has none."""

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """All facts; beside other tests only those that are unmeasured or do not hold."""
        outcomes: dict[Fact, str] = {}
        reports = [(name, report) for name in OUTCOMES for report in terminalreporter.stats.get(name, [])]
        for outcome, report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == PROPERTY and outcomes.get(Fact(*value)) != "failed":
                    outcomes[Fact(*value)] = outcome
        if outcomes:
            real = bool(config.getoption("--omero"))
            whole = real or len(outcomes) == len(reports)
            terminalreporter.section("contract of OMERO")
            for line in table(outcomes, real, whole):
                terminalreporter.line(line)


def table(outcomes: dict[Fact, str], real: bool, whole: bool) -> Iterable[str]:
    """The lines to print: every fact, or only those that nobody measured or that do not hold."""
    rows = [
        (outcome, "now" if real and outcome in ("passed", "failed") else "real" if f.measured else "unmeasured", f)
        for f, outcome in outcomes.items()
    ]
    for outcome, where, f in rows:
        if whole or where == "unmeasured" or outcome not in ("passed", "skipped"):
            yield f"{outcome:8}{where:12}{f.text}  ({f.source})"
    held = sum(outcome == "passed" for outcome, _, _ in rows)
    open_ = sum(where == "unmeasured" for _, where, _ in rows)
    yield f"{held} of {len(rows)} facts hold {'on this server' if real else 'on the sandbox'}, {open_} unmeasured"


@contextmanager
def refused(kind: type[Exception], message: str) -> Iterator[None]:
    """What the server is asked here it refuses, by an exception of a kind whose message has these words."""
    with pytest.raises(kind) as caught:
        yield
    said = next(text for name in ("message", "unknown", "reason") if (text := getattr(caught.value, name, None)))
    assert message in said
