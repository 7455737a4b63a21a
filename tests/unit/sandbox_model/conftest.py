"""The tests' database."""

from tests.unit.sandbox_model.world import world

__all__ = ["world"]
