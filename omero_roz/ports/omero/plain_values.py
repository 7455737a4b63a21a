"""Values of model objects as JSON values and back: what a record keeps of a field before and after a change."""

from __future__ import annotations

from typing import Any

import omero.model as model
from omero.model import NamedValue

from omero import RType
from omero_roz.ports.omero.model_shape import kind

NEW = "new"  # a reference to a row that has no id yet: it is of the transaction that wrote the record


def plain(value: Any) -> Any:
    """A field's value: a number or text, a quantity, pairs of a map, a reference."""
    if isinstance(value, RType):
        return value.val
    if isinstance(value, model.IObject):
        return {"kind": kind(value), "id": NEW if value.id is None else value.id.val}
    if isinstance(value, list):
        return {"pairs": [[pair.name, pair.value] for pair in value]} if value else None
    if hasattr(value, "getUnit"):
        return {"quantity": kind(value), "value": value.getValue(), "unit": value.getUnit().name}
    return value


def put(thing: Any, name: str, value: Any) -> None:
    """Give a field what `plain` made of a value."""
    if isinstance(value, dict) and "pairs" in value:
        made: Any = [NamedValue(*pair) for pair in value["pairs"]]
    elif isinstance(value, dict) and "quantity" in value:
        made = getattr(model, value["quantity"] + "I")(value["value"], value["unit"])
    elif isinstance(value, dict):
        made = getattr(model, value["kind"] + "I")(value["id"], False)
    elif value is None:
        made = [] if isinstance(getattr(thing, f"_{name}"), list) else None
    else:
        made = getattr(type(thing)._field_info, name).wrapper(value)
    setattr(thing, f"_{name}", made)


def is_same(now: Any, then: Any, new: dict[str, set[int]]) -> bool:
    """Whether a field is as `then` says; `new` are the rows that the transaction of the record has made."""
    if isinstance(now, dict) and isinstance(then, dict) and then.get("id") == NEW:
        return now.get("kind") == then["kind"] and now.get("id") in new.get(then["kind"], ())
    return bool(now == then)
