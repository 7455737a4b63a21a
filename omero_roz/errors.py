"""One error tree, grouped by what the handler does; a message is one line: where, what, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from omero_roz.shown import one_line

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a path or URI), what it is, how to mend it; a warning stops nothing."""

    where: str
    what: str
    fix: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return one_line(f"{text}; {self.fix}" if self.fix else text)


@dataclass(frozen=True, slots=True)
class Contradiction(Problem):
    """A series that is otherwise than its metadata say: which image (its name), in what, both values."""

    image: str = ""
    aspect: str = ""
    stated: str = ""
    found: str = ""


class RozError(Exception):
    """Anything that ends a verb; `problems` has every reason, `str()` is one line."""

    exit_code = 1

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(where, what, fix),)
        super().__init__(str(self.problems[0]))

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Self:
        """An error that carries several problems (at least one), all to be shown."""
        all_problems = tuple(problems)
        first = all_problems[0]
        error = cls(first.what, first.where, first.fix)
        error.problems = all_problems
        if len(all_problems) > 1:
            error.args = (f"{first} (and {len(all_problems) - 1} more)",)
        return error


class UsageError(RozError):
    """The call itself is wrong: show it with the usage, exit 2."""

    exit_code = 2


class Refused(RozError):
    """The call is right, but the job would do harm or cannot be done: show every problem, exit 1."""


class LayoutError(Refused):
    """What is at the URI is not a layout that can be used."""


class Unreachable(Refused):
    """Something outside does not answer or does not let us in: a store, a server, a database."""


class Moved(Unreachable):
    """A bucket that is somewhere else, as the server that was asked says."""
