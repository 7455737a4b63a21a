"""The proof of a replacement: planes compared before the change and after it, and what the record says of them.

`Record.check` is {"before": {...}, "after": {...}}, each with what was looked at, the seed that repeats it, how many
images and planes, and one SHA-1 of all that OMERO showed.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from omero_roz.binding import external_info
from omero_roz.errors import Problem, Refused, UsageError
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.pixels import JOBS, Moment, Progress, compare
from omero_roz.proving.sampling import Choice, Everything, Sample
from omero_roz.proving.served import Stand, not_served, stands
from omero_roz.record import Record

MODES = ("none", "sample", "all")


@dataclass(frozen=True, slots=True)
class Proof:
    """What is compared before a change: none, sample or all; on how many threads."""

    mode: str
    seed: int = field(default_factory=lambda: random.SystemRandom().randrange(2**32))
    jobs: int = JOBS

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError("there is no such check", f"--check {self.mode}", f"choose {', '.join(MODES)}")

    def before(
        self, session: OmeroSession, store: Store, pairs: Sequence[Pair], group_id: int, progress: Progress
    ) -> dict[str, Any] | None:
        """Compare what OMERO shows before a change with the Zarr; what the record says of it.

        Raises Refused with the planes that differ.
        """
        if self.mode == "none":
            return None
        choice: Choice = Everything() if self.mode == "all" else Sample(self.seed)
        problems, told = look(session, store, pairs, group_id, choice, progress, "before", self.jobs)
        if problems:
            raise Refused.of(problems)
        return {"before": {"check": self.mode} | told}


NONE = Proof("none")


@contextmanager
def bound(
    session: OmeroSession, replaced: Sequence[tuple[Sequence[Pair], Record]], group_id: int
) -> Iterator[list[list[Stand]]]:
    """For each replaced fileset the stands of its images, made with one save for all of them.

    None with the binding zarr-reader: only an ExternalInfo can be passed over by the server.
    """
    by_info = [record.binding == external_info.NAME for _, record in replaced]
    wanted = [
        (pairs if wants else (), {image.id: image.binding for image in record.images})
        for (pairs, record), wants in zip(replaced, by_info, strict=True)
    ]
    with stands(session, wanted, group_id) as stood:
        yield stood


def after(
    session: OmeroSession,
    store: Store,
    pairs: Sequence[Pair],
    group_id: int,
    record: Record,
    stood: Sequence[Stand],
    progress: Progress,
    jobs: int = JOBS,
) -> tuple[Sequence[Problem], Record]:
    """Compare what OMERO shows after a change with the Zarr: what differs, and the record that says it is proven."""
    seed = (record.check or {}).get("before", {}).get("seed", 0)
    choice = Sample(seed)
    problems: Sequence[Problem] = not_served(session, store, stood, group_id, jobs)
    told: dict[str, Any] = {}
    if not problems:
        problems, told = look(session, store, pairs, group_id, choice, progress, "after", jobs)
    return problems, replace(record, state="proven", check=(record.check or {}) | {"after": {"check": "sample"} | told})


def look(
    session: OmeroSession,
    store: Store,
    pairs: Sequence[Pair],
    group_id: int,
    choice: Choice,
    progress: Progress,
    moment: Moment,
    jobs: int = JOBS,
) -> tuple[Sequence[Problem], dict[str, Any]]:
    """Compare what a choice takes of the pairs: what differs, and what was seen as a record tells it."""
    checked = compare(session, store, choice.pairs(pairs), group_id, choice, progress, moment, jobs)
    seed = {"seed": choice.seed} if isinstance(choice, Sample) else {}
    return checked.problems, seed | {"images": checked.images, "planes": checked.planes, "sha1": checked.digest}


def told(record: Record) -> str:
    """The proof of a record for people, on one line."""
    parts = [f"{moment}: {check['planes']} planes ({check['check']})" for moment, check in (record.check or {}).items()]
    return ", ".join(parts)
