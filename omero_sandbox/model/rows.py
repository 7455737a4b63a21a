"""Values between columns and objects: what psycopg2 gives and takes, what the properties of omero.model hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import omero.model
import omero.model.enums
from omero.rtypes import rbool, rdouble, rint, rlong, rstring, rtime

import omero
from omero_sandbox.model.mapping import Entity, Property, Quantity, Reference, Scalar, entities, ordered_by

EPOCH = datetime(1970, 1, 1)
_WRAP: dict[str, Callable[[Any], Any]] = {
    "rbool": rbool, "rdouble": rdouble, "rint": rint, "rlong": rlong, "rstring": rstring, "rtime": rtime,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Which columns of which tables a class's row has, in the order in which they are selected."""

    entity: Entity
    select: str
    scalars: tuple[tuple[int, str, Callable[[Any], Any]], ...]
    quantities: tuple[tuple[int, str, type, dict[str, Any]], ...]
    references: tuple[tuple[int, str, str], ...]
    details: dict[str, int]
    version: int | None
    positions: tuple[tuple[str, int], ...]
    at: dict[tuple[str, str], int]


@cache
def plan(name: str) -> Plan:
    """How rows of a concrete class are read."""
    entity = entities()[name]
    columns = {(entity.table, "id"): 0}

    def at(table: str, column: str) -> int:
        return columns.setdefault((table, column), len(columns))

    wanted = ("permissions", "owner_id", "group_id", "creation_id", "update_id", "external_id")
    details = {c: at(entity.table, c) for c in wanted if c in entity.columns}
    version = at(entity.table, "version") if "version" in entity.columns else None
    scalars, quantities, references = [], [], []
    for p in entity.properties.values():
        if isinstance(p, Scalar):
            scalars.append((at(p.table, p.column), f"_{p.name}", reader(p)))
        elif isinstance(p, Quantity):
            quantities.append((at(p.table, p.column), f"_{p.name}", p.cls, units(p.unit_type)))
            at(p.table, p.unit_column)
        elif isinstance(p, Reference):
            references.append((at(p.table, p.column), f"_{p.name}", p.target))
    positions = tuple((index, at(entity.table, index)) for _, index in ordered_by(name))
    joins = "".join(f" JOIN {t} ON {t}.{k} = {entity.table}.id" for t, k in entity.tables[1:])
    names = ", ".join(f'{t}."{c}"' for t, c in columns)
    select = f"SELECT {names} FROM {entity.table}{joins} WHERE {entity.table}.id = ANY(%s)"
    return Plan(
        entity,
        select,
        tuple(scalars),
        tuple(quantities),
        tuple(references),
        details,
        version,
        positions,
        columns,
    )


def reader(scalar: Scalar) -> Callable[[Any], Any]:
    """From a column's value that is not null to the property's."""
    if scalar.sql_type == "bytea":
        return bytes
    if scalar.wrap is None:
        return list
    if scalar.sql_type.startswith("timestamp"):
        return time_value
    return _WRAP[scalar.wrap.__name__]


def time_value(moment: datetime) -> Any:
    """A timestamp column (UTC) as RTime (milliseconds)."""
    return rtime(milliseconds(moment))


def milliseconds(moment: datetime) -> int:
    """A timestamp column (UTC) in milliseconds since 1970."""
    if moment.tzinfo:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def moment(value: int) -> datetime:
    """Milliseconds since 1970 as a timestamp column holds them."""
    return EPOCH + timedelta(milliseconds=value)


@cache
def units(unit_type: str) -> dict[str, Any]:
    """Symbol in the database -> enumerator, for one of the `units…` types."""
    enum = next(e for n, e in vars(omero.model.enums).items() if n.lower() == unit_type)
    cls = getattr(omero.model, enum.__name__.removeprefix("Units") + "I")
    return {cls.lookupSymbol(unit): unit for unit in enum._enumerators.values()}


@cache
def symbols(unit_type: str) -> dict[str, str]:
    """Name of an enumerator -> symbol in the database."""
    return {str(unit): symbol for symbol, unit in units(unit_type).items()}


def build(made: Plan, row: Sequence[Any]) -> Any:
    """A loaded object of a row: its own values; collections not loaded, references not yet set."""
    cls: Any = made.entity.cls
    obj = cls(row[0], True)
    obj.unloadCollections()
    values = obj.__dict__
    for at, name, wrap in made.scalars:
        if row[at] is not None:
            values[name] = wrap(row[at])
    for at, name, quantity, known in made.quantities:
        if row[at] is not None:
            values[name] = quantity(row[at], known[row[at + 1]])
    if made.version is not None and row[made.version] is not None:
        values["_version"] = rint(row[made.version])
    return obj


def column_values(p: Property, obj: Any) -> tuple[Any, ...]:
    """What the columns of a scalar or quantity shall hold.

    Raises omero.ValidationException when a quantity has a value but no unit.
    """
    value = obj.__dict__.get(f"_{p.name}")
    if isinstance(p, Quantity):
        if value is None:
            return None, None
        if value._unit is None:
            raise omero.ValidationException(message=f"{type(obj).__name__}.{p.name} has no unit")
        return value._value, symbols(p.unit_type)[str(value._unit)]
    assert isinstance(p, Scalar)
    if value is None or p.wrap is None:
        return (value if value is None else bytes(value) if p.sql_type == "bytea" else list(value),)
    plain = value._val
    if plain is not None and p.sql_type.startswith("timestamp"):
        plain = moment(plain)
    return (plain,)


def same(stored: Any, wanted: Any) -> bool:
    """Whether a column already holds a value (times are compared in milliseconds, as clients have them)."""
    if isinstance(stored, datetime) and isinstance(wanted, datetime):
        return milliseconds(stored) == milliseconds(wanted)
    if isinstance(stored, memoryview):
        return bytes(stored) == wanted
    return bool(stored == wanted)
