"""What a run left out because it is slow, told at its end, so that a green run does not look like a whole one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest


class LeftOut:
    """Counts the slow tests that were not chosen, by their files; each of xdist's workers counts all of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self._slow = config, Counter[str]()

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count."""
        slow = (item for item in items if item.get_closest_marker("slow"))
        self._slow.update(item.path.stem.removeprefix("test_") for item in slow)

    def pytest_sessionfinish(self) -> None:
        """Let the process that started this worker know."""
        output = getattr(self._config, "workeroutput", {})
        output["left out"] = dict(self._slow)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear from a worker."""
        self._slow |= Counter(getattr(node, "workeroutput", {}).get("left out", {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell."""
        if self._slow:
            files = ", ".join(f"{name} {count}" for name, count in self._slow.most_common())
            terminalreporter.section("left out")
            terminalreporter.line(f"{self._slow.total()} slow tests, which make test-all runs: {files}")
