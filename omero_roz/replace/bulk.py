"""Replacing many filesets: all are planned and compared first, then changed in batches, one transaction each.

What is planned waits in a temporary file, so memory does not grow with the table. OMERO's records alone say what is
done: a run that was stopped, whenever and however, is gone on with by the same command.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from omero_roz.applying.means import Means
from omero_roz.errors import Problem, Refused, RozError, UsageError
from omero_roz.fileset import Owner
from omero_roz.proving.pixels import Progress
from omero_roz.replace.bulk_plan import Job, Options, Rejected, plan_all
from omero_roz.replace.bulk_swap import Blank, Swapped, Unproven, prove_batch, swap_batch
from omero_roz.replace.bulk_table import Line
from omero_roz.replace.owners import Owners
from omero_roz.replace.workers import Workers

MOST_IMAGES = 5000  # of a batch: so long is a transaction at most, however large the plates
NOT_REACHED, UNKNOWN, NOT_COMPARED, UNPROVEN = "not reached", "not known", "not compared", "unproven"
LOST = "it was stopped while this was done; the same command tells"


@dataclass(slots=True)
class Outcome:
    """What became of a line: replaced, already replaced, planned, refused, failed, unproven (replaced, but nothing of
    it can prove that), not compared (replaced; it was stopped before the proof, or that could not be written), not
    known (it was stopped at the commit), or not reached.

    `fileset` is the source, `new` the fileset that the images are in now; `rows` counts new rows in the database.
    `reason` is one line for the screen, `problems` are all that is wrong.
    """

    line: int
    fileset: str
    zarr: str
    state: str = NOT_REACHED
    new: int | None = None
    reason: str = ""
    seconds: float = 0.0
    rows: int = 0
    problems: tuple[Problem, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether it was not done."""
        return self.state in ("refused", "failed", NOT_REACHED, UNKNOWN, NOT_COMPARED)

    @property
    def named(self) -> str:
        """The source: Fileset:ID, or what the table says."""
        return f"Fileset:{self.fileset}" if self.fileset.isdecimal() else self.fileset

    def reported(self) -> dict[str, Any]:
        """A line of a report: filesets as every verb takes them, in `reason` all that is wrong."""
        reason = " | ".join(map(str, self.problems)) or self.reason
        new = "" if self.new is None else f"Fileset:{self.new}"
        told = {"line": self.line, "fileset": self.named, "zarr": self.zarr, "state": self.state, "new": new}
        return told | {"reason": reason, "seconds": round(self.seconds, 3), "rows": self.rows}


class Run:
    """A run over a table: `outcomes` are true at any moment, also after it was interrupted."""

    def __init__(
        self, owners: Owners, lines: Sequence[Line], options: Options, workers: Workers, progress: Progress
    ) -> None:
        self.outcomes = {line.number: Outcome(line.number, line.fileset, line.zarr) for line in lines}
        self._owners, self._lines, self._options = owners, lines, options
        self._workers, self._progress = workers, progress

    def go(self) -> None:
        """Plan all, then change them in batches.

        Raises RozError where something outside does not answer; what was done then stays done.
        """
        with tempfile.TemporaryFile(prefix="omero-roz-plans-") as spool:
            waiting = self._plan(spool)
            if self._options.dry_run or (self._options.stop_on_error and self._failures()):
                return
            spool.seek(0)
            self._swap(spool, waiting)

    def _plan(self, spool: IO[bytes]) -> int:
        """Plan all lines into a file; how many there are to be changed."""
        waiting = 0
        for count, found in enumerate(plan_all(self._owners, self._lines, self._options, self._workers), 1):
            outcome = self.outcomes[found.line.number]
            if isinstance(found, Rejected):
                self._reject(outcome, "refused", found.error)
            elif self._to_do(found, outcome):
                pickle.dump(found, spool)
                waiting += 1
            if count % 10 == 0 or count == len(self._lines):
                # To count the failures at each of ten thousand would take longer than the work.
                self._report("planning", count, len(self._lines))
        return waiting

    def _to_do(self, job: Job, outcome: Outcome) -> bool:
        outcome.seconds, done = job.seconds, job.planned.done
        outcome.fileset = str(done.record.source if done is not None else job.planned.plan.source)
        if done is not None and not (self._options.probe and done.record.state == "unproven"):
            outcome.state, outcome.new = "already", done.fileset
            return False
        if self._options.dry_run:
            outcome.state = "planned"
        return True

    def _swap(self, spool: IO[bytes], waiting: int) -> None:
        reached = 0
        if waiting:
            self._report("replacing", reached, waiting)
        for batch in _batches(spool, waiting, self._options.batch):
            owner = batch[0].planned.plan.owner
            means = self._owners.means(owner, f"Fileset:{batch[0].planned.plan.source}")
            began = time.perf_counter()
            self._swap_batch(means, batch)
            if self._options.probe:
                self._prove_batch(means, batch)
            seconds = (time.perf_counter() - began) / len(batch)
            for job in batch:
                self.outcomes[job.line.number].seconds += seconds
            reached += len(batch)
            self._report("replacing", reached, waiting)
            if self._options.stop_on_error and self._failures():
                return

    def _swap_batch(self, means: Means, batch: Sequence[Job]) -> None:
        outcomes = [self.outcomes[job.line.number] for job in batch]
        for outcome in outcomes:
            outcome.state, outcome.reason = UNKNOWN, LOST
        for job, outcome, result in zip(batch, outcomes, swap_batch(means, batch), strict=True):
            outcome.reason, outcome.problems = "", ()
            if isinstance(result, Swapped):
                outcome.state = NOT_COMPARED if self._options.probe else "already" if job.planned.done else "replaced"
                outcome.new, outcome.rows = result.fileset, result.rows
            else:
                self._reject(outcome, "failed", result)

    def _prove_batch(self, means: Means, batch: Sequence[Job]) -> None:
        jobs = [job for job in batch if self.outcomes[job.line.number].state == NOT_COMPARED]
        outcomes = [self.outcomes[job.line.number] for job in jobs]
        new = [outcome.new for outcome in outcomes if outcome.new is not None]
        user = self._owners.session.who.user_name
        failures = prove_batch(means, jobs, new, user, self._workers) if jobs else ()
        for job, outcome, failed in zip(jobs, outcomes, failures, strict=True):
            if failed is None:
                outcome.state = "already" if job.planned.done else "replaced"
            elif isinstance(failed, Unproven):
                outcome.state = UNPROVEN if isinstance(failed, Blank) else NOT_COMPARED
                outcome.reason, outcome.problems = str(failed), failed.problems
            else:
                self._reject(outcome, "failed", failed)
                outcome.new, outcome.rows = None, 0

    def _reject(self, outcome: Outcome, state: str, error: RozError) -> None:
        outcome.state, outcome.reason, outcome.problems = state, str(error), error.problems

    def _failures(self) -> int:
        return sum(outcome.state in ("refused", "failed") for outcome in self.outcomes.values())

    def _report(self, what: str, done: int, total: int) -> None:
        bad = self._failures()
        self._progress(f"{what}, {bad} refused or failed" if bad else what, done, total)


def _batches(spool: IO[bytes], count: int, size: int) -> Iterator[list[Job]]:
    """What waits in the file in batches, each of one owner and group: a transaction belongs to one group."""
    if size < 1:
        raise UsageError("a batch has at least one fileset", f"--batch {size}")
    full: dict[Owner, list[Job]] = defaultdict(list)
    for _ in range(count):
        job = pickle.load(spool)  # our own file, which has no name
        batch = full[job.planned.plan.owner]
        batch.append(job)
        if len(batch) >= size or sum(len(one.planned.pairs) for one in batch) >= MOST_IMAGES:
            yield full.pop(job.planned.plan.owner)
    yield from full.values()


def roll_back_all(filesets: Sequence[int], undo: Callable[[int], int], progress: Progress) -> Iterator[dict[str, Any]]:
    """Undo each fileset, the newest first; what became of each. One that cannot be undone stops no other."""
    for count, fileset in enumerate(sorted(filesets, reverse=True)):
        progress("rolling back", count, len(filesets))
        try:
            done = {"state": "rolled back", "source": undo(fileset), "reason": "", "problems": ()}
        except Refused as error:
            done = {"state": "refused", "source": None, "reason": str(error), "problems": error.problems}
        yield {"fileset": fileset} | done
    progress("rolling back", len(filesets), len(filesets))
