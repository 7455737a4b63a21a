"""What is saved together, so that OMERO takes it.

It saves with an object all that this leads to and is loaded, and refuses a row that an earlier object of the same call
has led to, with 'object no longer exists in database' (facts: real_server P4; contract: test_saving).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import omero.model as model

Row = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Reach:
    """What an object leads to through all that is loaded: objects by their id(), and rows, loaded or not."""

    objects: set[int]
    rows: set[Row]


def by_itself(row: Any) -> Any:
    """A row that was read to be changed, leading to no other that is loaded; the same object.

    OMERO sends some along unasked (an image's well samples, a file's entries, a shape's ROI; contract: test_loading).
    They would be saved along as they were, and a save that names one of them too is refused.
    """
    row.unloadCollections()
    for name, value in vars(row).items():
        if isinstance(value, model.IObject) and value.id is not None and value.isLoaded():
            setattr(row, name, type(value)(value.id, False))
    return row


def to_save(objects: Sequence[Any]) -> list[Any]:
    """The objects that have to be named in a save of them all, each row before what refers to it.

    A row that another of them leads to, as the same loaded object, is saved with that one and left out. Only what can
    be wrong is looked at: what stands before the last that is a row already.
    """
    last = max((place for place, one in enumerate(objects) if one.id is not None), default=0)
    if last == 0:
        return list(objects)
    _fields_lead_to_images(objects[: last + 1])
    reach = {id(one): _reach(one) for one in objects[: last + 1]}
    left_out: set[int] = set()
    for one in objects[: last + 1]:
        others = (other for other in objects[: last + 1] if other is not one and id(other) not in left_out)
        if one.id is not None and any(id(one) in reach[id(other)].objects for other in others):
            left_out.add(id(one))
    kept = [one for one in objects[: last + 1] if id(one) not in left_out]
    return [*_ordered(kept, reach), *objects[last + 1 :]]


def _fields_lead_to_images(objects: Sequence[Any]) -> None:
    """Let the fields of wells refer to the loaded images that are saved with them.

    OMERO has an image's fields at hand as soon as it has the image, and the image with each of its fields: neither can
    be named after the other (contract: test_saving).
    """
    images = {one.id.val: one for one in objects if isinstance(one, model.Image) and one.id is not None}
    for one in objects:
        if isinstance(one, model.WellSample) and one._image is not None and one._image.id is not None:
            one._image = images.get(one._image.id.val, one._image)


def referred_first(objects: Sequence[Any]) -> list[Any]:
    """All of the objects, each row before what leads to it; otherwise in the order given."""
    return _ordered(objects, {id(one): _reach(one) for one in objects})


def _ordered(objects: Sequence[Any], reach: dict[int, _Reach]) -> list[Any]:
    places = {row: place for place, one in enumerate(objects) if (row := _row(one))}
    fields = {
        row: place
        for place, one in enumerate(objects)
        if isinstance(one, model.WellSample) and one.isLoaded() and one._image is not None and (row := _row(one._image))
    }
    ordered: dict[int, Any] = {}
    begun: set[int] = set()

    def take(place: int) -> None:
        if place not in begun:
            begun.add(place)
            rows = reach[id(objects[place])].rows
            for other in sorted({known[row] for known in (fields, places) for row in rows if row in known}):
                take(other)
            ordered[place] = objects[place]

    for place in range(len(objects)):
        take(place)
    return list(ordered.values())


def _reach(root: Any) -> _Reach:
    found, stack = _Reach(set(), set()), [root]
    seen: set[int] = set()
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if one is not root:
            if row := _row(one):
                found.rows.add(row)
            if not one.isLoaded():
                continue
            found.objects.add(id(one))
        stack.extend(_next(one))
    return found


def _next(thing: Any) -> list[Any]:
    found: list[Any] = []
    for value in vars(thing).values():
        if isinstance(value, model.IObject):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, model.IObject)]
        elif isinstance(value, model.Details) and value._externalInfo is not None:
            found.append(value._externalInfo)
    return found


def _row(thing: Any) -> Row | None:
    """What tells a row from others: a class's subclasses share their ids."""
    if thing.id is None:
        return None
    above = type(thing).__mro__
    return above[above.index(model.IObject) - 1].__name__, thing.id.val
