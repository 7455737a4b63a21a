"""What one side's metadata lacks and the other's has: the changes that fill it. Nothing that is there is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from omero_roz.errors import Problem, Refused
from omero_roz.metadata import Node, same
from omero_roz.verify.completeness import NOTHING, Field, everything, fields_of
from omero_roz.verify.groups import OTHER, group_of_class, group_of_field

How = Literal["value", "part", "item", "split"]
OF_PIXELS = {"StatsInfo", "RenderingDef", "Thumbnail"}
# Fields that stand for themselves: one may be missing though another is otherwise. Of all else a value that is
# otherwise tells that it is another thing, and nothing of another thing is taken.
ALONE = {
    "Image", "Pixels", "Channel", "PlaneInfo", "ImagingEnvironment", "Instrument",
    "Plate", "PlateAcquisition", "Well", "WellSample",
}  # fmt: skip
DECIDING = {"LogicalChannel": ("excitationWave", "emissionWave", "fluor")}  # a channel may well have been renamed
SHARED = {"LogicalChannel", "ObjectiveSettings"}  # one row for all images of a plate that are alike
NEVER_INTO = {"Roi", "Folder", "Screen", "Reagent"}
SIZES = ("sizeX", "sizeY", "sizeZ", "sizeC", "sizeT")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is missing: `name` of `target` (an object of A) comes from `source` (an object of B).

    value: a field of B's object; part: B's object, to be copied and referred to; item: the same, into a list; split:
    as a part, but with what `kept` (A's, which others go on sharing) already says.
    """

    how: How
    path: str
    target: Any
    name: str
    source: Any
    fields: tuple[Field, ...]
    kept: Any = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What is the same when it is planned again from what is then there."""
        return (self.how, self.path, self.name, tuple((f.path, str(f.b)) for f in self.fields))


@dataclass(slots=True)
class Filling:
    """The changes that fill A from B, which objects of theirs are the same thing, and what cannot be filled."""

    changes: list[Change] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)
    left: list[Problem] = field(default_factory=list)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field that is filled."""
        return tuple(one for change in self.changes for one in change.fields)


def plan(a: Node, b: Node, names: tuple[str, str]) -> Filling:
    """The changes that give A all that only B has; raises Refused where they are not the same images."""
    problems = [*_other_images(a, b, names)]
    if problems:
        raise Refused.of(problems)
    planned = _Plan()
    planned.run(a, b)
    return planned.made


def _images(tree: Node) -> dict[str, Node]:
    return {name: node for name, node in tree.parts.items() if node.kind == "Image"}


def _other_images(a: Node, b: Node, names: tuple[str, str]) -> Iterator[Problem]:
    ours, theirs = _images(a), _images(b)
    if len(ours) != len(theirs):
        what = f"it has {len(ours)} images, {names[1]} has {len(theirs)}"
        yield Problem(names[0], what, "fill image by image, or name the fileset that they came from")
        return
    for name in ours.keys() & theirs.keys():
        one, other = (side[name].parts.get("Pixels", NOTHING).values for side in (ours, theirs))
        for size in (*SIZES, "pixelsType"):
            if size in one and size in other and not same(one[size], other[size]):
                what = f"{size} is {one[size]}, {other[size]} in {names[1]}"
                yield Problem(f"{names[0]}/{name}", what, "it is another image")


class _Plan:
    def __init__(self) -> None:
        self.made = Filling()
        self._paired: dict[int, Node] = {}  # B's object -> A's node
        self._ours: dict[int, int] = {}  # A's object -> B's
        self._content: dict[int, str] = {}  # A's shared object -> what B says at the first place that has it

    def run(self, a: Node, b: Node) -> None:
        ours, theirs = _images(a), _images(b)
        for name, image in theirs.items():
            self._node(ours[name], image, f"{name}/", OTHER)
        for name, image in theirs.items():
            self._instruments(a, b, ours[name], image)
        for name, node in b.parts.items():
            if node.kind == "Plate" and name in a.parts:
                self._node(a.parts[name], node, f"{name}/", OTHER)
            elif node.kind == "Plate":
                self._leave(name, "its images are on no plate", "import them with their plate")

    def _instruments(self, a: Node, b: Node, ours: Node, theirs: Node) -> None:
        mine, other = ours.values.get("instrument"), theirs.values.get("instrument")
        if other is None:
            return
        node = b.parts[str(other)]
        if mine is None:
            path = next(name for name, image in _images(a).items() if image is ours)
            known = any(change.source is node.of for change in self.made.changes)
            told = Field(f"{path}/instrument", "Instrument", "only in B", None, other)
            fields = (told,) if known else (told, *fields_of(node, f"{path}/instrument/"))
            self.made.changes.append(Change("part", path, ours.of, "instrument", node.of, fields))
        elif self._pair(a.parts[str(mine)], node):
            self._inside(a.parts[str(mine)], node, f"{mine}/", OTHER)

    def _node(self, a: Node, b: Node, path: str, inside: str) -> None:
        if why := _contradiction(a, b):
            return self._leave(path.rstrip("/"), f"it says otherwise: {why}", "nothing is taken for it")
        if self._pair(a, b):
            self._inside(a, b, path, inside)

    def _inside(self, a: Node, b: Node, path: str, inside: str) -> None:
        group = group_of_class(b.kind, inside)
        for name, value in b.values.items():
            if name not in a.values and not (b.kind == "Image" and name == "instrument"):
                own = group_of_field(b.kind, name, group)
                self._value(a, b, path, name, Field(path + name, own, "only in B", None, value))
        for name, part in b.parts.items():
            if part.kind in OF_PIXELS:
                continue
            if name in a.parts:
                self._part(a, a.parts[name], part, name, f"{path}{name}/", group)
            else:
                self._missing(a, part, name, f"{path}{name}", group)
        for name, bag in b.bags.items():
            self._bag(a, name, bag, path, group)

    def _pair(self, a: Node, b: Node) -> bool:
        """Take two for one thing; False where A's was looked at already."""
        new = id(a.of) not in self._ours
        self._ours.setdefault(id(a.of), id(b.of))
        self._paired.setdefault(id(b.of), a)
        self.made.pairs.append((a.of, b.of))
        return new

    def _value(self, a: Node, b: Node, path: str, name: str, found: Field) -> None:
        if b.kind == "Pixels" and name == "sha1":
            return
        if b.kind == "WellSample" and name == "image":
            return self._leave(path + name, "the field has no image", "import it")
        change = Change("value", path + name, a.of, name, b.of, (found,))
        if b.kind == "WellSample" and name == "plateAcquisition":
            change = Change("part", path + name, a.of, name, b.of._plateAcquisition, (found,))
        self.made.changes.append(change)

    def _part(self, owner: Node, a: Node, b: Node, name: str, path: str, group: str) -> None:
        if b.kind not in SHARED:
            return self._node(a, b, path, group)
        content = everything(b)
        if self._content.setdefault(id(a.of), content) == content:
            return self._node(a, b, path, group)
        more = _Plan()
        more._node(a, b, path, group)
        if why := _contradiction(a, b):
            self._leave(path.rstrip("/"), f"it says otherwise: {why}", "nothing is taken for it")
        elif own := [change for change in more.made.changes if change.target is a.of]:
            fields = tuple(one for change in own for one in change.fields)
            self.made.changes.append(Change("split", path, owner.of, name, b.of, fields, a.of))

    def _missing(self, a: Node, part: Node, name: str, path: str, group: str) -> None:
        fields = tuple(fields_of(part, f"{path}/", group))
        if part.kind in ("Channel", "Pixels", "WellSample", "Shape") or (part.kind == "Well" and part.parts):
            return self._leave(path, "it is not there, and cannot be made without pixels", "import it")
        if "[" not in name:
            self.made.changes.append(Change("part", path, a.of, name, part.of, fields))
        else:
            lists = {"PlaneInfo": "planeInfo", "Well": "wells", "PlateAcquisition": "plateAcquisitions"}
            self.made.changes.append(Change("item", path, a.of, lists[part.kind], part.of, fields))

    def _bag(self, a: Node, name: str, theirs: Sequence[Node], path: str, group: str) -> None:
        left = list(a.bags.get(name, ()))
        waiting = [node for node in theirs if not self._known(node, left)]
        waiting = [node for node in waiting if not self._same(node, left)]
        for number, node in enumerate(waiting):
            where = f"{path}{node.kind}[{number}]"
            alike = [mine for mine in left if _may_be(mine, node)]
            rivals = [other for other in waiting if any(_may_be(mine, other) for mine in alike)]
            if len(alike) == 1 and rivals == [node]:
                left.remove(alike[0])
                self._node(alike[0], node, f"{where}/", group)
            else:
                fields = tuple(fields_of(node, f"{where}/", group))
                self.made.changes.append(Change("item", where, a.of, name, node.of, fields))

    def _known(self, node: Node, left: list[Node]) -> bool:
        """Take out of `left` what the node is known to be, from a place that it has elsewhere."""
        known = self._paired.get(id(node.of))
        for mine in left:
            if known is not None and mine.of is known.of:
                left.remove(mine)
                return True
        return False

    def _same(self, node: Node, left: list[Node]) -> bool:
        """Take out of `left` what says all that the node says, and pair them."""
        content = everything(node)
        for mine in left:
            if everything(mine) == content:
                left.remove(mine)
                self._pair(mine, node)
                return True
        return False

    def _leave(self, path: str, what: str, fix: str) -> None:
        self.made.left.append(Problem(path, what, fix))


def _contradiction(a: Node, b: Node) -> str | None:
    """A value that tells that the two are not one thing."""
    names = DECIDING.get(b.kind, () if b.kind in ALONE else tuple(b.values))
    for name in names:
        if not _agree(a, b, name):
            return f"{name} is {a.values[name]}, not {b.values[name]}"
    if b.kind.endswith("Settings"):
        for name, part in b.parts.items():
            if name in a.parts and (why := _contradiction(a.parts[name], part)):
                return f"{name}: {why}"
    return None


def _may_be(a: Node, b: Node) -> bool:
    """Whether an item of a list may be another one that says less."""
    if a.kind != b.kind or b.kind in NEVER_INTO or b.kind.endswith("Annotation"):
        return False
    return _agrees(a, b)


def _agrees(a: Node, b: Node) -> bool:
    alike = all(_agree(a, b, name) for name in b.values)
    return alike and all(_agrees(a.parts[name], part) for name, part in b.parts.items() if name in a.parts)


def _agree(a: Node, b: Node, name: str) -> bool:
    """Whether a field of two is the same, or not stated by one: the server's default "Unknown" states nothing."""
    one, other = a.values.get(name), b.values.get(name)
    return one is None or other is None or "Unknown" in (str(one), str(other)) or same(one, other)
