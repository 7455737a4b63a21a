"""Filling objects of OMERO: one transaction with the record that tells what it takes to take it back (unfill.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import omero.model as model
from omero.model import CommentAnnotationI, MapAnnotationI, NamedValue
from omero.rtypes import rstring

from omero_roz.change import Note
from omero_roz.errors import Refused
from omero_roz.ports.omero.enumerations import Enumerations
from omero_roz.ports.omero.fill_record import LONGEST, Filled, Put, read_fill
from omero_roz.ports.omero.model_copy import Copies
from omero_roz.ports.omero.model_shape import collections, fetches, is_enumeration, kind
from omero_roz.ports.omero.model_tree import BAGS, COLOR
from omero_roz.ports.omero.plain_values import plain
from omero_roz.ports.omero.session import OmeroSession

Key = tuple[str, int]
OWNING = ("instrument", "screenLinks")  # what brings parts that other changes refer to
_AT_ONCE = 500
_COLLECTIONS = {bag: name for name, bag in BAGS.items()}
# Only what the owner wrote and put there: a member of the group might otherwise write what an undo goes by.
_NOTES = """select a.id, length(a.textValue), a.details.creationEvent.id
    from {kind}AnnotationLink l, CommentAnnotation a where l.child.id = a.id and a.ns = :ns
    and a.details.owner.id = l.parent.details.owner.id and l.details.owner.id = l.parent.details.owner.id
    and l.parent.id = :id order by a.id"""
_TEXT = "select a.textValue from CommentAnnotation a where a.id = :id"


class Fills:
    """Fills objects as one user in one group."""

    def __init__(self, session: OmeroSession, group_id: int) -> None:
        self._session, self._group = session, group_id

    def rows(self, things: Iterable[Any]) -> dict[Key, Any]:
        """The rows of objects as they are now, with their versions: a save refuses one that was changed since."""
        ids: defaultdict[str, set[int]] = defaultdict(set)
        for thing in things:
            ids[kind(thing)].add(thing.id.val)
        return {(name, row.id.val): row for name, found in ids.items() for row in self._load(name, sorted(found))}

    def _load(self, name: str, ids: Sequence[int]) -> Iterator[Any]:
        for start in range(0, len(ids), _AT_ONCE):
            hql = f"select o from {name} o {fetches(name)} where o.id in (:ids)"
            chunk = ids[start : start + _AT_ONCE]
            yield from self._session.to_change(hql, f"reading {name}:{chunk[0]}", self._group, ids=chunk)

    def fill(self, rows: dict[Key, Any], changes: Sequence[Any], pairs: Any, note: Callable, on: Key) -> None:
        """Do changes (of verify/filling) to rows that were read before these were planned, and put the record on `on`.

        `note` makes the record of what is put and made. Raises Refused where a row was changed meanwhile.
        """
        work = _Work(rows, pairs, Enumerations(self._session), self._group)
        for change in sorted(changes, key=lambda one: one.name not in OWNING):
            work.do(change)
        text, summary = CommentAnnotationI(), MapAnnotationI()
        links = [_link(*on, one) for one in (text, summary)]
        for one in (text, summary, *links):
            work.copies.fresh(one)
        done: Note = note(tuple(work.puts), dict(work.copies.new))
        text.ns, text.textValue = rstring(done.text_ns), rstring(done.text)
        summary.ns, summary.mapValue = rstring(done.summary_ns), [NamedValue(*line) for line in done.summary]
        saved = [*links, *work.touched.values(), *work.more]
        self._session.save_batch(saved, f"filling {on[0]}:{on[1]}", self._group)

    def last(self, on: str, number: int, namespace: str) -> Filled | None:
        """The last fill that is recorded on an object; Refused where its record cannot be read."""
        where, asking = f"{on}:{number}", f"reading {on}:{number}"
        found = self._session.rows(_NOTES.format(kind=on), asking, self._group, id=number, ns=namespace)
        if not found:
            return None
        annotation, length, event = found[-1]
        if (length or 0) > LONGEST:
            what = f"its record (Annotation:{annotation}) is too large to be omero-roz's"
            raise Refused(what, where, "delete it")
        [[text]] = self._session.rows(_TEXT, asking, self._group, id=annotation)
        return read_fill(f"{where}, Annotation:{annotation}", annotation, event, text or "")


class _Work:
    """The objects to be saved for changes."""

    def __init__(self, rows: dict[Key, Any], pairs: Any, enums: Enumerations, group_id: int) -> None:
        self._rows = rows
        self.touched: dict[Key, Any] = {}
        self.puts: list[Put] = []
        self.more: list[Any] = []
        self.copies = Copies(pairs, self.row, enums, group_id)
        self._split: dict[Any, Any] = {}

    def row(self, thing: Any) -> Any:
        """What stands for an object that is in OMERO: its row if it is changed, else a reference."""
        return self._rows.get((kind(thing), thing.id.val)) or type(thing)(thing.id, False)

    def do(self, change: Any) -> None:
        if change.how == "value":
            self._value(change)
        elif change.how == "item":
            self._item(change)
        elif change.how == "part":
            self._put(change.target, change.name, self.copies.of(change.source))
        else:
            key = (id(change.kept), *((f.path.removeprefix(change.path), str(f.b)) for f in change.fields))
            if key not in self._split:
                self._split[key] = self.copies.split(change.kept, change.source)
            self._put(change.target, change.name, self._split[key])

    def _value(self, change: Any) -> None:
        name, source = change.name, change.source
        if kind(source) == "Image" and name == "name":
            self._put(change.target, name, rstring(str(change.fields[0].b)))
        elif name == "color":
            for part in COLOR:
                self._put(change.target, part, getattr(source, f"_{part}"))
        elif name.endswith("]"):
            field, key = name.rstrip("]").split("[", 1)
            had = list(getattr(self._rows[kind(source), change.target.id.val], f"_{field}") or ())
            more = [NamedValue(pair.name, pair.value) for pair in getattr(source, f"_{field}") if pair.name == key]
            self._put(change.target, field, had + more)
        else:
            value = getattr(source, f"_{name}")
            row = isinstance(value, model.IObject) and is_enumeration(value)
            self._put(change.target, name, self.copies.term(value) if row else value)

    def _item(self, change: Any) -> None:
        name = _COLLECTIONS.get(change.name, change.name)
        collection = next(one for one in collections(change.target) if one.name == name)
        end = self.copies.of(change.source)
        link = _link_class(change.target, collection) if collection.end else type(end)
        self.more.append(self.copies.item(self.row(change.target), collection, link, end))

    def _put(self, target: Any, name: str, value: Any) -> None:
        key = (kind(target), target.id.val)
        row = self._rows[key]
        before = plain(getattr(row, f"_{name}"))
        setattr(row, f"_{name}", value)
        self.touched[key] = row
        self.puts.append(Put(*key, name, before, plain(value)))


def _link_class(owner: Any, collection: Any) -> type:
    """The class of the links in a list: of the owner's class, or one above it, and of the list's name."""
    end = collection.name.removesuffix("s").removesuffix("Link")
    end = end[0].upper() + end[1:]
    for one in type(owner).__mro__:
        own = one.__name__.removesuffix("I")
        found = getattr(model, (own + end if collection.end == "child" else end + own) + "LinkI", None)
        if found is not None:
            return found
    raise TypeError(f"no links from {kind(owner)} to {end}")


def _link(name: str, number: int, annotation: Any) -> Any:
    made = getattr(model, f"{name}AnnotationLinkI")()
    made._parent, made._child = proxy(name, number), annotation
    return made


def proxy(name: str, number: int) -> Any:
    """A reference to a row."""
    return getattr(model, name + "I")(number, False)
