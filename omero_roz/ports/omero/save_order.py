"""The order in which objects are saved together.

OMERO refuses a row that an earlier object of the same call has brought into its session, with 'object no longer exists
in database' (facts: real_server P4): what is referred to goes before what refers to it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import omero.model as model

Row = tuple[str, int]


def referred_first(objects: Sequence[Any]) -> list[Any]:
    """The objects, each row before what leads to it; otherwise in the order given.

    Only what can be wrong is looked at: what stands before the last that is a row already. Rows that lead to each other
    stay as they are.
    """
    places = {row: place for place, one in enumerate(objects) if (row := _row(one))}
    last = max(places.values(), default=0)
    ordered: dict[int, Any] = {}
    begun: set[int] = set()

    def take(place: int) -> None:
        if place in begun:
            return
        begun.add(place)
        for other in sorted({places[row] for row in _reached(objects[place]) if row in places}):
            take(other)
        ordered[place] = objects[place]

    for place in range(last + 1) if last else ():
        take(place)
    return [*ordered.values(), *objects[len(ordered) :]]


def _reached(root: Any) -> Iterator[Row]:
    """The rows that an object leads to, through all that is loaded."""
    seen, stack = {id(root)}, list(_next(root))
    while stack:
        one = stack.pop()
        if id(one) not in seen:
            seen.add(id(one))
            if row := _row(one):
                yield row
            if one.isLoaded():
                stack.extend(_next(one))


def _next(thing: Any) -> Iterator[Any]:
    for value in vars(thing).values():
        if isinstance(value, model.IObject):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, model.IObject))
        elif isinstance(value, model.Details) and value._externalInfo is not None:
            yield value._externalInfo


def _row(thing: Any) -> Row | None:
    """What tells a row from others: a class's subclasses share their ids."""
    if thing.id is None:
        return None
    above = type(thing).__mro__
    return above[above.index(model.IObject) - 1].__name__, thing.id.val
