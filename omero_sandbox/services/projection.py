"""IProjection: several planes as one."""

from typing import Any

import omero
from omero_sandbox import drawing
from omero_sandbox.pixels import open_buffer
from omero_sandbox.pixels.buffer import DTYPES, big_endian
from omero_sandbox.services.base import Call, Service, service


@service
class ProjectionService(Service):
    """Numbers of projections; new images of them are not made here."""

    interface = "omero.api.IProjection"

    def projectStack(
        self,
        call: Call,
        pixels_id: int,
        kind: Any,
        algorithm: Any,
        t: int,
        c: int,
        stepping: int,
        start: int,
        end: int,
    ) -> bytes:
        """The planes from z `start` to `end` (with it), every stepping-th, as one: big-endian, of the pixels' type.

        Raises omero.ApiUsageException outside the image, and for another type than the pixels' own.
        """
        buffer = open_buffer(self.state, pixels_id, call.caller)
        buffer.check_bounds(t=t, c=c)
        planes = drawing.projected_planes(buffer, stepping, start, end)
        if kind is not None and DTYPES[kind.value.val].newbyteorder("=") != buffer.sizes.dtype.newbyteorder("="):
            raise omero.ApiUsageException(message=f"Projections are of the pixels' own type, not {kind.value.val}")
        return big_endian(drawing.projected(buffer, str(algorithm), c, t, planes))
