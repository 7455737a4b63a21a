"""How omero.model classes lie in the tables: found by reflection of omero-py's classes and the database's schema.

    omero.model.LaserI ── Entity "Laser"
        tables       ("lightsource", "id") <- ("laser", "lightsource_id")     joined subclass
        properties   model: Scalar, wavelength: Quantity, type: Reference, annotationLinks: Collection …

A property of a class is what its `_field_info` names; the table says of which kind it is: a column with a foreign
key is a Reference, one with a `…unit` beside it a Quantity, none at all a Collection (or a map of named values).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import omero.model

import omero
from omero_sandbox.database.ddl import packaged

# What reflection cannot tell. Discriminators as in OMERO's databases; most shapes have their lower-case class name.
DISCRIMINATORS = {
    "BooleanAnnotation": "/basic/bool/",
    "CommentAnnotation": "/basic/text/comment/",
    "DoubleAnnotation": "/basic/num/double/",
    "FileAnnotation": "/type/OriginalFile/",
    "Label": "text",
    "ListAnnotation": "/list/",
    "LongAnnotation": "/basic/num/long/",
    "MapAnnotation": "/map/",
    "Rectangle": "rect",
    "TagAnnotation": "/basic/text/tag/",
    "TermAnnotation": "/basic/term/",
    "TimestampAnnotation": "/basic/time/",
    "XmlAnnotation": "/basic/text/xml/",
}
# Tables whose `version` counts the updates of a row; in all others it stays null (facts/omero_import_rows.md).
VERSIONED = frozenset((
    "renderingdef", "quantumdef", "channelbinding", "thumbnail", "originalfile",
    "experimenter", "experimentergroup", "groupexperimentermap",
))  # fmt: skip
# details.<name> -> (column, class)
DETAILS = {
    "owner": ("owner_id", "Experimenter"),
    "group": ("group_id", "ExperimenterGroup"),
    "creationEvent": ("creation_id", "Event"),
    "updateEvent": ("update_id", "Event"),
    "externalInfo": ("external_id", "ExternalInfo"),
}


@dataclass(frozen=True)
class Scalar:
    """A plain value in one column; `wrap` makes the RType (None: sent as it is, such as bytes)."""

    name: str
    table: str
    column: str
    sql_type: str
    required: bool
    wrap: Callable[[Any], Any] | None


@dataclass(frozen=True)
class Quantity:
    """A number and its unit, in two columns."""

    name: str
    table: str
    column: str
    unit_column: str
    unit_type: str
    cls: type
    required: bool


@dataclass(frozen=True)
class Reference:
    """A foreign key to the row of another class."""

    name: str
    table: str
    column: str
    target: str
    required: bool


@dataclass(frozen=True)
class Collection:
    """The objects whose `inverse` refers to this one; `index` is the column of their order, when they are a list."""

    name: str
    target: str
    inverse: str
    index: str | None


@dataclass(frozen=True)
class NamedValues:
    """An ordered list of names and values in a table of its own."""

    name: str
    table: str
    owner_column: str


Property = Scalar | Quantity | Reference | Collection | NamedValues


@dataclass(frozen=True)
class Entity:
    """One class of the object model. `tables` has the root's table first, each with its key column."""

    name: str
    java: str
    cls: type | None
    parents: tuple[str, ...]
    tables: tuple[tuple[str, str], ...]
    discriminator: str | None
    properties: Mapping[str, Property]
    columns: frozenset[str]
    concrete: list[str] = field(default_factory=list, compare=False)

    @property
    def table(self) -> str:
        """The root's table: the one that has the id and the details."""
        return self.tables[0][0]

    @property
    def is_enumeration(self) -> bool:
        """True for the classes whose rows are known by their value, such as PixelsType."""
        return "value" in self.properties and "owner_id" not in self.columns

    @property
    def is_system(self) -> bool:
        """True for what belongs to no user and which only administrators may write."""
        return "owner_id" not in self.columns and self.name != "ExternalInfo"

    @property
    def is_polymorphic(self) -> bool:
        """True when a row may be of another class than this one."""
        return len(self.concrete) > 1 or self.cls is None

    def of(self, kind: type) -> Iterator[Any]:
        """The properties of one kind."""
        return (p for p in self.properties.values() if isinstance(p, kind))


@cache
def schema() -> dict[str, Any]:
    """The database's schema: tables with columns, keys and constraints, as `omero_sandbox.database` creates them."""
    return packaged("schema")


def entity(name: str) -> Entity:
    """The class called Image, ImageI, omero.model.Image or ome.model.core.Image.

    Raises omero.ApiUsageException for a name that is no class of the model.
    """
    found = entities().get(name.rpartition(".")[2]) or entities().get(name.rpartition(".")[2].removesuffix("I"))
    if found is None:
        raise omero.ApiUsageException(message=f"{name} is not a class of the model")
    return found


def entity_of(obj: Any) -> Entity:
    """The class of an object."""
    return entities()[type(obj).__name__.removesuffix("I")]


@cache
def entity_of_table(table: str) -> Entity:
    """The root class of a table."""
    return next(e for e in entities().values() if e.tables[-1][0] == table and e.name.lower() == table)


@cache
def entities() -> dict[str, Entity]:
    """All classes of the model by name, abstract ones too."""
    found: dict[str, Entity] = {}
    for name in sorted(vars(omero.model)):
        cls = getattr(omero.model, name)
        if name.endswith("I") and isinstance(cls, type) and issubclass(cls, omero.model.IObject):
            lineage = _lineage(cls)
            if lineage[-1].lower() in schema()["tables"]:
                found[lineage[0]] = _concrete(cls, lineage)
    for made in list(found.values()):
        for parent in made.parents:
            if parent not in found:
                found[parent] = _abstract(parent, [e for e in found.values() if e.cls and parent in e.parents])
    for made in list(found.values()):
        if made.cls:
            for name in (made.name, *made.parents):
                found[name].concrete.append(made.name)
    return found


def _lineage(cls: type) -> list[str]:
    """Names from the class itself up to the root of its hierarchy."""
    between = cls.__mro__[1 : cls.__mro__.index(omero.model.IObject)]
    return [c.__name__ for c in between]


def _concrete(cls: Any, lineage: list[str]) -> Entity:
    tables = schema()["tables"]
    root = lineage[-1].lower()
    chain = [root] + [n.lower() for n in reversed(lineage[:-1]) if n.lower() in tables]
    keys = tuple((t, "id" if t == root else tables[t]["primary_key"][0]) for t in chain)
    columns = {t: {c["name"]: c for c in tables[t]["columns"]} for t in chain}
    discriminator = None
    if "discriminator" in columns[root]:
        discriminator = DISCRIMINATORS.get(lineage[0], lineage[0].lower())
    properties = {}
    for name, data in cls._field_info._asdict().items():
        if name != "details":
            properties[name] = _property(cls, name, data.wrapper, columns)
    constant = cls.__dict__["DETAILS"]
    return Entity(
        lineage[0],
        constant.removesuffix("_details"),
        cls,
        tuple(lineage[1:]),
        keys,
        discriminator,
        properties,
        frozenset(columns[root]),
    )


def _property(cls: Any, name: str, wrap: Any, columns: dict[str, dict[str, dict]]) -> Property:
    column = name.lower()
    for table, has in columns.items():
        if column in has:
            required = not has[column]["nullable"]
            target = _referenced(table, column)
            if target:
                return Reference(name, table, column, target, required)
            unit = has.get(column + "unit")
            if unit:
                unit_cls = _UNITS[unit["type"]]
                return Quantity(name, table, column, column + "unit", unit["type"], unit_cls, required)
            return Scalar(name, table, column, has[column]["type"], required, wrap)
    for table in columns:
        if f"{table}_{column}" in schema()["tables"]:
            return NamedValues(name, f"{table}_{column}", f"{table}_id")
    return _collection(cls, name)


def _collection(cls: Any, name: str) -> Collection:
    """The adder of a collection names its elements' class and the setter that points back: addPixels, setImage."""
    for method, function in cls.__dict__.items():
        names: tuple[str, ...] = getattr(getattr(function, "__code__", None), "co_names", ())
        if method.startswith("add") and names[-2:-1] == ("append",) and f"_{name}Seq" in names:
            inverse = names[-1].removeprefix("set")
            inverse = inverse[0].lower() + inverse[1:]
            target = method.removeprefix("add")
            ordered = f"getPrimary{target}" in cls.__dict__
            if not hasattr(omero.model, target):  # Folder.childFolders: the same class, named for the role
                target = cls.__name__.removesuffix("I")
            return Collection(name, target, inverse, f"{inverse.lower()}_index" if ordered else None)
    raise LookupError(f"{cls.__name__}.{name} has neither column nor elements")


def _abstract(name: str, below: list[Entity]) -> Entity:
    """A class without objects of its own: what all its subclasses share."""
    first = below[0]
    shared = {n: p for n, p in first.properties.items() if all(e.properties.get(n) == p for e in below)}
    java = f"{first.java.rpartition('.')[0]}.{name}"
    parents = first.parents[first.parents.index(name) + 1 :]
    return Entity(name, java, None, parents, first.tables[:1], None, shared, first.columns)


def _referenced(table: str, column: str) -> str | None:
    for key in schema()["tables"][table]["foreign_keys"]:
        if key["columns"] == [column]:
            return _class_names()[key["references"]]
    return None


@cache
def _class_names() -> dict[str, str]:
    """Table -> class, for every class of the model whose table carries its name."""
    names = (n for n in vars(omero.model) if f"{n}Prx" in vars(omero.model))
    return {n.lower(): n for n in names if n.lower() in schema()["tables"]}


_UNITS = {
    "unitselectricpotential": omero.model.ElectricPotentialI,
    "unitsfrequency": omero.model.FrequencyI,
    "unitslength": omero.model.LengthI,
    "unitspower": omero.model.PowerI,
    "unitspressure": omero.model.PressureI,
    "unitstemperature": omero.model.TemperatureI,
    "unitstime": omero.model.TimeI,
}


@cache
def find_property(name: str, wanted: str) -> Property | None:
    """A property of a class or, as in HQL, of one of its subclasses."""
    owner = entities()[name]
    if wanted in owner.properties:
        return owner.properties[wanted]
    for below in owner.concrete:
        if wanted in entities()[below].properties:
            return entities()[below].properties[wanted]
    return None


@cache
def ordered_by(name: str) -> tuple[tuple[str, str], ...]:
    """The ordered lists whose elements a class's objects are: (property that refers to the parent, index column)."""
    names = (name, *entities()[name].parents)
    lists = (p for owner in entities().values() for p in owner.of(Collection) if p.index and p.target in names)
    return tuple(dict.fromkeys((p.inverse, str(p.index)) for p in lists))
