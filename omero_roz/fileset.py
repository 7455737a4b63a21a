"""What OMERO holds: frozen values, read by the ports and never changed."""

from dataclasses import dataclass, field

from omero_roz.layout.model import Sizes


def is_id(number: str) -> bool:
    """Whether digits are an id that OMERO may have; Python itself refuses to read some thousands of them."""
    digits = number.lstrip("0")
    return number.isdecimal() and len(digits) <= 19 and int(digits or "0") < 2**63


@dataclass(frozen=True, slots=True)
class Claim:
    """A text that whoever has the object can write by the API: nothing is done by it before it is settled."""

    said: str


@dataclass(frozen=True, slots=True)
class ExternalInfo:
    """What an OMERO object says of itself elsewhere; for an Image the pixel buffer's binding.

    `lsid` is the path or s3:// address of a multiscales group (facts: omero-zarr-pixel-buffer). `row` is the id of
    the row that says so, where that is known; two rows may say the same.
    """

    entity_type: str
    entity_id: int
    lsid: str | None
    uuid: str | None
    row: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PixelsFile:
    """The file that the server opens for an image, as pixels.path, name and repo say; only SQL reaches them.

    `path` is a directory of the ManagedRepository without slashes around it, `repo` that repository's uuid.
    """

    path: str | None
    name: str | None
    repo: str | None


NO_FILE = PixelsFile(None, None, None)


@dataclass(frozen=True, slots=True)
class WellPlace:
    """Where on a plate an image is: the plate's id, row and column from 0, and which of the well's fields it is.

    `field` counts from 0 and counts the images of one fileset only.
    """

    plate: int
    row: int
    column: int
    field: int


def well_name(row: int, column: int) -> str:
    """A well's place, counted from 0, as people write it: B3; rows past Z are AA, AB …"""
    letters = ""
    while row >= 0:
        row, letter = row // 26 - 1, row % 26
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{column + 1}"


@dataclass(frozen=True, slots=True)
class OmeroImage:
    """An image of a fileset. `series` counts from 0 as image.series does; `place` is None for one on no plate."""

    id: int
    name: str
    series: int
    pixels_id: int
    sizes: Sizes
    pixel_type: str
    channels: int
    external_info: ExternalInfo | None
    place: WellPlace | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an OMERO object is, and in which group."""

    user_id: int
    user_name: str
    group_id: int


@dataclass(frozen=True, slots=True)
class Fileset:
    """A fileset with its images in the order of their series; nobody but an administrator changes its owner."""

    id: int
    prefix: Claim
    owner: Owner
    images: tuple[OmeroImage, ...]


@dataclass(frozen=True, slots=True)
class Who:
    """The user of the session and the group in which it works; `session_id` is that of its row."""

    user_id: int
    user_name: str
    group_id: int
    is_admin: bool
    session_id: int

    @property
    def as_owner(self) -> Owner:
        """The owner of what is made in the session."""
        return Owner(self.user_id, self.user_name, self.group_id)


@dataclass(frozen=True, slots=True)
class ServersDatabase:
    """How the database of a session's server is known: its own uuid, and the session's row by its id and a digest.

    A copy of it has the same uuid, so it is the session that tells; its key is as good as a password and stays here.
    """

    uuid: str
    session_id: int
    digest: str
