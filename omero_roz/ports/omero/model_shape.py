"""Which objects of OMERO's model belong to an image or plate: what is followed, and what of them is metadata.

Both what loads the objects and what makes a tree of them go by these tables.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from omero_roz.fileset import well_name

REFERENCES: dict[str, tuple[str, ...]] = {
    "Image": ("instrument", "objectiveSettings", "imagingEnvironment", "stageLabel", "experiment"),
    "ObjectiveSettings": ("objective",),
    "Channel": ("logicalChannel", "statsInfo"),
    "LogicalChannel": ("detectorSettings", "lightSourceSettings", "lightPath", "filterSet", "otf"),
    "DetectorSettings": ("detector",),
    "LightSettings": ("lightSource", "microbeamManipulation"),
    "LightPath": ("dichroic",),
    "FilterSet": ("dichroic",),
    "Filter": ("transmittanceRange",),
    "Laser": ("pump",),
    "OTF": ("objective", "filterSet"),
    "Instrument": ("microscope",),
    "RenderingDef": ("quantization",),
    "FileAnnotation": ("file",),
    "Shape": ("transform",),
}


@dataclass(frozen=True, slots=True)
class Collection:
    """A list of an object; `end` is the end of a link that counts, `key` names an item's place, if it has one."""

    name: str
    end: str | None = None
    key: Callable[[int, Any], str] | None = None

    def items(self, owner: Any) -> list[Any]:
        """The objects in it."""
        found = getattr(owner, f"_{self.name}Seq")
        return [getattr(link, f"_{self.end}") for link in found] if self.end else list(found)


def _number(number: int, item: Any) -> str:
    return str(number)


def _plane(number: int, item: Any) -> str:
    return f"z={item.theZ.val} c={item.theC.val} t={item.theT.val}"


def _well(number: int, item: Any) -> str:
    return well_name(item.row.val, item.column.val)


_ANNOTATIONS = Collection("annotationLinks", "child")
_EXCITATION, _EMISSION = Collection("excitationFilterLink", "child"), Collection("emissionFilterLink", "child")
COLLECTIONS: dict[str, tuple[Collection, ...]] = {
    "Image": (
        Collection("pixels", key=_number), Collection("rois"), Collection("folderLinks", "parent"), _ANNOTATIONS,
    ),
    "Pixels": (
        Collection("channels", key=_number), Collection("planeInfo", key=_plane),
        Collection("settings", key=_number), Collection("thumbnails", key=_number),
    ),
    "Channel": (_ANNOTATIONS,),
    "PlaneInfo": (_ANNOTATIONS,),
    "RenderingDef": (Collection("waveRendering", key=_number),),
    "ChannelBinding": (Collection("spatialDomainEnhancement", key=_number),),
    "LightPath": (_EXCITATION, _EMISSION, _ANNOTATIONS),
    "FilterSet": (_EXCITATION, _EMISSION),
    "Instrument": (
        Collection("objective"), Collection("detector"), Collection("lightSource"), Collection("filter"),
        Collection("dichroic"), Collection("filterSet"), Collection("otf"), _ANNOTATIONS,
    ),
    "Objective": (_ANNOTATIONS,), "Detector": (_ANNOTATIONS,), "LightSource": (_ANNOTATIONS,),
    "Filter": (_ANNOTATIONS,), "Dichroic": (_ANNOTATIONS,), "Annotation": (_ANNOTATIONS,),
    "Experiment": (Collection("microbeamManipulation"),),
    "Roi": (Collection("shapes", key=_number), Collection("folderLinks", "parent"), _ANNOTATIONS),
    "Shape": (_ANNOTATIONS,), "Folder": (_ANNOTATIONS,), "OriginalFile": (_ANNOTATIONS,),
    "Plate": (
        Collection("plateAcquisitions"), Collection("wells", key=_well),
        Collection("screenLinks", "parent"), _ANNOTATIONS,
    ),
    "PlateAcquisition": (_ANNOTATIONS,),
    "Well": (Collection("wellSamples", key=_number), Collection("reagentLinks", "child"), _ANNOTATIONS),
    "Screen": (Collection("reagents"), _ANNOTATIONS), "Reagent": (_ANNOTATIONS,),
}  # fmt: skip

# Not metadata: what OMERO makes of its own for every image, where files lie, which row a thing is.
LEFT_OUT: dict[str, frozenset[str]] = {
    "Image": frozenset({"format", "series", "archived", "partial", "fileset", "name"}),
    "Pixels": frozenset({"dimensionOrder"}),
    "PlaneInfo": frozenset({"theZ", "theC", "theT"}),
    "Well": frozenset({"row", "column"}),
    "OriginalFile": frozenset({"hasher", "path", "repo", "atime", "ctime", "mtime"}),
    "RenderingDef": frozenset({"compression"}),
    "Thumbnail": frozenset({"ref"}),
}


# References to abstract classes: without them in the query OMERO sends the objects that have them without their values
# (facts: real_server P3).
ABSTRACT = {"LightSettings": "lightSource", "Laser": "pump"}


def fetches(kind: str) -> str:
    """What a query for objects `o` of a class has to fetch so that they come with their values."""
    name = "child" if kind.endswith("AnnotationLink") else ABSTRACT.get(kind)
    return f"left outer join fetch o.{name}" if name else ""


def kind(thing: Any) -> str:
    """The class of a model object as HQL names it."""
    return type(thing).__name__.removesuffix("I")


def references(thing: Any) -> tuple[str, ...]:
    """The references of an object that are followed."""
    return tuple(name for one in _classes(thing) for name in REFERENCES.get(one, ()))


def collections(thing: Any) -> tuple[Collection, ...]:
    """The lists of an object that are followed."""
    return tuple(item for one in _classes(thing) for item in COLLECTIONS.get(one, ()))


def _classes(thing: Any) -> Iterator[str]:
    """The object's class and those above it: an annotation or light source of any class is one too."""
    return (one.__name__ for one in type(thing).__mro__[1:])


def is_enumeration(thing: Any) -> bool:
    """Whether an object is a row of one of OMERO's enumerations."""
    return "value" in thing._field_info._fields and {*thing._field_info._fields} <= {"value", "bitSize", "details"}


def identity(thing: Any) -> tuple[str, int]:
    """What tells an object from others: its id in OMERO, or itself where it has none."""
    return (kind(thing), thing.id.val) if thing.id is not None else ("", id(thing))
