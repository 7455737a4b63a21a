"""Where omero-roz's own files are in the ManagedRepository: these forms below a user's own directory, and no other.

    TOP/omero-roz/TIME/                      the copy of an import's OME-XML, written through OMERO
    TOP/omero-roz/Fileset-N/TIME/            the same of a replacement of Fileset:N
    TOP/omero-roz-shadows/Fileset-N/TIME/    the files of a replacement of Fileset:N, written past OMERO
    TOP/omero-roz-shadows/Import-N/TIME/     the shadows of the images that were imported as Fileset:N
    TOP/omero-roz/Doctor/TIME/, TOP/omero-roz-shadows/Doctor/TIME/    what `doctor` has a server try to read

The directories of the shadows have no rows in OMERO: deleting a directory's row empties the directory, through links
too (facts: omero_replacement a), so no row may stand for one that has links in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from omero_roz.fileset import Claim, Owner, PixelsFile

KNOWN = "omero-roz"
SHADOWS = "omero-roz-shadows"
DOCTOR = "Doctor"
TIME = "%Y-%m-%d_%H-%M-%S.%f"
_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}[.][0-9]{6}"
_NUMBER = "[1-9][0-9]{0,18}"
_PLACE = re.compile(
    rf"(?P<top>[^/]+)/(?:(?P<known>{KNOWN})(?:/(?P<a>Fileset-{_NUMBER}|{DOCTOR}))?|(?P<shadows>{SHADOWS})"
    rf"/(?P<b>(?:Fileset|Import)-{_NUMBER}|{DOCTOR}))/(?P<time>{_TIME})/?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory of omero-roz's: whose directory it is in, KNOWN or SHADOWS, of what (`Fileset-N`, `Import-N`,
    `Doctor` or nothing) and the time by which it is called."""

    top: str
    area: str
    of: str
    time: str

    @classmethod
    def new(cls, top: str, area: str, of: str, now: datetime) -> Place:
        """One to be made."""
        return cls(top, area, of, now.strftime(TIME))

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The place that a path in the repository is, None for any other path."""
        form = _PLACE.fullmatch(text)
        if form is None or not is_top(form["top"]):
            return None
        return cls(form["top"], form["known"] or form["shadows"], form["a"] or form["b"] or "", form["time"])

    @property
    def parent(self) -> str:
        """The directory in which it is, with a slash."""
        return "/".join(filter(None, (self.top, self.area, self.of))) + "/"

    @property
    def registered_in(self) -> tuple[str, str]:
        """The directories of which one has a registered file where it is used: its own, and the first shadow's."""
        return f"{self}", f"{self}0.zarr/"

    def __str__(self) -> str:
        return f"{self.parent}{self.time}/"


def is_top(name: str) -> bool:
    """Whether a text can be the name of a user's own directory: one step down from the repository's root."""
    return name not in ("", ".", "..") and "/" not in name and name.isprintable()


def is_canonical(file: PixelsFile) -> bool:
    """Whether a file's path in the repository goes down only, step by step."""
    steps = [*(file.path or "").split("/"), file.name or ""]
    return "/" not in (file.name or "") and not {"", ".", ".."}.intersection(steps)


def default_top(owner: Owner) -> str:
    """A user's own directory as OMERO calls it where nothing else was configured."""
    return f"{owner.user_name}_{owner.user_id}"


def claimed_top(prefix: Claim) -> str | None:
    """The directory that a template prefix says is its owner's; None where it can be none."""
    top = prefix.said.partition("/")[0]
    return top if is_top(top) else None
