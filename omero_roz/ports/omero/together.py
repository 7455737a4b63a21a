"""Asking several things at once: what does not wait for one another costs the way to the server once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import RLock
from typing import Any, TypeVar

T = TypeVar("T")


def at_once(*questions: Callable[[], T]) -> list[T]:
    """The answers, in the order of the questions, each asked on a thread of its own.

    Raises the error of the first that has one, when all have ended.
    """
    if not questions:
        return []
    with ThreadPoolExecutor(len(questions)) as pool:
        asked = [pool.submit(question) for question in questions]
    return [one.result() for one in asked]


def begun(*questions: Callable[[], object]) -> None:
    """Begin to ask for what is kept `once`: nobody waits here, and who needs an answer has it, waits or asks again."""
    pool = ThreadPoolExecutor(len(questions))
    for question in questions:
        pool.submit(question)
    pool.shutdown(wait=False)


class once(cached_property):
    """A property that is asked for once, by how many threads ever (since Python 3.12 a cached_property is not)."""

    def __init__(self, ask: Callable[[Any], Any]) -> None:
        super().__init__(ask)
        self._asking = RLock()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """What was answered."""
        if instance is None:
            return self
        with self._asking:
            return super().__get__(instance, owner)
