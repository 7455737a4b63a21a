"""The tables of the documents name tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(("document", "most"), [("traps.md", 30), ("security.md", 25)])
def test_each_row_has_its_test(document: str, most: int) -> None:
    rows = (ROOT / "docs" / document).read_text().splitlines()
    named = [re.fullmatch(r"\| .*\| `(\w+\.py)::(test_\w+)` \|", row) for row in rows if "::" in row]
    assert all(named) and len(named) > most
    missing = []
    for one in named:
        found = [path for path in (ROOT / "tests").rglob(one[1]) if f"def {one[2]}(" in path.read_text()]
        missing += [] if found else [f"{one[1]}::{one[2]}"]
    assert missing == []
