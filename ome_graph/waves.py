"""The order in which shared objects can be saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omero.model import IObject


def waves(shared: Sequence[IObject]) -> tuple[tuple[IObject, ...], ...]:
    """Sort shared objects into the fewest waves, so that each refers only to objects of earlier waves."""
    own = {id(thing): thing for thing in shared}
    levels: dict[int, int] = {}

    def level(thing: IObject) -> int:
        if id(thing) not in levels:
            levels[id(thing)] = 1 + max((level(other) for other in _references(thing, own)), default=-1)
        return levels[id(thing)]

    count = max(map(level, shared), default=-1) + 1
    return tuple(tuple(thing for thing in shared if levels[id(thing)] == wave) for wave in range(count))


def _references(thing: IObject, own: dict[int, IObject]) -> Iterator[IObject]:
    """Give the other shared objects that an object, or what it contains, refers to."""
    seen, todo = {id(thing)}, [thing]
    while todo:
        for value in vars(todo.pop()).values():
            for item in value if isinstance(value, list) else (value,):
                if not isinstance(item, IObject) or id(item) in seen:
                    continue
                seen.add(id(item))
                if id(item) in own:
                    yield item
                else:
                    todo.append(item)
