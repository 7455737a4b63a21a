"""Layouts below a directory or a bucket's prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omero_roz.errors import Refused
from omero_roz.layout.documents import Documents
from omero_roz.layout.paths import join
from omero_roz.layout.root import OME_XML
from omero_roz.layout.store import LEADS_OUT, Absent, Store

_OME = ("OME/.zattrs", "OME/zarr.json", OME_XML)
_IMAGE_KEYS = {"multiscales", "plate", "bioformats2raw.layout", "metadataSources", "series"}


def find_layouts(store: Store) -> Iterator[Store]:
    """The layouts at or below a store's root, level by level, never looking into one.

    A layout has NGFF attributes, an OME group or file, or images right below it; a Zarr group with nothing of
    it (what `--pyramid-name` leaves above the layout) is looked into, an array is not. A link that leads out is
    followed to a layout, but not further.
    Raises Refused where the store cannot list.
    """
    level, seen = [""], set[str]()
    while level:
        deeper: list[str] = []
        for path, kind in _kinds(store, _not_seen(store, level, seen)).items():
            if kind == "layout":
                yield store.below(path) if path else store
            elif kind == "link":
                linked = store.below(path)
                if _kinds(linked, [""])[""] == "layout":
                    yield linked
            elif kind == "directory":
                children = store.children(path)
                if children is None:
                    raise Refused("this store cannot be listed", join(store.uri, path), "name the layout itself")
                deeper += [join(path, child) for child in children]
        level = deeper


def _not_seen(store: Store, paths: Iterable[str], seen: set[str]) -> list[str]:
    """The directories that no other path has led to yet: links may go in circles."""
    new = []
    for path in paths:
        if (real := store.real(path)) not in seen:
            seen.add(real)
            new.append(path)
    return new


def _kinds(store: Store, paths: list[str]) -> dict[str, str]:
    """What each directory is: "layout", "array", "directory" or a "link" that leads out (one fetch for all)."""
    documents = Documents(store)
    v2, v3 = documents.groups(paths, 2), documents.groups(paths, 3)
    first = [join(path, "0") for path in paths]
    first_v2, first_v3 = documents.groups(first, 2), documents.groups(first, 3)
    arrays, arrays_v3 = documents.arrays(paths, 2), documents.arrays(paths, 3)
    ome = store.get_many([join(path, name) for path in paths for name in _OME])
    kinds = {}
    for number, path in enumerate(paths):
        zero = join(path, "0")
        groups = (v2[path], v3[path], first_v2[zero], first_v3[zero])
        attributes = [group for group in groups if isinstance(group, dict)]
        # what is broken or kept from us counts, so that reading it tells why
        broken = any(group is None or (isinstance(group, Absent) and group.there) for group in groups)
        v3_array = arrays_v3[path]
        has_ome = any(isinstance(file, bytes) for file in ome[number * len(_OME) : (number + 1) * len(_OME)])
        if isinstance(arrays[path], dict) or (isinstance(v3_array, dict) and v3_array.get("node_type") == "array"):
            kinds[path] = "array"
        elif v2[path] == LEADS_OUT == v3[path]:
            kinds[path] = "link"
        elif has_ome or broken or any(_IMAGE_KEYS & set(each) for each in attributes):
            kinds[path] = "layout"
        else:
            kinds[path] = "directory"
    return kinds
