"""Deleting single rows, as IUpdate.deleteObject and the loss of a list's element do (graphs of rows: Delete2)."""

from collections.abc import Sequence

import omero
from omero_sandbox.database import Transaction
from omero_sandbox.model.checks import DELETING, Checks
from omero_sandbox.model.load import Loader
from omero_sandbox.model.mapping import Entity, entities


def remove(tx: Transaction, checks: Checks, cls: Entity, ids: Sequence[int]) -> None:
    """Delete rows of a class.

    Raises omero.ValidationException for a missing row, SecurityViolation for one that is not the caller's to delete;
    psycopg2.IntegrityError when other rows still refer to it.
    """
    classes = Loader(tx.cursor, checks.rights).classes(cls, ids)
    owned = "owner_id, group_id" if "owner_id" in cls.columns else "NULL::bigint, NULL::bigint"
    tx.cursor.execute(f"SELECT id, {owned} FROM {cls.table} WHERE id = ANY(%s) FOR UPDATE", (list(ids),))
    found = {row[0]: row[1:] for row in tx.cursor.fetchall()}
    for id_ in ids:
        if id_ not in found:
            raise omero.ValidationException(message=f"{cls.java}:Id_{id_} does not exist")
        checks.writable(cls, id_, found[id_], what=DELETING)
    for name, some in classes.items():
        for table, key in reversed(entities()[name].tables):
            tx.cursor.execute(f"DELETE FROM {table} WHERE {key} = ANY(%s)", (some,))
        tx.log("DELETE", entities()[name].java, some)
