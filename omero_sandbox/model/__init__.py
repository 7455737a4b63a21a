"""Objects of omero.model <-> rows of the database."""

import omero.clients  # noqa: F401 (fills omero.model, which the modules below take their classes from)

from omero_sandbox.model.load import load
from omero_sandbox.model.save import save

__all__ = ["load", "save"]
