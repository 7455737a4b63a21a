"""Copies of model objects, for what one image has and another shall have too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import omero.model as model

from omero_roz.errors import Refused
from omero_roz.ports.omero.model_shape import Collection, collections, identity, is_enumeration, kind, references

OWNERS = ("instrument", "screen", "experiment")  # what parts cannot be without
LINKED = (model.Annotation, model.Folder, model.Screen, model.Reagent)  # of the same group: the same one, not a copy


class Copies:
    """Makes copies, each thing once; `row` gives the object that stands for one of A's.

    `pairs` are what of A and B is the same thing: for B's, A's own is taken. What of B is in the OMERO group
    `group_id` itself is referred to, where people share such things.
    """

    def __init__(
        self,
        pairs: Iterable[tuple[Any, Any]],
        row: Callable[[Any], Any],
        enums: Callable[[str, str], Any],
        group_id: int,
    ) -> None:
        self._row, self._enums, self._group = row, enums, group_id
        self._ours: dict[Any, Any] = {}
        for ours, theirs in pairs:
            self._ours.setdefault(identity(theirs), ours)
        self._made: dict[Any, Any] = {}
        self._keep: list[Any] = []  # so that no identity is used again
        self.new: Counter[str] = Counter()

    def of(self, thing: Any) -> Any:
        """What is to be referred to for a thing of B: A's own, one that both share, or a copy."""
        key = identity(thing)
        if key in self._ours:
            return self._row(self._ours[key])
        if key not in self._made and (shared := self._linked(thing)) is not None:
            self._made[key] = shared
        if key not in self._made:
            self._owner(thing)
        if key not in self._made:
            self._keep.append(thing)
            self._copy(thing, type(thing)())
        return self._made[key]

    def split(self, kept: Any, thing: Any) -> Any:
        """A new object with all that A's `kept` says, and what B's says beyond it; one for all that are alike."""
        made = self.fresh(type(thing)())
        for name in made._field_info._fields:
            value = getattr(kept, f"_{name}", None)
            if name != "details" and value is not None and not isinstance(value, list):
                setattr(made, f"_{name}", self._row(value) if isinstance(value, model.IObject) and value.id else value)
        return self._fill(thing, made)

    def fresh(self, made: Any) -> Any:
        """Count a new object that will be saved."""
        self.new[kind(made)] += 1
        return made

    def _owner(self, thing: Any) -> None:
        """Make what a part belongs to, which brings its parts."""
        if isinstance(thing, model.Image):
            return
        for name in OWNERS:
            owner = getattr(thing, f"_{name}", None)
            if owner is not None and not (identity(owner) in self._ours or identity(owner) in self._made):
                if owner.id is not None and not owner.isLoaded():
                    what = f"its {kind(owner)}:{owner.id.val} is not the image's"
                    raise Refused(what, f"{kind(thing)}:{thing.id.val}", "mend it in OMERO, or fill from a file")
                self.of(owner)

    def _linked(self, thing: Any) -> Any:
        if thing.id is None or not isinstance(thing, LINKED):
            return None
        if thing.details.group.id.val == self._group:
            return type(thing)(thing.id, False)
        if isinstance(thing, model.FileAnnotation):
            where = f"FileAnnotation:{thing.id.val}"
            raise Refused("its file is in another group", where, "attach it by hand, or remove it there")
        return None

    def _copy(self, thing: Any, made: Any) -> None:
        self._made[identity(thing)] = self.fresh(made)
        self._fill(thing, made)
        for collection in collections(thing):
            for item in getattr(thing, f"_{collection.name}Seq"):
                end = self.of(getattr(item, f"_{collection.end}") if collection.end else item)
                if collection.end or end.id is None:
                    getattr(made, f"_{collection.name}Seq").append(self.item(made, collection, type(item), end))

    def item(self, owner: Any, collection: Collection, of: type, end: Any) -> Any:
        """What goes into a list of an owner: `end`, which then refers to it, or a link of the class `of`."""
        if not collection.end:
            setattr(end, "_" + kind(owner)[0].lower() + kind(owner)[1:], owner)
            return end
        link = self.fresh(of())
        link._parent, link._child = (owner, end) if collection.end == "child" else (end, owner)
        return link

    def _fill(self, thing: Any, made: Any) -> Any:
        """Give `made` all values and parts of a thing that it lacks."""
        follow = {*references(thing), *OWNERS}
        for name in thing._field_info._fields:
            value = getattr(thing, f"_{name}", None)
            if name == "details" or value is None or getattr(made, f"_{name}", None) not in (None, []):
                continue
            if isinstance(value, model.IObject) and not is_enumeration(value):
                if name in follow:
                    setattr(made, f"_{name}", self.of(value))
            elif isinstance(value, model.IObject):
                setattr(made, f"_{name}", self.term(value))
            else:
                setattr(made, f"_{name}", value)
        return made

    def term(self, row: Any) -> Any:
        """The server's row for a value of an enumeration."""
        return type(row)(row.id, False) if row.id is not None else self._enums(kind(row), row.value.val)
