"""What rich draws: tables, and the bar of long work. Imported where something is drawn, for rich takes its time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from omero_roz.shown import one_line

PLAIN_WIDTH = 200


def new_table(*columns: str) -> Table:
    """An empty table without lines."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def console_on(out: TextIO) -> Console:
    """Where to draw; a file or a pipe has no width, so that it gets one."""
    width = None if out.isatty() else PLAIN_WIDTH
    return PlainConsole(file=out, width=width, highlight=False, emoji=False, markup=False)


class PlainConsole(Console):
    """Names and paths come from strangers: each string, also in a table's cell, becomes one line of plain text.

    [/x] is a name, not the end of something (`markup`); what shall have several lines is a Text.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """What rich makes of a string before it draws or measures it."""
        return super().render_str(one_line(text), **options)


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def bar(out: TextIO, begins: Callable[[str, str], bool]) -> Iterator[Callable[[str, int, int], None]]:
    """A bar with rate and remaining time; it starts anew where something else begins."""
    what = TextColumn("{task.description}", markup=False)
    columns = (what, BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console_on(out), transient=True) as shown:
        task, begun = shown.add_task("", total=None), ""

        def report(what: str, done: int, total: int) -> None:
            nonlocal begun
            if begins(what, begun):
                shown.reset(task)  # the rate of what went before is no matter
            begun = what
            shown.update(task, description=one_line(what), completed=done, total=total)

        yield report
