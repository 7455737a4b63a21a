"""Objects of every class are stored and come back as they were."""

from itertools import count
from typing import Any

import pytest
from omero.model import NamedValue
from omero.rtypes import rbool, rdouble, rint, rlong, rstring, rtime

from omero_sandbox.model.load import EAGER
from omero_sandbox.model.mapping import (
    Collection,
    Entity,
    NamedValues,
    Quantity,
    Reference,
    Scalar,
    entities,
    entity,
)  # fmt: skip
from omero_sandbox.model.rows import units
from tests.unit.sandbox_model.world import World, caller

EXAMPLES = {
    "rbool": rbool(True), "rdouble": rdouble(0.5), "rint": rint(1), "rlong": rlong(2**40), "rtime": rtime(12345678901),
}  # fmt: skip
NUMBERS = count()
# Rows of these are made by the database's own functions or guarded by its triggers.
NOT_HERE = {"AdminPrivilege", "DBPatch", "EventLog", "GroupExperimenterMap"}
CONCRETE = sorted(n for n, e in entities().items() if e.cls and not e.is_enumeration and n not in NOT_HERE)


def example(cls: Entity, world: World, full: bool) -> Any:
    """A new object with all its values (`full`) or what is required."""
    made: Any = cls.cls()  # type: ignore[misc]
    for p in cls.properties.values():
        if isinstance(p, Scalar) and (full or p.required) and p.name != "repo":
            setattr(made, f"_{p.name}", _scalar(p))
        elif isinstance(p, Quantity) and full:
            setattr(made, f"_{p.name}", p.cls(0.5, list(units(p.unit_type).values())[3]))
        elif isinstance(p, NamedValues) and full:
            setattr(made, f"_{p.name}", [NamedValue("a", "1"), NamedValue("a", "2")])
        elif isinstance(p, Reference) and (p.required or full):
            setattr(made, f"_{p.name}", _target(p, world))
    for owner in entities().values():
        for c in owner.of(Collection):
            if c.index and c.target in (cls.name, *cls.parents):
                _put_in_order(made, owner, c, world)
    return made


def _put_in_order(made: Any, owner: Entity, collection: Collection, world: World) -> None:
    parent = getattr(made, f"_{collection.inverse}")
    if parent is None or not parent._loaded:
        parent = example(entities()[owner.concrete[0]], world, full=False)
        setattr(made, f"_{collection.inverse}", parent)
    getattr(parent, f"_{collection.name}Seq").append(made)


def _scalar(p: Scalar) -> Any:
    if p.wrap is None:
        return b"\x00\xff'" if p.sql_type == "bytea" else ["a", "b"]
    if p.wrap is rstring:
        return rstring(f"µ'%s{next(NUMBERS)}")
    return EXAMPLES[p.wrap.__name__] if "percent" not in p.sql_type else rdouble(0.25)


def _target(p: Reference, world: World) -> Any:
    target = entity(p.target)
    cls = entities()[target.concrete[0]]
    if target.is_enumeration or target.name in ("Experimenter", "ExperimenterGroup", "Event", "Session", "Node"):
        made: Any = cls.cls
        return made(world.value(f"SELECT min(id) FROM {cls.table}"), False)
    return example(cls, world, full=False)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", CONCRETE)
def test_what_is_saved_is_loaded(world: World, name: str) -> None:
    cls = entities()[name]
    root = caller("root", "read-write")
    sent = example(cls, world, full=True)
    world.save(sent, by=root)
    found = world.fetch(name, sent.id, by=root)
    assert type(found).__name__ == f"{name}I"
    for p in cls.properties.values():
        ours, theirs = getattr(sent, f"_{p.name}", None), getattr(found, f"_{p.name}", None)
        if isinstance(p, Scalar):
            assert getattr(theirs, "_val", theirs) == getattr(ours, "_val", ours), p.name
        elif isinstance(p, Quantity):
            assert (theirs._value, theirs._unit) == (ours._value, ours._unit), p.name
        elif isinstance(p, Reference):
            assert (theirs and theirs._id._val) == (ours and ours._id._val), p.name
        elif isinstance(p, NamedValues):
            assert [(v.name, v.value) for v in theirs] == [("a", "1"), ("a", "2")]
        else:
            assert getattr(found, f"_{p.name}Loaded") == (EAGER.get(cls.table) == p.name), p.name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", [n for n in CONCRETE if entities()[n].cls().isMutable()])  # type: ignore[misc]
def test_what_is_changed_is_stored(world: World, name: str) -> None:
    cls = entities()[name]
    root = caller("root", "read-write")
    sent = world.save(example(cls, world, full=True), by=root)
    changed = world.fetch(name, sent.id, by=root)
    scalars = [p for p in cls.of(Scalar) if p.name != "repo" and p.wrap in (rstring, rdouble, rbool)]
    for p in scalars:
        setattr(changed, f"_{p.name}", rbool(False) if p.wrap is rbool else _changed(p))
    for p in cls.of(Quantity):
        setattr(changed, f"_{p.name}", p.cls(0.125, list(units(p.unit_type).values())[2]))
    world.save(changed, by=root)
    found = world.fetch(name, sent.id, by=root)
    for p in scalars:
        assert getattr(found, f"_{p.name}")._val == getattr(changed, f"_{p.name}")._val, p.name
    for p in cls.of(Quantity):
        quantity = getattr(found, f"_{p.name}")
        assert (quantity._value, quantity._unit) == (0.125, list(units(p.unit_type).values())[2]), p.name
    assert sorted(v for v in found.__dict__ if v.endswith("Seq")) == sorted(f"_{c.name}Seq" for c in cls.of(Collection))


def _changed(p: Scalar) -> Any:
    return rstring(f"changed {next(NUMBERS)}") if p.wrap is rstring else rdouble(0.75)
