"""Enumerations of a server, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import omero.model
from omero.model import IObject


def _plain(value: str) -> str:
    return re.sub(r"[^0-9a-z]", "", value.lower())


@dataclass(frozen=True)
class EnumTable:
    """Resolves an enumeration's value to a reference to the server's row: `table("Immersion", "Oil")`.

    `ids`: (class, value) -> id, of every enumeration the server has; the classes are `ENUMERATIONS`. Case and
    punctuation do not count (EMCCD is a server's EM-CCD). What a server does not know becomes its Other, else
    its Unknown, else None.
    """

    ids: Mapping[tuple[str, str], int]
    _plain_ids: dict[tuple[str, str], int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = {(name, _plain(value)): number for (name, value), number in self.ids.items()}
        object.__setattr__(self, "_plain_ids", plain)

    def __call__(self, name: str, value: str) -> IObject | None:
        number = self.ids.get((name, value))
        for wanted in (value, "Other", "Unknown"):
            if number is None:
                number = self._plain_ids.get((name, _plain(wanted)))
        return None if number is None else getattr(omero.model, name + "I")(number, False)


ENUMERATIONS = (
    "AcquisitionMode", "ArcType", "Binning", "ContrastMethod", "Correction", "DetectorType", "DimensionOrder",
    "ExperimentType", "FilamentType", "FilterType", "Illumination", "Immersion", "LaserMedium", "LaserType",
    "Medium", "MicrobeamManipulationType", "MicroscopeType", "PhotometricInterpretation", "PixelsType",
    "Pulse",
)  # fmt: skip
