"""Tables as comma-separated text: read as people and spreadsheets write them, written so that none runs them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omero_roz.errors import UsageError
from omero_roz.shown import as_cell, from_cell, said


def rows(file: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table that are not empty: their number in the file, their cells without spaces around.

    Raises UsageError where it cannot be read.
    """
    try:
        with Path(file).open(newline="", encoding="utf-8-sig") as table:
            reader = csv.reader(table, strict=True)  # a quote that is never closed would swallow the rest
            for row in reader:
                cells = [from_cell(cell).strip() for cell in row]
                if any(cells):
                    yield reader.line_num, cells
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"cannot be read ({said(error)})", where, "give a table as comma-separated text") from None


def text_of(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """A table of lines that have a value for each column."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for line in lines:
        writer.writerow([as_cell(cell) if isinstance(cell := line[name], str) else cell for name in columns])
    return out.getvalue()
