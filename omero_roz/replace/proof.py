"""The proof of a replacement: planes compared before the change and after it."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from omero_roz.binding import external_info
from omero_roz.errors import Problem, Refused, UsageError
from omero_roz.fileset import ExternalInfo
from omero_roz.layout.store import Store
from omero_roz.matching import Pair
from omero_roz.ports.omero.planes import PlaneReaders
from omero_roz.ports.omero.session import OmeroSession
from omero_roz.proving.evidence import Evidence, seek
from omero_roz.proving.pixels import JOBS, Checked, Progress, compare
from omero_roz.proving.recorded import as_recorded, proven
from omero_roz.proving.sampling import Choice, Everything, Sample
from omero_roz.proving.served import Bound, Stand, compare_served, stands
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
        self, readers: PlaneReaders, store: Store, pairs: Sequence[Pair], progress: Progress
    ) -> dict[str, Any] | None:
        """Compare what OMERO shows before a change with the Zarr; what the record says of it.

        Raises Refused with the planes that differ.
        """
        if self.mode == "none":
            return None
        choice: Choice = Everything() if self.mode == "all" else Sample(self.seed)
        seen = compare(readers, store, pairs, choice, progress, "before", self.jobs, seek(store, pairs))
        if seen.problems:
            raise Refused.of(seen.problems)
        return {"before": as_recorded(choice, seen)}


NONE = Proof("none")


@contextmanager
def bound(
    session: OmeroSession,
    replaced: Sequence[tuple[Sequence[Pair], Evidence, Record]],
    group_id: int,
    beside: Executor | None = None,
) -> Iterator[list[list[Stand]]]:
    """For each replaced fileset the stands of its images, made with one save for all of them.

    None with the binding zarr-reader: only an ExternalInfo can be passed over by the server. `beside` deletes them.
    """
    wanted = [
        Bound(pairs if record.binding == external_info.NAME else (), evidence, _bindings(record))
        for pairs, evidence, record in replaced
    ]
    with stands(session, wanted, group_id, beside) as stood:
        yield stood


def _bindings(record: Record) -> dict[int, ExternalInfo | None]:
    return {image.id: image.binding for image in record.images}


@dataclass(frozen=True, slots=True)
class Proved:
    """What a look after a change has shown: what differs, and the record with it.

    `seen` is None where the server does not read the Zarr at all; `missing` says why it proves nothing.
    """

    problems: Sequence[Problem]
    record: Record
    seen: Checked | None = None
    missing: str = ""


def after(
    readers: PlaneReaders,
    store: Store,
    pairs: Sequence[Pair],
    record: Record,
    evidence: Evidence,
    stood: Sequence[Stand],
    progress: Progress,
    jobs: int = JOBS,
) -> Proved:
    """Compare what OMERO shows after a change with the Zarr; what it proves."""
    choice = Sample((record.check or {}).get("before", {}).get("seed", 0))
    unserved, seen = compare_served(readers, store, stood, pairs, choice, progress, jobs, evidence)
    if unserved:
        return Proved(unserved, record)
    return Proved(seen.problems, proven(record, choice, seen, evidence), seen, evidence.missing)
