"""The groups that fields of metadata are shown and counted in."""

GROUPS = (
    "Image", "Pixels", "Physical sizes", "Channels", "Wavelengths", "Exposure times", "Plane times", "Stage positions",
    "Objective", "Detector and settings", "Light sources", "Filters", "Instrument", "Imaging environment", "Experiment",
    "Plate and wells", "Screen", "ROIs", "Annotations", "Statistics", "Rendering settings",
)  # fmt: skip
OTHER = "Image"
# A class that is not here belongs to the group of what it is in.
_CLASSES = {
    "Image": "Image", "Folder": "Image", "Pixels": "Pixels", "PlaneInfo": "Pixels",
    "Channel": "Channels", "LogicalChannel": "Channels", "StatsInfo": "Statistics",
    "Objective": "Objective", "ObjectiveSettings": "Objective", "OTF": "Objective",
    "Detector": "Detector and settings", "DetectorSettings": "Detector and settings",
    "LightSettings": "Light sources", "Laser": "Light sources", "Arc": "Light sources", "Filament": "Light sources",
    "LightEmittingDiode": "Light sources", "GenericExcitationSource": "Light sources",
    "LightPath": "Filters", "FilterSet": "Filters", "Filter": "Filters", "Dichroic": "Filters",
    "Instrument": "Instrument", "Microscope": "Instrument", "ImagingEnvironment": "Imaging environment",
    "StageLabel": "Stage positions", "Experiment": "Experiment", "MicrobeamManipulation": "Experiment",
    "Plate": "Plate and wells", "PlateAcquisition": "Plate and wells", "Well": "Plate and wells",
    "WellSample": "Plate and wells", "Reagent": "Plate and wells", "Screen": "Screen", "Roi": "ROIs",
    "RenderingDef": "Rendering settings", "Thumbnail": "Rendering settings",
}  # fmt: skip
_FIELDS = {
    ("Pixels", "physicalSizeX"): "Physical sizes", ("Pixels", "physicalSizeY"): "Physical sizes",
    ("Pixels", "physicalSizeZ"): "Physical sizes", ("Pixels", "timeIncrement"): "Plane times",
    ("Pixels", "sha1"): "Statistics", ("PlaneInfo", "exposureTime"): "Exposure times",
    ("PlaneInfo", "deltaT"): "Plane times", ("PlaneInfo", "positionX"): "Stage positions",
    ("PlaneInfo", "positionY"): "Stage positions", ("PlaneInfo", "positionZ"): "Stage positions",
    ("WellSample", "posX"): "Stage positions", ("WellSample", "posY"): "Stage positions",
    ("LogicalChannel", "excitationWave"): "Wavelengths", ("LogicalChannel", "emissionWave"): "Wavelengths",
}  # fmt: skip


def group_of_class(kind: str, inside: str) -> str:
    """The group of a class of objects that are in one of the group `inside`."""
    if kind.endswith("Annotation"):
        return "Annotations"
    return _CLASSES.get(kind, inside)


def group_of_field(kind: str, name: str, own: str) -> str:
    """The group of a field of a class whose group is `own`."""
    return _FIELDS.get((kind, name), own)
