"""What lies below rows: all that is part of them, and all that they hold, whoever else holds it too."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from omero_sandbox.graphs.planning import root_of
from omero_sandbox.graphs.rules import holding, referring


def below(cursor: Any, targets: dict[str, set[int]], until: Collection[str] = ()) -> dict[str, set[int]]:
    """The rows by table, the targets among them; what lies below rows of the tables `until` is left out."""
    found: dict[str, set[int]] = defaultdict(set)
    waiting = list(targets.items())
    while waiting:
        table, ids = waiting.pop()
        new = ids - found[table]
        found[table] |= new
        if new and table not in until:
            waiting += _next(cursor, table, new)
    return found


def _next(cursor: Any, table: str, ids: Iterable[int]) -> list[tuple[str, set[int]]]:
    steps = [(root_of(e.table), e.table, e.key, e.column) for e in referring().get(table, ()) if e.goes]
    steps += [(h.target, h.rows, h.held, f"r.{h.edge.key}") for h in holding().get(table, ())]
    found = []
    for target, where, wanted, known in steps:
        cursor.execute(
            f"SELECT DISTINCT {wanted} FROM {where} WHERE {known} = ANY(%s) AND {wanted} IS NOT NULL", (list(ids),)
        )
        found.append((target, {row[0] for row in cursor.fetchall()}))
    return found
