"""Which rows a deletion or a move takes: from the targets along the rules, until nothing more is found."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from omero_sandbox.commands import CommandError
from omero_sandbox.graphs.rules import ANYBODYS, Holder, held, holding, referring
from omero_sandbox.model.load import class_column, class_joins
from omero_sandbox.model.mapping import Entity, entities, entity, entity_of_table
from omero_sandbox.model.privileges import deletion_privilege
from omero_sandbox.model.save import table_order
from omero_sandbox.model.security import WRITE, Access


@dataclass(frozen=True)
class Options:
    """The childOptions of a request: classes whose rows stay although nothing else holds them, or go although
    something does; for annotations, of some namespaces only."""

    options: tuple[Any, ...] = ()

    def stays(self, names: Iterable[str], ns: str | None) -> bool | None:
        """True: must stay; False: must go; None: it goes if nothing else holds it. The first option that fits says."""
        known = set(names)
        for option in self.options:
            if option.includeNs and ns not in option.includeNs:
                continue
            if option.excludeNs and ns in option.excludeNs:
                continue
            if known & set(option.includeType or ()):  # before excludeType: the command line sends a class in both
                return False
            if known & set(option.excludeType or ()):
                return True
        return None


class Described(NamedTuple):
    """Class, owner and group of a row; the repository of a file; the namespace of an annotation."""

    name: str
    owner: int
    group: int
    repo: str | None
    ns: str | None


@dataclass
class Plan:
    """Rows to delete or to move (`verb`), by table."""

    cursor: Any
    rights: Access
    options: Options
    verb: str = "delete"
    rows: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    targets: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def add(self, targets: dict[str, list[int]]) -> None:
        """Take the targets and all that goes with them.

        Raises CommandError `graph-fail` when a target is not there, or something forbids it.
        """
        for name, ids in targets.items():
            cls = entity(name)
            if "owner_id" not in cls.columns:
                raise CommandError("bad-target", f"{cls.java} is no legal target of this request")
            self.require(cls, ids)
            self.targets[cls.table] |= set(ids)
            self._take(cls.table, ids)
        while self._take_unheld():
            pass
        self._check_filesets()
        self._check_forbidden()
        self._check_rights()

    def require(self, cls: Entity, ids: Iterable[int]) -> None:
        """Raise CommandError `graph-fail` for rows that are not there for the caller."""
        condition = self.rights.readable(cls.table, cls) or "TRUE"
        self.cursor.execute(f"SELECT id FROM {cls.table} WHERE id = ANY(%s) AND {condition}", (list(ids),))
        missing = sorted(set(ids) - {row[0] for row in self.cursor.fetchall()})
        if missing:
            raise CommandError("graph-fail", f"cannot read {cls.java}[{missing[0]}]")

    def _take(self, table: str, ids: Iterable[int]) -> None:
        """Take rows and those that go with what they refer to."""
        waiting = [(table, set(ids) - self.rows[table])]
        while waiting:
            table, new = waiting.pop()
            if not new:
                continue
            self.rows[table] |= new
            for edge in referring().get(table, ()):
                if edge.goes:
                    self.cursor.execute(
                        f"SELECT {edge.key} FROM {edge.table} WHERE {edge.column} = ANY(%s)", (list(new),)
                    )
                    root = root_of(edge.table)
                    waiting.append((root, {row[0] for row in self.cursor.fetchall()} - self.rows[root]))

    def _take_unheld(self) -> bool:
        """Take what only taken rows hold; False when there was nothing."""
        before = sum(map(len, self.rows.values()))
        for table in list(self.rows):
            for holder in holding().get(table, ()):
                candidates = self._candidates(holder)
                if candidates:
                    self._take(holder.target, self._allowed(holder, candidates))
        return sum(map(len, self.rows.values())) > before

    def _candidates(self, holder: Holder) -> set[int]:
        edge = holder.edge
        holders = self.rows[root_of(edge.table)]
        if edge.table.endswith("link"):  # who deletes a link itself wants to unlink
            holders = holders - self.targets[edge.table]
        self.cursor.execute(
            f"SELECT DISTINCT {holder.held} FROM {holder.rows} WHERE r.{edge.key} = ANY(%s)"
            f" AND {holder.held} IS NOT NULL",
            (list(holders),),
        )
        return {row[0] for row in self.cursor.fetchall()} - self.rows[holder.target]

    def _allowed(self, holder: Holder, candidates: set[int]) -> set[int]:
        """Those that nothing else holds, that the options let go, and that are the caller's to take."""
        table = holder.target
        free = candidates - self._held_elsewhere(table, candidates)
        known = self.describe(table, candidates)
        found = set()
        for number in candidates:
            name, *_, ns = known[number]
            stays = self.options.stays((name, *entities()[name].parents), ns)
            goes = number in free if stays is None else not stays
            if goes and (holder.edge.demands or self._mine(known[number])):
                found.add(number)
        return found

    def _held_elsewhere(self, table: str, candidates: set[int]) -> set[int]:
        found: set[int] = set()
        for holder in held().get(table, ()):
            self.cursor.execute(
                f"SELECT DISTINCT {holder.held} FROM {holder.rows}"
                f" WHERE {holder.held} = ANY(%s) AND NOT r.{holder.edge.key} = ANY(%s)",
                (list(candidates), list(self.rows[root_of(holder.edge.table)])),
            )
            found |= {row[0] for row in self.cursor.fetchall()}
        return found

    def describe(self, table: str, ids: Iterable[int]) -> dict[int, "Described"]:
        """What the rights to rows depend on."""
        root = entity_of_table(table)
        ns = f"{table}.ns" if table == "annotation" else "NULL"
        repo = f"{table}.repo" if table == "originalfile" else "NULL"
        name = class_column(root, table) if root.is_polymorphic else f"'{root.name}'"
        self.cursor.execute(
            f"SELECT {table}.id, {name}, {table}.owner_id, {table}.group_id, {repo}, {ns}"
            f" FROM {table}{class_joins(root)} WHERE {table}.id = ANY(%s)",
            (list(ids),),
        )
        return {row[0]: Described(*row[1:]) for row in self.cursor.fetchall()}

    def _check_filesets(self) -> None:
        """An image cannot go while others of its fileset stay."""
        self.cursor.execute(
            "SELECT gone.fileset, gone.id, stays.id FROM image gone JOIN image stays ON gone.fileset = stays.fileset"
            " WHERE gone.id = ANY(%(ids)s) AND NOT stays.id = ANY(%(ids)s) ORDER BY 1, 2, 3 LIMIT 1",
            {"ids": list(self.rows["image"])},
        )
        row = self.cursor.fetchone()
        if row:
            raise CommandError(
                "graph-fail",
                f"within Fileset[{row[0]}] may not {self.verb} Image[{row[1]}] while Image[{row[2]}] remains",
            )

    def _check_forbidden(self) -> None:
        for table, ids in list(self.rows.items()):
            for edge in referring().get(table, ()):
                if edge.forbids and ids:
                    self.cursor.execute(
                        f"SELECT {edge.column}, {edge.key} FROM {edge.table}"
                        f" WHERE {edge.column} = ANY(%s) AND NOT {edge.key} = ANY(%s) LIMIT 1",
                        (list(ids), list(self.rows[root_of(edge.table)])),
                    )
                    row = self.cursor.fetchone()
                    if row:
                        kept, holder = entity_of_table(table).name, entity_of_table(edge.table).name
                        raise CommandError(
                            "graph-fail", f"may not {self.verb} {kept}[{row[0]}] while {holder}[{row[1]}] remains"
                        )

    def _check_rights(self) -> None:
        order = table_order()
        for table, ids in sorted(self.rows.items(), key=lambda rows: -order[rows[0]]):
            if ids and table not in ANYBODYS and not table.endswith("link"):
                for number, row in sorted(self.describe(table, ids).items()):
                    if not self._mine(row):
                        java = entities()[row.name].java
                        raise CommandError("graph-fail", f"not permitted to {self.verb} {java}[{number}]")

    def _mine(self, row: "Described") -> bool:
        """Whether a row is the caller's to delete, or to move."""
        if self.verb == "delete":
            return self.rights.may(WRITE, row.owner, row.group, deletion_privilege(row.name, row.repo))
        return row.owner == self.rights.caller.user_id or self.rights.caller.holds("Chgrp")

    def by_class(self) -> dict[str, list[int]]:
        """Ids by the Java name of their class, as a Delete2Response has them."""
        return self.named(self.rows)

    def named(self, rows: Mapping[str, Collection[int]]) -> dict[str, list[int]]:
        """The same for any rows by table."""
        found: dict[str, list[int]] = defaultdict(list)
        for table, ids in rows.items():
            if ids:
                for number, row in sorted(self.describe(table, ids).items()):
                    found[entities()[row.name].java].append(number)
        return dict(found)


def root_of(table: str) -> str:
    """The table of the objects that rows of `table` are part of."""
    return next((e.table for e in entities().values() if e.cls and e.tables[-1][0] == table), table)
