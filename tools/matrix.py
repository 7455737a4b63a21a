"""tests/support/matrix.csv and docs/matrix.md: what is tried, cell by cell.

    python -m tools.matrix
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.support.matrix import OPERATIONS, Row, rows

HERE = Path(__file__).parents[1]
CSV, DOCUMENT = HERE / "tests" / "support" / "matrix.csv", HERE / "docs" / "matrix.md"
COLUMNS = ("kind", "version", "reader", "binding", "store", "object")
HEAD = """# What is tried

Made by `python -m tools.matrix`, as is `tests/support/matrix.csv`. Each cell is a test of
`tests/integration/test_matrix.py`: **test** runs in `make test`, or in `make test-real` where it takes long,
all run in `make test-all`. An import is compared plane by plane and field by field with the original, a
replacement plane by plane, a rollback row by row. A cell that cannot be says what omero-roz says when it is
tried, which the test asserts as well.

*bioformats2raw*: with its OME-XML. *NGFF alone*: no OME-XML, and nothing else that only bioformats2raw writes.
*reader*: *released* is omero-zarr-pixel-buffer as it is today, which opens Zarr v2; *v3* opens NGFF 0.5 as well.

"""


def cell(row: Row, operation: str) -> str:
    """What a cell says: in which run it is tried, or why it cannot be."""
    return row.refused(operation) or ("test-all" if row.slow else "test")


def table() -> str:
    """The matrix as comma-separated text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, *OPERATIONS))
    for row in rows():
        writer.writerow([*(getattr(row, name) for name in COLUMNS), *(cell(row, one) for one in OPERATIONS)])
    return out.getvalue()


def document() -> str:
    """The matrix as a page of the documentation."""
    first, *others = csv.reader(io.StringIO(table()))
    lines = [first, ["---"] * len(first), *others]
    counts = [sum(cell(row, one) == run for row in rows() for one in OPERATIONS) for run in ("test", "test-all")]
    refused = sum(row.refused(one) is not None for row in rows() for one in OPERATIONS)
    told = f"{counts[0]} cells run in `make test` or `make test-real`, {counts[1]} more in `make test-all`"
    told += f", {refused} cannot be.\n\n"
    return HEAD + told + "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    CSV.write_text(table(), "utf-8")
    DOCUMENT.write_text(document(), "utf-8")
