"""The real OMERO 5.4 schema on a real PostgreSQL."""

from .create import create
from .pool import Database, Transaction

__all__ = ["Database", "Transaction", "create"]
