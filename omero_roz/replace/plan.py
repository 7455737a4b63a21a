"""The plan of a replacement, as data: what `--dry-run` prints."""

from dataclasses import asdict, dataclass

from omero_roz.binding import zarr_reader
from omero_roz.change import Move
from omero_roz.fileset import ExternalInfo, OmeroImage, Owner, PixelsFile
from omero_roz.plan import FilesetFile
from omero_roz.record import ImageRecord
from omero_roz.shown import as_json, counted


@dataclass(frozen=True, slots=True)
class Swap:
    """An image that will be read anew: its new series, the path of its series in the Zarr, and its new ExternalInfo.

    `pixels_before` is None where the file that the server opens for it stays.
    """

    image: OmeroImage
    series: int
    path: str
    binding: ExternalInfo | None
    pixels_before: PixelsFile | None = None


@dataclass(frozen=True, slots=True)
class ReplacePlan:
    """A fileset whose images get their pixels from a Zarr; `root` is the Zarr as the server sees it."""

    uri: str
    root: str
    binding: str
    source: int
    owner: Owner
    file: FilesetFile
    swaps: tuple[Swap, ...]
    kind: str = "replace"

    def images(self, repo: str | None) -> tuple[ImageRecord, ...]:
        """What each image is and will be; `repo` is the uuid of the repository that has the shadows."""
        return tuple(self._image(number, swap, repo) for number, swap in enumerate(self.swaps))

    def _image(self, number: int, swap: Swap, repo: str | None) -> ImageRecord:
        before, pixels = swap.image, None
        if self.binding == zarr_reader.NAME and repo is not None:
            pixels = zarr_reader.pixels_file(self.file.directory, number, repo)
        return ImageRecord(
            before.id, swap.path, before.series, swap.series, before.external_info, swap.binding,
            swap.pixels_before, pixels,
        )  # fmt: skip

    def steps(self, check: str = "sample", probe: bool = True) -> list[str]:
        """The steps for people; `check` says what is compared before the change, `probe` whether anything is after."""
        count = counted(len(self.swaps), "image")
        planes = {"sample": "a sample of planes", "all": "all planes"}
        before = [f"read {planes[check]} through OMERO and compare them with the Zarr's"] if check in planes else []
        after = [
            "read planes through OMERO again, also of scratch images that only the Zarr can be seen in, and compare "
            "them with the Zarr's; bring the source back if they differ",
            "write into the record that it is proven",
        ]
        shadows = [f"make a shadow of {count} in {self.file.directory}: copies of metadata, links to chunks"]
        return [
            *before,
            f"write a copy of the OME-XML to {self.file.client_path} in the ManagedRepository",
            *(shadows if self.binding == zarr_reader.NAME else []),
            f"in one transaction: make a new Fileset of {self.owner.user_name} with its record, move "
            f"{count} of Fileset:{self.source} to it, bound with {self.binding}",
            *(after if probe else ["write into the record that nothing was compared: unproven"]),
        ]

    def to_json(self) -> str:
        """The plan as JSON text."""
        return as_json(asdict(self) | {"steps": self.steps()})


def moves(images: tuple[ImageRecord, ...]) -> tuple[Move, ...]:
    """The moves that records of images mean."""
    return tuple(Move(image.id, image.before, image.after) for image in images)
