"""What a run left out for the time it takes, told at its end, so that a green run does not look like a whole one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest


class LeftOut:
    """Counts the long and slow tests that were not chosen, by their files; each of xdist's workers counts all."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._left = config, Counter[str]()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count."""
        left = (item for item in items if any(map(item.get_closest_marker, ("slow", "long"))))
        self._left.update(item.path.stem.removeprefix("test_") for item in left)

    def pytest_sessionfinish(self) -> None:
        """Let the process that started this worker know."""
        output = getattr(self._config, "workeroutput", {})
        output["left out"] = dict(self._left)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear from a worker."""
        self._left |= Counter(getattr(node, "workeroutput", {}).get("left out", {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell."""
        if self._left:
            files = ", ".join(f"{name} {count}" for name, count in self._left.most_common())
            terminalreporter.section("left out")
            terminalreporter.line(f"{self._left.total()} tests that take long, which make test-all runs: {files}")
