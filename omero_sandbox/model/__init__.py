"""Objects of omero.model <-> rows of the database."""

from omero_sandbox.model.load import load
from omero_sandbox.model.save import save

__all__ = ["load", "save"]
