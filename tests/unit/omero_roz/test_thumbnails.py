"""Thumbnails in portions by time."""

import pytest

from omero_roz.ports.omero.thumbnails import MOST, next_portion


@pytest.mark.parametrize(
    ("count", "seconds", "following"),
    [(4, 0.0, 16), (4, 0.001, 16), (10, 1.5, 10), (10, 3.0, 5), (100, 0.75, 200), (400, 0.1, MOST), (1, 60.0, 1)],
)
def test_a_portion_is_as_large_as_the_time_of_the_last_says(count: int, seconds: float, following: int) -> None:
    assert next_portion(count, seconds) == following
