"""Cases of which the most telling run in make test, and all in make test-all."""

from collections.abc import Sequence
from typing import Any

import pytest


def mostly_slow(cases: Sequence[Any], telling: Sequence[Any]) -> list[Any]:
    """The cases, all slow but those that tell most."""
    slow = pytest.mark.slow
    values = [one if isinstance(one, tuple) else (one,) for one in cases]
    return [pytest.param(*v, marks=() if one in telling else slow) for one, v in zip(cases, values, strict=True)]
