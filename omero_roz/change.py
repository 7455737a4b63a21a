"""What shall be changed in OMERO, as frozen values: both ways of doing it, the API and SQL, are given these."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from omero_roz.errors import Problem
from omero_roz.fileset import ExternalInfo, Owner, PixelsFile
from omero_roz.shown import one_line


@dataclass(frozen=True, slots=True)
class NewFile:
    """A small file that lies in a repository of the server and shall be registered and belong to a fileset.

    `repo` is the repository's uuid, `directory` is relative to it and ends with a slash; `sha1` is hexadecimal.
    """

    repo: str
    directory: str
    name: str
    size: int
    sha1: str
    mimetype: str

    @property
    def path(self) -> str:
        """Where it is in the repository; also what the fileset's entry says."""
        return self.directory + self.name


@dataclass(frozen=True, slots=True)
class NewFileset:
    """A fileset to be made; `file_id` is a file that the API has registered, `client_path` what its entry says."""

    template_prefix: str
    client_path: str = ""
    file_id: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """The two annotations of a record: a text for the machine and names with values for people.

    `name` is what the text is found by again: the annotation's name, which OMERO has an index on; `said` its
    description.
    """

    text_ns: str
    text: str
    summary_ns: str
    summary: Sequence[tuple[str, str]]
    name: str | None = None
    said: str | None = None

    def __post_init__(self) -> None:
        """People see the summary in OMERO's clients: each value is one line of plain text."""
        object.__setattr__(self, "summary", [(name, one_line(value)) for name, value in self.summary])


@dataclass(frozen=True, slots=True)
class Reading:
    """How the server reads an image; `pixels` is None where the file it opens is neither looked at nor changed."""

    series: int
    external_info: ExternalInfo | None
    pixels: PixelsFile | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One image on its way to another fileset: how it is expected to be read, and how it will be."""

    image: int
    before: Reading
    after: Reading


@dataclass(frozen=True, slots=True)
class Change:
    """The images of a fileset that go to another, or stay, in one transaction.

    `files` become entries of the fileset that they go to; `superseded` is the annotation's id and the new text of a
    note that this change overrules. The owner is that of all that is made.
    """

    source: int
    to: NewFileset | int
    owner: Owner
    moves: Sequence[Move]
    note: Note | None = None
    superseded: tuple[int, str] | None = None
    files: Sequence[NewFile] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An image as it is at the moment of a change; `reading.pixels` is None where nobody looked.

    `whose` are the ids of its owner and group, where that was looked at.
    """

    fileset: int | None
    reading: Reading
    whose: tuple[int, int] | None = None


def differences(change: Change, found: Mapping[int, Found], inside: Iterable[int]) -> list[Problem]:
    """What is not as a change expects: `found` are its images that there are, `inside` the ids in its source."""
    wanted = {m.image for m in change.moves}
    problems = [problem for m in change.moves for problem in _difference(change.source, m, found.get(m.image))]
    for image in sorted(set(inside) - wanted):
        what = f"it came into Fileset:{change.source} meanwhile"
        problems.append(Problem(f"Image:{image}", what, "nothing was changed; repeat the command"))
    return problems


def _difference(source: int, m: Move, found: Found | None) -> Iterator[Problem]:
    where, fix = f"Image:{m.image}", "nothing was changed; look with omero roz status"
    if found is None:
        yield Problem(where, "it was deleted meanwhile, or you may not see it", fix)
    elif found.fileset != source:
        yield Problem(where, f"it is no longer in Fileset:{source}", fix)
    elif found.reading.external_info != m.before.external_info:
        yield Problem(where, "its ExternalInfo was changed meanwhile", fix)
    elif found.reading.series != m.before.series:
        yield Problem(where, f"its series is {found.reading.series} now, it was {m.before.series}", fix)
    elif m.before.pixels is not None and found.reading.pixels != m.before.pixels:
        yield Problem(where, "the file that the server opens for it was changed meanwhile", fix)
