"""What a client sent to be saved: every object that the roots lead to, sorted into new, changed and referred to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from omero.model import IObject

import omero
from omero_sandbox.model.mapping import Collection, Entity, Reference, entity_of


@dataclass
class Graph:
    """`new` and `known` (loaded, with id) in the order found; `referred`: table -> ids of unloaded objects.

    `place`: id() of an element of a loaded, ordered collection -> (parent, position). `lists`: the loaded ordered
    collections of known parents. `linked`: (object, property, object referred to).
    """

    new: list[Any] = field(default_factory=list)
    known: list[Any] = field(default_factory=list)
    referred: dict[tuple[str, int], Any] = field(default_factory=dict)
    by_value: list[Any] = field(default_factory=list)
    place: dict[int, tuple[Any, int]] = field(default_factory=dict)
    lists: list[tuple[Any, Collection]] = field(default_factory=list)
    linked: list[tuple[Any, str, Any]] = field(default_factory=list)


def walk(roots: Sequence[IObject]) -> Graph:
    """Sort everything that `roots` lead to.

    An enumeration without id stands for the row of its value; only one that is itself a root is new.
    Raises omero.ValidationException for a reference without id.
    """
    graph = Graph()
    seen: set[int] = set()
    new_values = {id(root) for root in roots}
    rows: set[tuple[str, int]] = set()
    stack = list(reversed(roots))
    while stack:
        obj = stack.pop()
        if obj is None or id(obj) in seen:
            continue
        seen.add(id(obj))
        cls = entity_of(obj)
        id_ = obj._id._val if obj._id is not None else None
        if not obj._loaded:
            if id_ is None:
                raise omero.ValidationException(message=f"{cls.java} is unloaded and has no id")
            graph.referred[cls.table, id_] = obj
            continue
        if id_ is None and cls.is_enumeration and id(obj) not in new_values:
            graph.by_value.append(obj)
            continue
        if id_ is None:
            graph.new.append(obj)
        elif (cls.table, id_) in rows:
            graph.referred[cls.table, id_] = obj  # a second copy of a row: the first one counts
            continue
        else:
            graph.known.append(obj)
            rows.add((cls.table, id_))
        stack.extend(reversed(list(_beyond(graph, cls, obj))))
    return graph


def _beyond(graph: Graph, cls: Entity, obj: Any) -> Iterator[Any]:
    values = obj.__dict__
    for p in cls.properties.values():
        if isinstance(p, Reference):
            target = values.get(f"_{p.name}")
            if target is not None:
                graph.linked.append((obj, p.name, target))
                yield target
        elif isinstance(p, Collection) and values.get(f"_{p.name}Loaded"):
            children = [c for c in values[f"_{p.name}Seq"] or () if c is not None]
            if p.index:
                graph.place.update((id(c), (obj, n)) for n, c in enumerate(children))
                if obj._id is not None:
                    graph.lists.append((obj, p))
            yield from children
    if obj._details is not None and obj._details._externalInfo is not None:
        yield obj._details._externalInfo
