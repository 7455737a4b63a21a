"""JSON of unknown origin, taken by type: what has another type counts as absent."""

from __future__ import annotations

import math
from typing import Any


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def as_int(value: Any) -> int | None:
    """A whole number of at most 63 bits, also when written as 2.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    return None


def as_float(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_ints(value: Any) -> tuple[int, ...] | None:
    """A list of positive or zero whole numbers, None if it is anything else."""
    if not isinstance(value, list):
        return None
    numbers = [as_int(item) for item in value]
    if any(number is None or number < 0 for number in numbers):
        return None
    return tuple(number for number in numbers if number is not None)
