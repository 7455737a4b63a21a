"""What a query says: frozen values, made by `parse`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Path:
    """`obj.details.owner.id`, or an alias alone."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Parameter:
    """`:name`."""

    name: str


@dataclass(frozen=True)
class Literal:
    """A string, a number, true, false or null."""

    value: Any


@dataclass(frozen=True)
class Call:
    """A function with its arguments; `count(*)` has the one argument Star."""

    name: str
    arguments: tuple["Expression", ...]
    distinct: bool = False


@dataclass(frozen=True)
class Star:
    """The `*` of count(*)."""


@dataclass(frozen=True)
class Cast:
    """`cast(value as type)`."""

    value: "Expression"
    type: str


@dataclass(frozen=True)
class Extract:
    """`extract(year from moment)`."""

    part: str
    value: "Expression"


@dataclass(frozen=True)
class Operation:
    """Terms joined by and, or, a comparison or arithmetic: `operators` stand between `terms`."""

    terms: tuple["Expression", ...]
    operators: tuple[str, ...]


@dataclass(frozen=True)
class Prefix:
    """not, minus or plus before a term."""

    operator: str
    term: "Expression"


@dataclass(frozen=True)
class Contained:
    """`value in options`: a list, a parameter, elements(…) or a sub-select."""

    value: "Expression"
    options: "Expression"
    negated: bool


@dataclass(frozen=True)
class Like:
    """`value like pattern escape '!'`."""

    value: "Expression"
    pattern: "Expression"
    escape: "Expression | None"
    negated: bool


@dataclass(frozen=True)
class Between:
    """`value between low and high`."""

    value: "Expression"
    low: "Expression"
    high: "Expression"
    negated: bool


@dataclass(frozen=True)
class IsNull:
    """`value is null`."""

    value: "Expression"
    negated: bool


@dataclass(frozen=True)
class IsEmpty:
    """`collection is empty`."""

    collection: "Expression"
    negated: bool


@dataclass(frozen=True)
class Exists:
    """`exists (select …)` or `exists elements(…)`."""

    inner: "Expression"


@dataclass(frozen=True)
class Quantified:
    """`value = any (select …)`."""

    value: "Expression"
    comparison: str
    quantifier: str
    inner: "Select"


@dataclass(frozen=True)
class Listed:
    """`(1, 2, :three)`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class Case:
    """`case subject when … then … else … end`."""

    subject: "Expression | None"
    branches: tuple[tuple["Expression", "Expression"], ...]
    otherwise: "Expression | None"


@dataclass(frozen=True)
class Item:
    """One thing selected."""

    value: "Expression"
    alias: str | None


@dataclass(frozen=True)
class Root:
    """A class (or, in a sub-select, a collection of an alias outside) in `from`."""

    path: tuple[str, ...]
    alias: str | None


@dataclass(frozen=True)
class Join:
    """A joined association."""

    left: bool
    fetch: bool
    path: tuple[str, ...]
    alias: str | None
    condition: "Expression | None"


@dataclass(frozen=True)
class Sort:
    """One key of `order by`."""

    value: "Expression"
    descending: bool


@dataclass(frozen=True)
class Select:
    """A whole query; without `items` it selects its roots."""

    distinct: bool
    new_map: bool
    items: tuple[Item, ...]
    sources: tuple[Root | Join, ...]
    where: "Expression | None"
    group_by: tuple["Expression", ...]
    having: "Expression | None"
    order_by: tuple[Sort, ...]


Expression = (
    Path | Parameter | Literal | Call | Star | Cast | Extract | Operation | Prefix | Contained | Like | Between | IsNull
    | IsEmpty | Exists | Quantified | Listed | Case | Select
)  # fmt: skip
