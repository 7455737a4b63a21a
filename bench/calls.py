"""Counting remote calls, and how many of them wait for one another."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from omero_roz.ports.omero.trace import Call, listening

LOGGING_IN = {"createSession", "keepAlive", "destroySession", "setCallback", "getCategoryForClient", "closeOnDestroy"}


@contextmanager
def counted(latency: float = 0.0) -> Iterator[list[Call]]:
    """The calls of this process, in the order of their ends; each takes `latency` seconds longer.

    As if the server were so far away: who called waits, other threads do not.
    """
    heard: list[Call] = []

    def hear(call: Call) -> None:
        heard.append(call)
        if latency:
            time.sleep(latency)

    with listening(hear):
        yield heard


def in_a_row(calls: Sequence[Call]) -> int:
    """How many calls at least waited for the end of another: the most of which no two overlap."""
    count, ended = 0, 0.0
    for call in sorted((call for call in calls if call.operation not in LOGGING_IN), key=lambda call: call.ended):
        if call.began >= ended:
            count, ended = count + 1, call.ended
    return count


def by_operation(calls: Sequence[Call]) -> Counter[str]:
    """How often each operation was asked for."""
    return Counter(call.operation for call in calls)
