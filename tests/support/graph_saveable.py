"""Saves a graph as a client does, wave after wave by ids, without a server: what would go wrong there, fails here."""

from collections.abc import Iterator

from omero.model import IObject
from omero.rtypes import rlong

from ome_graph import Graph


def check_saveable(graph: Graph) -> None:
    shared = {id(thing) for wave in graph.shared for thing in wave}
    top_level = shared | {id(thing) for thing in (*graph.images, *graph.wells)}
    saved_in: dict[int, IObject] = {}
    for batch in (*graph.shared, *((image,) for image in graph.images), graph.wells):
        for thing in batch:
            for inside in unsaved(thing):
                assert id(inside) not in top_level, (
                    f"{type(thing)} would save {type(inside)} of its own or a later wave"
                )
                assert saved_in.setdefault(id(inside), thing) is thing, f"{type(inside)} would be saved twice"
                check_required(inside)
            check_required(thing)
        for number, thing in enumerate(batch):
            thing.setId(rlong(number))
            thing.unload()


def unsaved(root: IObject) -> Iterator[IObject]:
    """Give all new objects that saving `root` saves as well."""
    seen, todo = {id(root)}, [root]
    while todo:
        for value in vars(todo.pop()).values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, IObject) and id(item) not in seen and item.id is None:
                    seen.add(id(item))
                    todo.append(item)
                    yield item


def check_required(thing: IObject) -> None:
    for name, info in thing._field_info._asdict().items():
        if not info.nullable and hasattr(thing, "_" + name):
            assert getattr(thing, "_" + name) is not None, f"{type(thing).__name__}.{name} is required"
