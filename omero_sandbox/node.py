"""The row of table `node`: its uuid, new for each start, is the key to originalfile.repo while it is up."""

import uuid

from omero_sandbox.context import Settings
from omero_sandbox.database import Database
from omero_sandbox.users import ROOT, has_password, server_caller, set_password


def up(database: Database, settings: Settings) -> tuple[int, str]:
    """Set earlier starts and their sessions down, add this one, give root the first password; return id and uuid."""
    node_uuid = str(uuid.uuid4())
    with database.write(server_caller(), "Internal") as tx:
        tx.cursor.execute("UPDATE node SET down = now() WHERE down IS NULL")
        tx.cursor.execute("UPDATE session SET closed = now() WHERE closed IS NULL")
        (node_id,) = tx.next_ids("node", 1)
        tx.cursor.execute(
            "INSERT INTO node (id, permissions, conn, up, uuid, version) VALUES (%s, -52, %s, now(), %s, 0)",
            (node_id, f"Blitz-0 -t:tcp -h 127.0.0.1 -p {settings.tcp_port}", node_uuid),
        )
        if not has_password(tx.cursor, ROOT):
            set_password(tx.cursor, ROOT, settings.root_password)
    return node_id, node_uuid


def down(database: Database, node_id: int) -> None:
    """Say in the database that this start has ended, with its sessions."""
    with database.write(server_caller(), "Internal") as tx:
        tx.cursor.execute("UPDATE node SET down = now() WHERE id = %s", (node_id,))
        tx.cursor.execute("UPDATE session SET closed = now() WHERE closed IS NULL AND node = %s", (node_id,))
