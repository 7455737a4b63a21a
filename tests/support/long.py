"""Tests that `make test` leaves to `make test-all` because of the time they take: those in tests/long_tests.txt.

`tools/long_tests.py` makes the list from a measured run, and keeps the fastest case of each test in `make test` where
it can.
"""

from pathlib import Path

import pytest

LIST = Path(__file__).parents[1] / "long_tests.txt"


class Long:
    """Marks them."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """By their ids, which begin at tests/."""
        listed = {line for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#")}
        for item in items:
            if item.nodeid.removeprefix("tests/") in listed:
                item.add_marker(pytest.mark.long)
