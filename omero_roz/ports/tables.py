"""Tables as comma-separated text: read as people and spreadsheets write them, written so that none runs them."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

from omero_roz.errors import UsageError
from omero_roz.shown import as_cell, from_cell, said


def rows(file: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that are not empty: their number in the file, their cells without spaces around.

    `-` is the standard input; lines that begin with # are comments. Cells are separated by what the first line has:
    tabs, else semicolons where it has no comma, else commas. Raises UsageError where it cannot be read.
    """
    try:
        with _opened(file) as table:
            lines, first, skipped = iter(table), "\n", -1
            while first and (not first.strip(" \r\n,;") or first.startswith("#")):
                first, skipped = next(lines, ""), skipped + 1
            reader = csv.reader(chain([first], lines), delimiter=_separator(first), strict=True)
            for row in reader:  # strict: a quote that is never closed would swallow the rest
                cells = [from_cell(cell).strip() for cell in row]
                if any(cells) and not row[0].startswith("#"):  # what text_of writes begins with '#
                    yield reader.line_num + skipped, cells
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"cannot be read ({said(error)})", where, "give a table as comma-separated text") from None


def _separator(line: str) -> str:
    return "\t" if "\t" in line else ";" if ";" in line and "," not in line else ","


def _opened(file: str) -> AbstractContextManager[Iterable[str]]:
    if file == "-":
        return nullcontext(io.StringIO(sys.stdin.read().removeprefix("\ufeff"), newline=""))
    return Path(file).open(newline="", encoding="utf-8-sig")


def text_of(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """A table of lines that have a value for each column."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for line in lines:
        writer.writerow([as_cell(cell) if isinstance(cell := line[name], str) else cell for name in columns])
    return out.getvalue()
