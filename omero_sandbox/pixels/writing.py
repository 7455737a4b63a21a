"""What writing pixels means for their row: who may, and the new SHA-1."""

from typing import TYPE_CHECKING

from omero.model import PixelsI

from omero_sandbox import model
from omero_sandbox.context import Caller
from omero_sandbox.model.checks import Checks
from omero_sandbox.model.mapping import entity
from omero_sandbox.model.security import access
from omero_sandbox.pixels.buffer import PixelBuffer

if TYPE_CHECKING:
    from omero_sandbox.state import State


def _require_writable(state: "State", caller: Caller, pixels_id: int) -> None:
    with state.database.read() as cursor:
        cursor.execute("SELECT owner_id, group_id FROM pixels WHERE id = %s", (pixels_id,))
        whose = cursor.fetchone()
        Checks(cursor, access(cursor, caller), trusted=False).writable(entity("Pixels"), pixels_id, whose)


def save_digest(state: "State", caller: Caller, pixels_id: int, buffer: PixelBuffer) -> PixelsI:
    """Store the SHA-1 of all planes and return the Pixels.

    Raises omero.SecurityViolation when they are not the caller's to change.
    """
    _require_writable(state, caller, pixels_id)
    digest = buffer.message_digest().hex()
    with state.database.write(caller) as tx:
        tx.cursor.execute("UPDATE pixels SET sha1 = %s, update_id = %s WHERE id = %s", (digest, tx.event_id, pixels_id))
        tx.log("UPDATE", "ome.model.core.Pixels", [pixels_id])
        return model.load(tx.cursor, caller, "Pixels", [pixels_id])[0]
