"""docs/traps.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_each_trap_has_its_test() -> None:
    rows = [row for row in (ROOT / "docs" / "traps.md").read_text().splitlines() if row.startswith("| ")][1:]
    missing = []
    for row in rows:
        file, test = re.fullmatch(r".*\| `(\w+\.py)::(test_\w+)` \|", row).groups()
        found = [path for path in (ROOT / "tests").rglob(file) if f"def {test}(" in path.read_text()]
        missing += [] if found else [f"{file}::{test}"]
    assert len(rows) > 30 and missing == []
