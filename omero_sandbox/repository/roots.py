"""The server's three repositories, each with a row of mimetype `Repository` that says where it is."""

import uuid
from pathlib import Path

from omero_sandbox.context import Settings
from omero_sandbox.database import Database, Transaction
from omero_sandbox.model.privileges import SCRIPTS
from omero_sandbox.repository.files import now
from omero_sandbox.state import Repository
from omero_sandbox.users import server_caller


def open_repositories(database: Database, settings: Settings) -> tuple[Repository, Repository, Repository]:
    """ManagedRepository, data and scripts; the first start makes their rows and uuids."""
    data = settings.data_dir
    with database.write(server_caller(), "Internal") as tx:
        return (
            _open(tx, settings.managed_repository, str(uuid.uuid4())),
            _open(tx, data, str(uuid.uuid4())),
            _open(tx, data / "lib" / "scripts", SCRIPTS),
        )


def _open(tx: Transaction, root: Path, new_uuid: str) -> Repository:
    root.mkdir(parents=True, exist_ok=True)
    parent = f"{root.parent}/"
    tx.cursor.execute(
        "SELECT hash, id FROM originalfile WHERE mimetype = 'Repository' AND path = %s AND name = %s",
        (parent, root.name),
    )
    row = tx.cursor.fetchone()
    if row is None:
        (number,) = tx.next_ids("originalfile", 1)
        tx.cursor.execute(
            "INSERT INTO originalfile (id, permissions, path, name, mimetype, hash, size, ctime, version,"
            " owner_id, group_id, creation_id, update_id)"
            " VALUES (%s, -52, %s, %s, 'Repository', %s, 0, %s, 0, 0, 1, %s, %s)",
            (number, parent, root.name, new_uuid, now(), tx.event_id, tx.event_id),
        )
        row = (new_uuid, number)
    return Repository(row[0], root, row[1])
