"""Whether a plan may be carried out: what is refused, what is not the caller's, what cannot be forgotten."""

from collections import defaultdict
from collections.abc import Iterator

from omero_sandbox.commands import GraphError
from omero_sandbox.graphs.facts import GOES, MOVES, REFUSED, STATES, STAYS
from omero_sandbox.graphs.planning import Plan
from omero_sandbox.graphs.references import Edge, referred, referring
from omero_sandbox.graphs.rows import Row
from omero_sandbox.model.mapping import entity_of_table
from omero_sandbox.model.save import table_order


def check(plan: Plan) -> list[tuple[Edge, list[int]]]:
    """References that must be forgotten: edges with the ids of rows that stay, or move, without what they name.

    Raises GraphError for what is refused, what is not the caller's to do, and what cannot be forgotten.
    """
    _refused(plan)
    _rights(plan)
    return list(_forgotten(plan))


def _refused(plan: Plan) -> None:
    for fact in plan.facts:
        if fact.becomes == REFUSED:
            for found in sorted(plan.find(fact)):
                named = {"row": found.row, "other": (*found.others, found.row)[0],
                         "between": (*found.between, found.row)[0]}  # fmt: skip
                raise GraphError(fact.refusal.format(**{k: plan.rows.simple(v) for k, v in named.items()}))


def _rights(plan: Plan) -> None:
    """Rows that refer to others are looked at before them; who may give rows away says giving.py."""
    order = table_order()
    tables: dict[tuple[int, str, str], list[Row]] = defaultdict(list)
    for row, state in plan.state.items():
        if state in ((GOES,) if plan.giving else (GOES, MOVES)) and row not in plan.unasked:
            tables[-order[row[0]], plan.rows[row].name, state].append(row)
    for (_, _, state), rows in sorted(tables.items()):
        word, text = ("deletable", "not permitted to delete") if state == GOES else ("own", "does not own")
        _require(plan, word, rows, text)


def _require(plan: Plan, word: str, rows: list[Row], text: str) -> None:
    wrong = sorted(row for row in rows if not plan.word(word, row))
    if wrong:
        raise GraphError(f"{text} {', '.join(map(plan.rows.full, wrong))}")


def _forgotten(plan: Plan) -> Iterator[tuple[Edge, list[int]]]:
    forgotten: dict[Edge, set[int]] = defaultdict(set)
    kept = [] if plan.giving else [(MOVES, STAYS)]  # what is given away can be referred to as before
    for state, others in [(GOES, STATES - {GOES}), *kept]:
        for table, ids in plan.tables(state).items():
            for edge in referring().get(table, ()):
                forgotten[edge] |= _left(plan, edge, ids, others)
    for table, ids in {} if plan.giving else plan.tables(MOVES).items():
        for edge in referred().get(table, ()):
            forgotten[edge] |= _leaving(plan, edge, ids)
    for edge, numbers in forgotten.items():
        if numbers and edge.required:
            raise GraphError(f"cannot null {edge.name}")
        rows = [(edge.root, number) for number in sorted(numbers)]
        _require(plan, "updatable", [row for row in rows if row not in plan.unasked], "not permitted to update")
        if numbers:
            yield edge, sorted(numbers)


def _left(plan: Plan, edge: Edge, ids: list[int], states: frozenset[str]) -> set[int]:
    """Rows in some states that refer along an edge to rows that go, or move."""
    found = {(edge.root, n) for ns in plan.rows.referrers(edge, ids).values() for n in ns}
    plan.rows.read(found)
    return {row[1] for row in found if row in plan.rows and plan.state_of(row) in states}


def _leaving(plan: Plan, edge: Edge, ids: list[int]) -> set[int]:
    """Rows that move and refer along an edge to one that stays in its group."""
    if "group_id" not in entity_of_table(edge.target).columns:
        return set()
    found = {number: (edge.target, other) for number, other in plan.rows.followed(edge, ids).items() if other}
    plan.rows.read(found.values())
    return {n for n, other in found.items() if other in plan.rows and plan.state_of(other) in STAYS}
