"""Settling what OMERO says of filesets: the one place where records are read, and where it is decided which count.

What is believed, from whom, and what settles it: docs/decisions/012. In short: a record counts if the fileset's owner
wrote it and put it there; what follows a fileset has its owner and group and says so in its own record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from omero_roz.errors import Problem, Refused
from omero_roz.fileset import Fileset, Owner
from omero_roz.plan import batches
from omero_roz.ports.omero.filesets import Filesets, Noted
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.ports.omero.together import at_once
from omero_roz.record import NS_RECORD, NS_SUMMARY, RUN, ZARR, from_json
from omero_roz.settled import Settled, Written, followed

# How much is read of what somebody has put on one fileset, so that nobody fills the memory of others' commands.
ROOM = 1 << 20
ROOM_AN_IMAGE = 16 << 10  # an image takes 0.7 KiB of a record
ROOM_EMPTY = 64 << 20  # how many images an emptied fileset had is not known
AT_ONCE = 8 << 20  # characters of texts in one answer
MOST_NOTES = 1000
MOST_FOLLOWERS = 100
MOST_NAMED = 20  # annotations that one message names
CHUNK = 100  # filesets that are settled together


def settle(session: OmeroSession, ids: Sequence[int], heads: bool = False) -> dict[int, Settled]:
    """Those of the filesets that the user sees, settled, with few queries for all of them.

    `heads`: those without images have their records without the images that these name, so that what was emptied takes
    no memory.
    """
    filesets = Filesets(session)
    there = _read(filesets, ids, heads)
    empty = {number: one for number, one in there.items() if not one.fileset.images}
    return there | _followed(filesets, empty, heads)


def settle_one(session: OmeroSession, number: int) -> Settled:
    """One fileset, settled; Refused where it does not exist or the user may not see it."""
    found = settle(session, [number]).get(number)
    if found is None:
        raise Refused("it does not exist or you may not see it", f"Fileset:{number}", "check the id and the user")
    return found


def holder(session: OmeroSession, number: int) -> Settled:
    """The fileset that has the images which a fileset had: itself, or the one that replaced it, over several steps.

    Where nobody says where they went it is the last one without images. Raises Refused as `settle_one`, and where
    it is unclear.
    """
    found = holders(session, [number]).get(number)
    if found is None:
        raise Refused("it does not exist or you may not see it", f"Fileset:{number}", "check the id and the user")
    if isinstance(found, Refused):
        raise found
    return found


def holders(session: OmeroSession, ids: Sequence[int]) -> dict[int, Settled | Refused]:
    """The holder of each fileset that there is, or why it is unclear, with few queries for all of them."""
    found: dict[int, Settled | Refused] = dict(settle(session, ids, heads=True))
    passed = {number: {number} for number in found}
    todo = set(found)
    while todo:
        wanted = dict[int, int]()
        for number in sorted(todo):
            one = found[number]
            assert isinstance(one, Settled)
            try:
                next_one = one.follower if not one.fileset.images else None
            except Refused as unclear:
                found[number] = unclear
                continue
            if next_one is not None and next_one.fileset not in passed[number]:
                wanted[number] = next_one.fileset
        more = settle(session, sorted(set(wanted.values())), heads=True) if wanted else {}
        todo = {number for number, to in wanted.items() if to in more}
        for number in todo:
            found[number] = more[wanted[number]]
            passed[number].add(wanted[number])
    return found


def of_run(session: OmeroSession, run: str) -> Iterator[Settled]:
    """The filesets whose owners' records say that a bulk run made them, undone or not; with those that are unread."""
    for chunk in batches(Filesets(session).summarised(NS_SUMMARY, RUN, run), CHUNK):
        yield from (one for one in settle(session, chunk).values() if one.unread or one.was_in(run))


def without_others(session: OmeroSession, said: Sequence[tuple[int, Owner]]) -> list[int]:
    """Filesets that records name as their sources, each with the owner of the record, without those of others.

    Those that the user does not see, as they were removed, have no owner any more, and are left in.
    """
    owners = dict[int, Owner]()
    for chunk in batches(sorted({source for source, _ in said}), CHUNK):
        owners |= {number: one.owner for number, one in Filesets(session).get_many(chunk).items()}
    return sorted({source for source, owner in said if owners.get(source, owner) == owner})


def imports_of(session: OmeroSession, uri: str, group_id: int) -> Iterator[Settled]:
    """The filesets whose owners' summaries say that they hold a Zarr, of one group or of all that the user sees."""
    for chunk in batches(Filesets(session).summarised(NS_SUMMARY, ZARR, uri, group_id), CHUNK):
        yield from settle(session, chunk).values()


def left_behind(session: OmeroSession, found: Iterable[Settled]) -> dict[int, Problem]:
    """Filesets without a record of their owner's that were given to them, and whose maker kept the records."""
    bare = {one.fileset.id: one.fileset.owner.user_name for one in found if not one.written and not one.unread}
    left = Filesets(session).left_behind(sorted(bare), [NS_RECORD, NS_SUMMARY])
    return {number: _given(number, bare[number], *kept) for number, kept in left.items()}


def _given(fileset: int, owner: str, maker: str, annotations: Sequence[int]) -> Problem:
    """What a record that stayed with the maker is worth: nothing, until it is given as well."""
    what = f"it is {owner}'s, its records are still {maker}'s, who made it: they do not count"
    ids = ",".join(map(str, annotations[:MOST_NAMED]))
    return Problem(f"Fileset:{fileset}", what, f"give them too: omero chown {owner} Fileset:{fileset} Annotation:{ids}")


def _read(filesets: Filesets, ids: Sequence[int], heads: bool) -> dict[int, Settled]:
    there, found_notes = _found(filesets, ids)
    notes: dict[int, list[Noted]] = {number: [] for number in there}
    for noted in found_notes:
        notes.get(noted.fileset, []).append(noted)
    refused = {number: _too_much(there[number], found, len(there)) for number, found in notes.items()}
    good = [noted for number, found in notes.items() if refused[number] is None for noted in found]
    written: dict[int, list[Written]] = {number: [] for number in there}
    unread = {number: [problem] if problem is not None else [] for number, problem in refused.items()}
    for noted, text in _texts(filesets, good):
        try:
            record = from_json(text, f"Fileset:{noted.fileset}, Annotation:{noted.annotation}")
        except Refused as error:
            unread[noted.fileset] += error.problems
            continue
        if record.source == noted.fileset:
            what = f"its record (Annotation:{noted.annotation}) says that it is its own source"
            unread[noted.fileset].append(Problem(f"Fileset:{noted.fileset}", what, "was it edited by hand?"))
            continue
        if heads and not there[noted.fileset].images:
            record = replace(record, images=())
        written[noted.fileset].append(Written(noted.fileset, noted.annotation, record, noted.event, noted.said))
    return {
        number: Settled(fileset, tuple(written[number]), tuple(unread[number])) for number, fileset in there.items()
    }


def _found(filesets: Filesets, ids: Sequence[int]) -> tuple[dict[int, Fileset], list[Noted]]:
    """Filesets and the notes on them, asked for at once."""
    there, notes = dict[int, Fileset](), list[Noted]()
    at_once(lambda: there.update(filesets.get_many(ids)), lambda: notes.extend(filesets.noted(ids, NS_RECORD)))
    return there, notes


def _too_much(fileset: Fileset, notes: Sequence[Noted], asked: int) -> Problem | None:
    """Why the notes on a fileset are not read."""
    images, size = len(fileset.images), sum(noted.length or 0 for noted in notes)
    room = ROOM + ROOM_AN_IMAGE * images if images else max(ROOM_EMPTY // asked, 4 * ROOM)
    if size <= room and len(notes) <= MOST_NOTES:
        return None
    what = f"its {len(notes)} records are too large to be omero-roz's ({size:,} characters)"
    return Problem(f"Fileset:{fileset.id}", what, "delete those (annotations) that are none")


def _texts(filesets: Filesets, notes: Sequence[Noted]) -> Iterator[tuple[Noted, str]]:
    """The notes with their texts, in portions."""
    portion, size = list[Noted](), 0
    for noted in [*notes, None]:
        length = noted.length or 0 if noted is not None else AT_ONCE
        if portion and size + length > AT_ONCE:
            texts = filesets.texts([one.annotation for one in portion])
            yield from ((one, texts[one.annotation]) for one in portion if one.annotation in texts)
            portion, size = [], 0
        if noted is not None:
            portion.append(noted)
            size += length


def _followed(filesets: Filesets, empty: Mapping[int, Settled], heads: bool) -> dict[int, Settled]:
    """Emptied filesets with what follows them."""
    names = {f"Fileset:{number}": number for number in empty}
    named = filesets.named(NS_RECORD, {name: empty[number].fileset.owner for name, number in names.items()})
    many = {names[name] for name, found in named.items() if len(found) > MOST_FOLLOWERS}
    wanted = sorted({one for name, found in named.items() if names[name] not in many for one in found})
    candidates = _read(filesets, wanted, heads) if wanted else {}
    done = {}
    for name, number in names.items():
        if number in many:
            what = f"{len(named[name])} filesets have records that are named after it"
            unclear = (Problem(name, what, "delete those (annotations) that are none of omero-roz's"),)
            done[number] = replace(empty[number], unclear=unclear)
        else:
            done[number] = followed(empty[number], [candidates[c] for c in named.get(name, ()) if c in candidates])
    return done
