"""The proof of a replacement: planes compared before the change and after it, and what the record says of them.

`Record.check` is {"before": {...}, "after": {...}}, each with what was looked at, the seed that repeats it, how many
images and planes, and one SHA-1 of all that OMERO showed.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from omero_roz.binding import external_info
from omero_roz.errors import Problem, Refused, UsageError
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero_session import OmeroSession
from omero_roz.record import Record
from omero_roz.verify.pixels import JOBS, Moment, Progress, compare
from omero_roz.verify.sampling import Choice, Everything, Sample
from omero_roz.verify.served import not_served

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


def after(
    session: OmeroSession,
    store: Store,
    pairs: Sequence[Pair],
    group_id: int,
    record: Record,
    progress: Progress,
    jobs: int = JOBS,
) -> tuple[Sequence[Problem], Record]:
    """Compare what OMERO shows after a change with the Zarr: what differs, and the record that says it is proven."""
    seed = (record.check or {}).get("before", {}).get("seed", 0)
    choice = Sample(seed)
    problems = served(session, store, pairs, group_id, record, jobs)
    told: dict[str, Any] = {}
    if not problems:
        problems, told = look(session, store, pairs, group_id, choice, progress, "after", jobs)
    return problems, replace(record, state="proven", check=(record.check or {}) | {"after": {"check": "sample"} | told})


def served(
    session: OmeroSession, store: Store, pairs: Sequence[Pair], group_id: int, record: Record, jobs: int = JOBS
) -> Sequence[Problem]:
    """What tells that the server reads something else than the Zarr; only an ExternalInfo can be passed over by it."""
    if record.binding != external_info.NAME:
        return ()
    bindings = {image.id: image.binding for image in record.images}
    return not_served(session, store, pairs, bindings, group_id, jobs)


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
    parts = [
        f"{moment}: {check['planes']} planes ({check['check']})" for moment, check in (record.check or {}).items()
    ]
    return ", ".join(parts)
