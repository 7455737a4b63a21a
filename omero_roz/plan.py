"""The plan: what will be done, as data. `--dry-run` prints it; nothing else is done than it says."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from omero_roz.fileset import ExternalInfo, OmeroImage, Owner
from omero_roz.ports.new_images import NewImage, Target


@dataclass(frozen=True, slots=True)
class FilesetFile:
    """The one file that the new fileset registers: a copy of the OME-XML, in a directory of its own."""

    directory: str
    name: str

    @classmethod
    def below(cls, top: str, now: datetime) -> "FilesetFile":
        """A file in a new directory below `top`, the user's own directory in the ManagedRepository."""
        time = now.strftime("%H-%M-%S.%f")[:-3]
        return cls(f"{top}/omero-roz/{now:%Y-%m}/{now:%d}/{time}/", "METADATA.ome.xml")

    @property
    def client_path(self) -> str:
        """What the fileset's entry says: no `.zarr` in it (facts: omero_completeness)."""
        return self.directory + self.name


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """New images from a Zarr."""

    uri: str
    binding: str
    group_id: int
    target: Target | None
    file: FilesetFile
    images: tuple[NewImage, ...]
    batch: int
    kind: str = "import"

    def steps(self) -> list[str]:
        """The steps for people."""
        where = f" into {self.target.kind}:{self.target.id} ({self.target.name})" if self.target else ""
        batches = _count(-(-len(self.images) // self.batch), "batch", "batches")
        return [
            f"write a copy of the OME-XML to {self.file.client_path} in the ManagedRepository",
            "make a Fileset with it and open its record",
            "save instruments and what else several images share",
            f"save {len(self.images)} images{where}, bound with {self.binding}, in {batches}",
            "read planes through OMERO and compare them with the Zarr's",
            "close the record",
        ]

    def to_json(self) -> str:
        """The plan as JSON text."""
        return json.dumps(asdict(self) | {"steps": self.steps()}, ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class Swap:
    """An image that will be bound anew; `series` is its new place in the fileset."""

    image: OmeroImage
    series: int
    path: str
    binding: ExternalInfo


@dataclass(frozen=True, slots=True)
class ReplacePlan:
    """A fileset whose images get their pixels from a Zarr."""

    uri: str
    binding: str
    source: int
    owner: Owner
    file: FilesetFile
    swaps: tuple[Swap, ...]
    kind: str = "replace"

    def steps(self) -> list[str]:
        """The steps for people."""
        return [
            f"write a copy of the OME-XML to {self.file.client_path} in the ManagedRepository",
            f"in one transaction: make a new Fileset of {self.owner.user_name} with its record, move "
            f"{_count(len(self.swaps), 'image', 'images')} of Fileset:{self.source} to it, bound with {self.binding}",
            "read planes through OMERO and compare them with the Zarr's",
            "write into the record that it is proven",
        ]

    def to_json(self) -> str:
        """The plan as JSON text."""
        return json.dumps(asdict(self) | {"steps": self.steps()}, ensure_ascii=False, indent=2)


def batches(items: Sequence, size: int) -> list[Sequence]:
    """The items in runs of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
