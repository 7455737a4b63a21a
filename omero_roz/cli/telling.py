"""What several verbs print and ask."""

import logging
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.errors import UsageError
from omero_roz.shown import as_json, clean, one_line, said

if TYPE_CHECKING:
    from omero_roz.errors import Problem, RozError

MOST_WARNINGS = 20


class Screen:
    """What the user sees of a verb; whatever names there are in it, nothing but text reaches the terminal."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx

    def out(self, line: str) -> None:
        """A line of the result."""
        self._ctx.out(one_line(line))

    def err(self, line: str) -> None:
        """A line of what is said about it."""
        self._ctx.err(one_line(line))

    def json(self, value: Any) -> None:
        """The result as JSON."""
        self._ctx.out(as_json(clean(value)))

    def input(self, question: str) -> str:
        """What the user answers."""
        return self._ctx.input(one_line(question))

    def die(self, code: int, line: str) -> None:
        """The last line, and the end."""
        self._ctx.die(code, one_line(line))


class _Plain(logging.Formatter):
    """What libraries log, on one line, and nothing of where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return one_line(record.getMessage()) + (f" ({said(error)})" if error else "")


def quiet_logs() -> None:
    """Let no library write secrets to the terminal past all of this: nobody else configures logging in a command."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Plain())


def place_of(error: BaseException) -> str:
    """Where in this program an error came from, for a bug report."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "omero_roz" in frame.filename] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "nowhere"


def own_version() -> str:
    """The version of omero-roz that is installed."""
    from importlib.metadata import version

    return version("omero-roz")


def failed(uri: str | None, error: "RozError") -> dict:
    """What JSON says of a Zarr that could not be imported or annotated."""
    shown = None if isinstance(error, UsageError) else uri  # that of a wrong call may have secrets
    return {"uri": shown, "state": "failed", "problems": [asdict(problem) for problem in error.problems]}


def warn(ctx: Any, problems: "Sequence[Problem]") -> None:
    """Print warnings, of very many the first."""
    for problem in problems[:MOST_WARNINGS]:
        ctx.err(f"warning: {problem}")
    if len(problems) > MOST_WARNINGS:
        ctx.err(f"and {len(problems) - MOST_WARNINGS} more warnings (all of them: omero roz inspect)")


def confirmed(ctx: Any, args: Namespace, where: str, question: str) -> bool:
    """Whether the user says yes, with --yes or to the question; UsageError where nobody is there to be asked."""
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked", where, "say --yes, or --dry-run to look only")
    return asked(ctx, question)


def asked(ctx: Any, question: str) -> bool:
    """Whether the user says yes to a question."""
    return ctx.input(f"{question}? [y/N] ").strip().lower() in ("y", "yes")
