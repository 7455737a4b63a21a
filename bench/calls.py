"""Counting remote calls, and how many of them wait for one another."""

import threading
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from omero_roz.ports.omero.trace import Call, listening

LOGGED_IN, LOGGING_OUT = "keepAlive", "destroySession"  # the last call of the log-in, the first of its end


class Heard(list[Call]):
    """The calls, in the order of their ends, with the names of the threads that asked."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []


@contextmanager
def counted(latency: float = 0.0) -> Iterator[Heard]:
    """The calls of this process; each takes `latency` seconds longer.

    As if the server were so far away: who called waits, other threads do not.
    """
    heard, lock = Heard(), threading.Lock()

    def hear(call: Call) -> None:
        time.sleep(latency)
        with lock:
            heard.append(replace(call, ended=call.ended + latency))
            heard.threads.append(threading.current_thread().name)

    with listening(hear):
        yield heard


def in_a_row(heard: Heard) -> int:
    """How many calls waited for the end of another, from log-in to log-out: the most that do not run side by side.

    Of threads that work together (a pool's) it is the one that asks most often, however they were woken.
    """
    main, pools = list[tuple[float, float, int]](), defaultdict[str, list[tuple[str, Call]]](list)
    operations = [call.operation for call in heard]
    first = operations.index(LOGGED_IN) + 1 if LOGGED_IN in operations else 0
    for call, thread in zip(heard[first:], heard.threads[first:], strict=True):
        if call.operation == LOGGING_OUT:
            break
        pool, _, number = thread.rpartition("_")
        if pool.startswith("ThreadPoolExecutor"):
            pools[pool].append((number, call))
        else:
            main.append((call.began, call.ended, 1))
    for calls in pools.values():
        most = max(Counter(number for number, _ in calls).values())
        main.append((min(call.began for _, call in calls), max(call.ended for _, call in calls), most))
    return _longest(main)


def _longest(spans: Sequence[tuple[float, float, int]]) -> int:
    """The greatest weight of spans (begin, end, weight) of which no two overlap."""
    ends, best = [float("-inf")], [0]
    for began, ended, weight in sorted(spans, key=lambda span: span[1]):
        before = best[bisect_right(ends, began) - 1]
        ends.append(ended)
        best.append(max(best[-1], before + weight))
    return best[-1]


def by_operation(calls: Sequence[Call]) -> Counter[str]:
    """How often each operation was asked for."""
    return Counter(call.operation for call in calls)
