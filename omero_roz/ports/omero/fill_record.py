"""The record of a fill: what it has put and made, as its text says.

The text is a claim, for whoever owns the object can write it. What is done by it is done in a session of that owner's,
so it is no more than the owner could do alone; here it is seen to that it can be read, and that following it ends in an
error of ours whatever it says.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import omero.model as model

from omero_roz.errors import Refused

FORMAT = 1
LONGEST = 64 << 20  # characters: a fill of a plate's images has some millions
MOST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Put:
    """A field that is given a value: the row, and what it says before and after (as plain values)."""

    kind: str
    id: int
    name: str
    before: Any
    after: Any

    @property
    def where(self) -> str:
        """The field, for an error."""
        return f"{self.kind}:{self.id}/{self.name}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A record read back: the annotation with it, the transaction that wrote it, what that has put and made."""

    annotation: int
    event: int
    puts: tuple[Put, ...]
    made: dict[str, int]
    said: dict[str, Any]


def read_fill(where: str, annotation: int, event: int, text: str) -> Filled:
    """Read the record of a fill; Refused for any text that is none, or that a later omero-roz wrote."""
    try:
        said = json.loads(text)
        if _number(said["format"]) > FORMAT:
            version = _text(said["version"])[:40]
            raise Refused(f"it was filled by omero-roz {version}", where, "use that version or later")
        for name in ("object", "from", "user", "when"):
            _text(said[name])
        _number(said["fields"])
        made = {_kind(kind): _number(count) for kind, count in said["made"].items()}
        return Filled(annotation, event, tuple(_put(*one) for one in said["put"]), made, said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"[:120]
        raise Refused(f"the record of a fill cannot be read ({why})", where, "was it edited by hand?") from error


@contextmanager
def followed(filled: Filled) -> Iterator[None]:
    """Raise Refused where a value of a record is not one that its field can have."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        what = f"its record has a value that cannot be put back ({str(error)[:120]})"
        raise Refused(what, f"Annotation:{filled.annotation}", "nothing was taken back") from error


def _put(kind: Any, number: Any, name: Any, before: Any, after: Any) -> Put:
    if not hasattr(_class(_kind(kind))._field_info, _text(name)):
        raise ValueError("no field of OMERO")
    return Put(kind, _number(number), name, _value(before), _value(after))


def _value(value: Any) -> Any:
    """A field's value as `plain_values.plain` makes them."""
    if isinstance(value, dict):
        return _structure(value)
    if isinstance(value, str):
        return _text(value, 1 << 20)
    if value is None or isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _number(value, -MOST)


def _structure(value: dict[str, Any]) -> dict[str, Any]:
    if set(value) == {"pairs"}:
        return {"pairs": [[_text(one), _text(other, 1 << 20)] for one, other in value["pairs"]]}
    if set(value) == {"quantity", "value", "unit"}:
        return {"quantity": _kind(value["quantity"]), "value": _value(value["value"]), "unit": _text(value["unit"])}
    if set(value) == {"kind", "id"}:
        return {"kind": _kind(value["kind"]), "id": value["id"] if value["id"] == "new" else _number(value["id"])}
    raise ValueError("no value of a field")


def _class(kind: str) -> Any:
    return getattr(model, f"{kind}I")


def _kind(kind: Any) -> str:
    """The name of a class of OMERO's model: it becomes a part of queries."""
    if not (_text(kind).isascii() and kind.isidentifier() and isinstance(_class(kind), type)):
        raise ValueError("no class of OMERO")
    return str(kind)


def _text(value: Any, longest: int = 4096) -> str:
    if not isinstance(value, str) or len(value) > longest or "\x00" in value:
        raise TypeError("not a text, or too long a one")
    value.encode()  # half a character raises
    return value


def _number(value: Any, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= MOST:
        raise TypeError("not a number, or out of range")
    return value
