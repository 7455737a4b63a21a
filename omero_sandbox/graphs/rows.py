"""Rows of the database as the commands on graphs see them: what they are, and what they refer to."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from omero_sandbox.graphs.facts import Step
from omero_sandbox.graphs.references import Edge
from omero_sandbox.model.load import class_column, class_joins
from omero_sandbox.model.mapping import entities, entity_of_table
from omero_sandbox.model.security import Access

# A row: the table of its object, and its id.
Row = tuple[str, int]


class Described(NamedTuple):
    """Class, owner and group of a row; the repository of a file; the namespace of an annotation."""

    name: str
    owner: int | None
    group: int | None
    repo: str | None
    ns: str | None


class Rows:
    """Rows that the caller may read, each asked for once; all others are not there for him."""

    def __init__(self, cursor: Any, rights: Access) -> None:
        self.cursor = cursor
        self.rights = rights
        self._known: dict[str, dict[int, Described]] = defaultdict(dict)
        self._asked: dict[str, set[int]] = defaultdict(set)
        self._forward: dict[Edge, dict[int, int | None]] = defaultdict(dict)
        self._back: dict[Edge, dict[int, list[int]]] = defaultdict(dict)

    def read(self, rows: Iterable[Row]) -> None:
        """Find out what rows are."""
        tables: dict[str, set[int]] = defaultdict(set)
        for table, number in rows:
            tables[table].add(number)
        for table, ids in tables.items():
            new = ids - self._asked[table]
            if new:
                self._asked[table] |= new
                self._read(table, new)

    def __contains__(self, row: Row) -> bool:
        return row[1] in self._known[row[0]]

    def __getitem__(self, row: Row) -> Described:
        return self._known[row[0]][row[1]]

    def simple(self, row: Row) -> str:
        """The row as the server names it in refusals: Image[3]."""
        return f"{self[row].name}[{row[1]}]"

    def full(self, row: Row) -> str:
        """The row with its whole class: ome.model.core.Image[3]."""
        return f"{entities()[self[row].name].java}[{row[1]}]"

    def by_class(self, rows: Iterable[Row]) -> dict[str, list[int]]:
        """Ids by the Java name of their class, as responses have them."""
        found: dict[str, list[int]] = defaultdict(list)
        for row in sorted(rows):
            found[entities()[self[row].name].java].append(row[1])
        return dict(found)

    def step(self, rows: Iterable[Row], step: Step) -> dict[Row, list[Row]]:
        """Where a step leads to from rows."""
        here: dict[str, list[int]] = defaultdict(list)
        for table, number in rows:
            here[table].append(number)
        found: dict[Row, list[Row]] = defaultdict(list)
        for edge in step.edges:
            if step.forward:
                for number, target in self.followed(edge, here.get(edge.root, ())).items():
                    if target is not None:
                        found[edge.root, number].append((edge.target, target))
            else:
                for number, referrers in self.referrers(edge, here.get(edge.target, ())).items():
                    if referrers:
                        found[edge.target, number] += [(edge.root, n) for n in referrers]
        self.read({row for there in found.values() for row in there})
        return {row: [r for r in there if r in self] for row, there in found.items()}

    def backward(self, rows: Iterable[Row], step: Step) -> set[Row]:
        """From where a step leads to rows."""
        back = Step(step.edges, not step.forward, step.term)
        return {row for there in self.step(rows, back).values() for row in there}

    def referrers(self, edge: Edge, ids: Collection[int]) -> Mapping[int, list[int]]:
        """Ids of rows -> ids of those that refer to them along an edge."""
        known = self._back[edge]
        new = [n for n in ids if n not in known]
        if new:
            known.update((n, []) for n in new)
            self.cursor.execute(
                f"SELECT {edge.key}, {edge.column} FROM {edge.table} WHERE {edge.column} = ANY(%s)", (new,)
            )
            for number, target in self.cursor.fetchall():
                known[target].append(number)
                self._forward[edge][number] = target
        return {n: known[n] for n in ids}

    def followed(self, edge: Edge, ids: Collection[int]) -> Mapping[int, int | None]:
        """Ids of rows -> what they refer to along an edge."""
        known = self._forward[edge]
        new = [n for n in ids if n not in known]
        if new:
            known.update((n, None) for n in new)
            self.cursor.execute(
                f"SELECT {edge.key}, {edge.column} FROM {edge.table} WHERE {edge.key} = ANY(%s)", (new,)
            )
            known.update(self.cursor.fetchall())
        return {n: known[n] for n in ids}

    def external_info(self, table: str, ids: Collection[int]) -> list[int]:
        """Ids of the ExternalInfos of rows; each belongs to one."""
        self.cursor.execute(f"SELECT external_id FROM {table} WHERE id = ANY(%s) AND external_id IS NOT NULL", (ids,))
        return [row[0] for row in self.cursor.fetchall()]

    def _read(self, table: str, ids: Collection[int]) -> None:
        root = entity_of_table(table)
        ns = f"{table}.ns" if table == "annotation" else "NULL"
        repo = f"{table}.repo" if table == "originalfile" else "NULL"
        name = class_column(root, table) if root.is_polymorphic else f"'{root.name}'"
        owned = "owner_id" in root.columns
        owner, group = (f"{table}.owner_id", f"{table}.group_id") if owned else ("NULL", "NULL")
        readable = self.rights.readable(table, root) or "TRUE"
        self.cursor.execute(
            f"SELECT {table}.id, {name}, {owner}, {group}, {repo}, {ns}"
            f" FROM {table}{class_joins(root)} WHERE {table}.id = ANY(%s) AND {readable}",
            (list(ids),),
        )
        self._known[table].update((row[0], Described(*row[1:])) for row in self.cursor.fetchall())
