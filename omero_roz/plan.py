"""The plan: what will be done, as data. `--dry-run` prints it; nothing else is done than it says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from omero_roz.errors import Problem
from omero_roz.places import KNOWN, Place
from omero_roz.ports.omero.new_images import NewImage
from omero_roz.ports.omero.targets import Target
from omero_roz.shown import as_json, counted


@dataclass(frozen=True, slots=True)
class FilesetFile:
    """The one file that the new fileset registers: a copy of the OME-XML, in a directory of its own."""

    directory: str
    name: str

    @classmethod
    def below(cls, top: str, now: datetime) -> "FilesetFile":
        """A file in a new directory below `top`, the user's own directory in the ManagedRepository.

        One directory and no tree of dates: an import that is taken back can remove all that it made, and nothing that
        another one is just about to use.
        """
        return cls(str(Place.new(top, KNOWN, "", now)), "METADATA.ome.xml")

    @property
    def place(self) -> Place:
        """Where it is, as one of omero-roz's own directories."""
        place = Place.parse(self.directory)
        assert place is not None
        return place

    @property
    def client_path(self) -> str:
        """What the fileset's entry says: no `.zarr` in it (facts: omero_completeness)."""
        return self.directory + self.name


@dataclass(frozen=True, slots=True)
class NewPlate:
    """A plate to be made: its ID in the OME-XML, its name, and how many wells and places for images it has."""

    id: str
    name: str
    wells: int
    images: int


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """New images from a Zarr.

    `root` is the Zarr as the server names it, `dataset` the name of the Dataset that is made where the target is a
    Project, `resumes` the fileset of an unfinished import that is gone on with.
    """

    uri: str
    root: str
    binding: str
    group_id: int
    targets: tuple[Target, ...]
    file: FilesetFile
    dataset: str
    images: tuple[NewImage, ...]
    plates: tuple[NewPlate, ...]
    batch: int
    resumes: int | None = None
    kind: str = "import"

    def homeless(self) -> list[Problem]:
        """Warnings of what goes nowhere although there is a target for the rest."""
        on_plates = sum(plate.images for plate in self.plates)
        into_screens = {target.kind == "Screen" for target in self.targets}
        plain = len(self.images) - on_plates
        if self.plates and into_screens == {False}:
            plates = f"no target is a Screen, so {counted(len(self.plates), 'plate goes', 'plates go')} into none"
            return [Problem(self.uri, plates, "give a second --target, a Screen", "warning")]
        if plain > 0 and into_screens == {True}:
            images = f"no target is a Dataset, so {counted(plain, 'image that is', 'images that are')} on no plate"
            return [Problem(self.uri, f"{images} will be in none", "give a second --target, a Dataset", "warning")]
        return []

    def steps(self) -> list[str]:
        """The steps for people."""
        batches = -(-len(self.images) // self.batch)
        wells = sum(plate.wells for plate in self.plates)
        plates = (
            f" with {counted(wells, 'well')} of {counted(len(self.plates), 'plate')}" if wells else ""
        )
        begin = [
            f"write a copy of the OME-XML to {self.file.client_path} in the ManagedRepository",
            "make a Fileset with it and with what several images share (instruments, plates), and open its record",
        ]
        shadowed = any(image.binding is None for image in self.images)
        bound = "not to be read yet" if shadowed else f"bound with {self.binding}"
        shadows = [
            "write a shadow of each series into the ManagedRepository: copies of its metadata, links to its chunks",
            f"bind the images to them with {self.binding}, in one SQL transaction with the record",
        ]
        return [
            *(begin if self.resumes is None else [f"go on with the unfinished import of Fileset:{self.resumes}"]),
            f"save {counted(len(self.images), 'image')}{plates}, {bound}, displayed as the "
            f"Zarr says, in about {counted(batches, 'batch', 'batches')}",
            *(shadows if shadowed else []),
            "read planes through OMERO and compare them with the Zarr's",
            *(f"put {'plates' if t.kind == 'Screen' else 'images'} into {_named(t)}" for t in self.targets),
            "close the record",
            "let OMERO make thumbnails",
        ]

    def to_json(self) -> str:
        """The plan as JSON text."""
        return as_json(asdict(self) | {"steps": self.steps()})


def batches(items: Sequence, size: int) -> list[Sequence]:
    """The items in runs of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]




def _named(target: Target) -> str:
    return f"a new {target.kind} {target.name!r}" if target.id is None else f"{target.kind}:{target.id} ({target.name})"
