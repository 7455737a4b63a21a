"""Which files SQL may let the server open: those of which the database shows that they are their owner's.

A row of a file is a claim: its owner may give it any path and name that no other row has, and register files in a
directory that is nobody's (tests/contract/test_renaming.py). What nobody can write: its repository, who wrote it last,
and the rows of directories that are others'. So a row counts if whoever wrote it last owns the directory that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from omero_roz.change import Change, Move
from omero_roz.errors import Problem
from omero_roz.fileset import NO_FILE, PixelsFile
from omero_roz.places import is_canonical
from omero_roz.ports.database import Transaction

_PERSON = re.compile("(.+)_([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Registered:
    """Files in repositories as the database has them: by owner and group of the filesets that register them and whose
    they can be, and all that have a row at all."""

    by: Mapping[tuple[int, int], set[PixelsFile]]
    known: set[PixelsFile]


def registered_files(tx: Transaction, sql: Mapping[str, str], changes: Sequence[Change]) -> Registered:
    """What is registered of the files that the server shall open after changes and that these do not bring along."""
    wanted = {m.after.pixels.path for c in changes for m in c.moves if m.after.pixels and _opens_another(m)}
    brought = {file.directory.strip("/") for c in changes for file in c.files}
    paths = sorted(f"{path}/" for path in wanted - brought if path)
    if not paths:
        return Registered({}, set())
    rows = tx.rows(sql["lock_registered"], paths=paths)
    whose_is = _owners_of(tx, sql, {(repo, path.rstrip("/")) for path, _, repo, *_ in rows})
    by: dict[tuple[int, int], set[PixelsFile]] = {}
    known = set[PixelsFile]()
    for path, name, repo, owner, group, writer, is_admin in rows:
        file = PixelsFile(path.rstrip("/"), name, repo)
        known.add(file)
        of = whose_is.get((repo, path.rstrip("/")))
        if of is not None and (of == writer or (is_admin and of == owner)):
            by.setdefault((owner, group), set()).add(file)
    return Registered(by, known)


def not_registered(change: Change, registered: Registered) -> Iterator[Problem]:
    """What a file that the server shall open is not: one that a fileset of the owner's registers, or will.

    Whoever says so (a record is a claim): no other file is written into pixels, and none at all only where it had none.
    """
    files = {PixelsFile(file.directory.strip("/"), file.name, file.repo) for file in change.files}
    own = files | registered.by.get(whose(change), set())
    for m in change.moves:
        file = m.after.pixels
        if file is not None and _opens_another(m) and file != NO_FILE and not (file in own and is_canonical(file)):
            what = "the file that the server should open for it is not one that its owner's filesets register"
            yield Problem(f"Image:{m.image}", what, "nothing was changed; was the record edited, or a file renamed?")


def without_lost(change: Change, registered: Registered) -> Change:
    """The change, in which an image that has an ExternalInfo gets no file back that nobody has a row of any more.

    That was of an older source, removed since: what the server opened was gone before as well.
    """
    if change.files or not any(_opens_another(m) for m in change.moves):
        return change
    return replace(change, moves=[_without_file(m) if _is_lost(m, registered) else m for m in change.moves])


def whose(change: Change) -> tuple[int, int]:
    """Owner and group of all that a change makes."""
    return change.owner.user_id, change.owner.group_id


def _owners_of(tx: Transaction, sql: Mapping[str, str], places: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Whose the directories of repositories are, each a repository's uuid and a path; those that are nobody's left out.

    From the root down the first that is somebody's tells: one that is called as OMERO calls a user's own, or whose row
    is no administrator's. What is below it may be a claim.
    """
    above = {place: list(accumulate(place[1].split("/"), "{}/{}".format)) for place in places}
    split = sorted({(path.rpartition("/")[0], path.rpartition("/")[2]) for found in above.values() for path in found})
    forms = {name: form for _, name in split if (form := _PERSON.fullmatch(name))}
    people = dict(tx.rows(sql["people"], ids=sorted({int(form[2]) for form in forms.values()})))
    persons = {name: int(form[2]) for name, form in forms.items() if people.get(int(form[2])) == form[1]}
    directories = tx.rows(
        sql["directories"], paths=[f"{path}/" for path, _ in split], names=[name for _, name in split]
    )
    rows = {(repo, f"{path.strip('/')}/{name}".lstrip("/")): owner for repo, path, name, owner in directories}
    found = {}
    for place, steps in above.items():
        tells = (persons.get(path.rpartition("/")[2], rows.get((place[0], path))) for path in steps)
        owner = next((one for one in tells if one is not None), None)
        if owner is not None:
            found[place] = owner
    return found


def _is_lost(m: Move, registered: Registered) -> bool:
    file = m.after.pixels
    return _opens_another(m) and m.after.external_info is not None and file not in registered.known and file != NO_FILE


def _without_file(m: Move) -> Move:
    return replace(m, after=replace(m.after, pixels=NO_FILE))


def _opens_another(m: Move) -> bool:
    return m.after.pixels is not None and m.after.pixels != m.before.pixels
