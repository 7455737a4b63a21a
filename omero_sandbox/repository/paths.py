"""Where an import's files go in the ManagedRepository: pure functions on names (facts/omero_import_rows.md)."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import omero

KEPT_DIRECTORIES = 3
# omero.fs.repo.path_rules "Windows required, UNIX required"
ILLEGAL = dict.fromkeys((*range(32), *range(127, 160)), "_") | str.maketrans('"*/:<>?\\|', "'x!;[]%!!")
DEVICES = {"AUX", "CLOCK$", "CON", "NUL", "PRN", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}


@dataclass(frozen=True)
class Template:
    """An expanded omero.fs.repo.path, without slashes at its ends: what root owns, then what the user owns."""

    root: tuple[str, ...]
    own: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Every directory, outermost first."""
        return self.root + self.own


def expand(template: str, user: str, user_id: int, now: datetime.datetime) -> Template:
    """Fill in a template such as `%user%_%userId%//%year%-%month%/%day%/%time%`; `//` ends what root owns."""
    values = {
        "user": safe(user),
        "userId": str(user_id),
        "year": f"{now:%Y}",
        "month": f"{now:%m}",
        "day": f"{now:%d}",
        "time": f"{now:%H-%M-%S}.{now.microsecond // 1000:03d}",
    }
    for name, value in values.items():
        template = template.replace(f"%{name}%", value)
    root, _, own = template.partition("//")
    return Template(tuple(filter(None, root.split("/"))), tuple(filter(None, own.split("/"))))


def safe(name: str) -> str:
    """A name without what Windows forbids: characters, and names of devices and of NTFS's own files."""
    upper = name.upper()
    before = "_" if upper.startswith("$") or ("." in name and upper.partition(".")[0] in DEVICES) else ""
    after = "_" if upper in DEVICES else ""
    return f"{before}{name.translate(ILLEGAL)}{after}"


def below_template(client_paths: Sequence[str]) -> list[tuple[str, ...]]:
    """The path of each file below the template: at most three directories above the file nearest the root are kept.

    Raises omero.ApiUsageException for no files, or for a path that is empty.
    """
    if not client_paths:
        raise omero.ApiUsageException(message="No paths provided")
    split = [parts(path) for path in client_paths]
    if not all(split):
        raise omero.ApiUsageException(message=f"Empty path in {list(client_paths)}")
    directories = [path[:-1] for path in split]
    common = 0
    while all(len(d) > common and d[common] == directories[0][common] for d in directories):
        common += 1
    shallowest = min(len(d) for d in directories)
    trimmed = min(common, max(0, shallowest - KEPT_DIRECTORIES))
    return [path[trimmed:] for path in split]


def parts(path: str) -> tuple[str, ...]:
    """A client's path as safe names; `.` and `..` resolved, what would lead above the root left out."""
    found: list[str] = []
    for part in path.split("/"):
        if part == "..":
            found[-1:] = []
        elif part not in ("", "."):
            found.append(safe(part))
    return tuple(found)


def inside(path: str) -> tuple[str, ...]:
    """A path in the repository as its parts; a leading slash does not matter.

    Raises omero.ValidationException when it leads above the root, or has names that are not safe.
    """
    found: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not found:
                raise omero.ValidationException(message="Path may not make references above root")
            found.pop()
        elif part not in ("", "."):
            found.append(part)
    if any(part != safe(part) for part in found):
        raise omero.ValidationException(message="Path contains illegal components")
    return tuple(found)


def directory(path_parts: Sequence[str]) -> str:
    """originalfile.path for what lies in a directory: "/" at the top, "a/b/" below."""
    return "/".join(path_parts) + "/" if path_parts else "/"
