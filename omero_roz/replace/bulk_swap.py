"""A batch of a bulk run: its files, one transaction for all its filesets; then the proof of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace

from omero_roz.applying import swap
from omero_roz.applying.means import Means
from omero_roz.applying.rows import ids_needed
from omero_roz.change import Change
from omero_roz.errors import Refused, RozError, Unreachable
from omero_roz.ports.omero.filesets import Filesets, Still
from omero_roz.proving.evidence import Evidence, seek
from omero_roz.proving.served import Stand
from omero_roz.record import TAKEN_BACK
from omero_roz.replace import proof, steps
from omero_roz.replace.bulk_plan import Job
from omero_roz.replace.proof import Proved
from omero_roz.replace.workers import Place, Workers, readers_at
from omero_roz.settled import Written, unchanged
from omero_roz.settling import settle


@dataclass(frozen=True, slots=True)
class Swapped:
    """The new fileset of a line, and how many rows were made for it."""

    fileset: int
    rows: int


@dataclass(slots=True)
class _Ready:
    """A change whose files are written, and the context that removes them where it is refused."""

    job: Job
    change: Change
    context: AbstractContextManager[Change]

    def finish(self, result: int | RozError) -> None:
        """Leave the context as if the change had been done in it."""
        if isinstance(result, RozError):
            with suppress(RozError):  # it is told in the batch's results
                self.context.__exit__(type(result), result, None)
        else:
            self.context.__exit__(None, None, None)


def swap_batch(means: Means, jobs: Sequence[Job]) -> list[Swapped | RozError]:
    """Change the filesets of a batch, which are of one owner; for each what was made, or why it was not done.

    Raises Unreachable where the database or OMERO does not answer: which of the batch are done OMERO's records tell.
    """
    results: dict[int, Swapped | RozError] = {}
    ready: list[_Ready] = []
    for job in jobs:
        if job.planned.done is not None:
            results[job.line.number] = Swapped(job.planned.done.fileset, 0)
            continue
        context = steps.prepared(means, job.planned.plan, job.planned.pairs, job.source, job.record)
        try:
            ready.append(_Ready(job, context.__enter__(), context))
        except Unreachable as error:
            _finish_all(ready, error)
            raise
        except Refused as error:
            results[job.line.number] = error
    for one, done in zip(ready, _apply(means, ready), strict=True):
        one.finish(done)
        rows = sum(ids_needed([one.change]).values())
        results[one.job.line.number] = done if isinstance(done, RozError) else Swapped(done, rows)
    return [results[job.line.number] for job in jobs]


def _finish_all(ready: Sequence[_Ready], error: RozError) -> None:
    for one in ready:
        one.finish(error)


def _apply(means: Means, ready: Sequence[_Ready]) -> Sequence[int | RozError]:
    """Do the changes: all in one transaction, and where the database refuses it as a whole each in its own."""
    changes = [one.change for one in ready]
    try:
        if means.database is not None and changes:
            try:
                return swap.apply(means.database, changes, means.session.who)
            except Unreachable:
                raise
            except Refused:
                pass  # one of them has spoilt it for all
        return [_apply_one(means, change) for change in changes]
    except BaseException as error:
        # Whether it was done is not known: the files stay, and the next run looks.
        _finish_all(ready, error if isinstance(error, RozError) else Unreachable("stopped"))
        raise


def _apply_one(means: Means, change: Change) -> int | RozError:
    try:
        return means.apply(change)
    except Unreachable:
        raise
    except Refused as error:
        return error


@dataclass(frozen=True, slots=True)
class _Look:
    """What proving one replacement takes: its record, what tells, and the scratch images that stand for its images."""

    job: Job
    written: Written
    evidence: Evidence
    stood: Sequence[Stand]


def prove_batch(
    means: Means, jobs: Sequence[Job], filesets: Sequence[int], user: str, workers: Workers
) -> list[RozError | None]:
    """Compare planes of what a batch has replaced by these filesets, and write into the records that it is proven.

    For each None, or why it is not: the source was then brought back, or `Unproven` tells that it was not (`Blank`:
    and need not be).
    Raises Unreachable where OMERO does not answer; the same command then proves what is left.
    """
    found = _records(means, jobs, filesets)
    known = [job for job, one in zip(jobs, found, strict=True) if isinstance(one, Written)]
    written = [one for one in found if isinstance(one, Written)]
    with ThreadPoolExecutor(1) as beside:  # its end waits until the scratch images are deleted
        proved = iter(_proved(means, known, written, user, workers, beside) if known else ())
    return [next(proved) if isinstance(one, Written) else one for one in found]


class Unproven(Refused):
    """It is replaced and not proven, and its source was not brought back."""


class Blank(Unproven):
    """It is replaced and as it should be, but nothing of it can prove that: its pixels are all alike."""


def _records(means: Means, jobs: Sequence[Job], filesets: Sequence[int]) -> list[Written | Unproven]:
    """The record of each that is to be proven, as it was just written."""
    settled, found = settle(means.session, sorted(filesets)), list[Written | Unproven]()
    for job, fileset in zip(jobs, filesets, strict=True):
        try:
            if fileset not in settled:
                raise Refused("it was deleted meanwhile", f"Fileset:{fileset}")
            found.append(job.planned.done or steps.made_by(job.planned.plan, job.record, settled[fileset]))
        except Refused as error:
            found.append(Unproven(str(error)))
    return found


def _proved(
    means: Means, jobs: Sequence[Job], written: Sequence[Written], user: str, workers: Workers, beside: Executor
) -> list[RozError | None]:
    group = jobs[0].planned.plan.owner.group_id
    try:
        evidence = list(workers.pool.map(_sought, jobs))
        each = zip(jobs, evidence, written, strict=True)
        replaced = [(job.planned.pairs, tells, one.record) for job, tells, one in each]
        with proof.bound(means.session, replaced, group, beside) as stood:
            looks = [_Look(*one) for one in zip(jobs, written, evidence, stood, strict=True)]
            seen = list(workers.pool.map(_look, [workers.place(means.session)] * len(looks), looks))
    except Unreachable:
        raise
    except Refused as error:
        if len(jobs) == 1:
            return [_brought_back(means, jobs[0], written[0], user, error)]
        # What one of them spoils for all is found out singly.
        both = zip(jobs, written, strict=True)
        return [failed for job, one in both for failed in _proved(means, [job], [one], user, workers, beside)]
    results: list[RozError | None] = []
    proven: dict[int, str] = {}
    for job, one, proved in zip(jobs, written, seen, strict=True):
        if proved.problems:
            results.append(_brought_back(means, job, one, user, Refused.of(proved.problems)))
        else:
            proven[one.annotation] = proved.record.to_json()
            results.append(Blank(proved.missing, f"Fileset:{one.fileset}") if proved.missing else None)
    unwritten = _rewritten(means, proven, group, unchanged(written))
    return [unwritten.get(one.annotation, failed) for failed, one in zip(results, written, strict=True)]


def _sought(job: Job) -> Evidence:
    """What of one replacement can prove anything."""
    return seek(job.source.store, job.planned.pairs)


def _look(place: Place, look: _Look) -> Proved:
    """Compare planes of one replacement, wherever it runs."""
    job, group = look.job, look.job.planned.plan.owner.group_id
    store, pairs, record = job.source.store, job.planned.pairs, look.written.record
    try:
        with readers_at(place, group) as readers:
            return proof.after(readers, store, pairs, record, look.evidence, look.stood, lambda *_: None, jobs=1)
    except Unreachable:
        raise
    except Refused as error:
        return Proved(error.problems, record)


def _brought_back(means: Means, job: Job, written: Written, user: str, why: RozError) -> RozError:
    undone = replace(job.record, kind="rollback", state=TAKEN_BACK, source=written.fileset, check=None, user=user)
    try:
        steps.roll_back(means, written, job.planned.plan.owner, undone)
    except Unreachable:
        raise
    except Refused as left:
        return Unproven(f"{why}; and the source could not be brought back ({left})", f"Fileset:{written.fileset}")
    return why


def _rewritten(means: Means, proven: Mapping[int, str], group: int, still: Still) -> dict[int, RozError]:
    """Write the records, all at once or where one of them spoils that singly; those that could not be written."""
    filesets = Filesets(means.session)
    try:
        filesets.rewrite_many(proven, group, still)
        return {}
    except Unreachable:
        raise
    except Refused as error:
        if len(proven) == 1:
            return {annotation: Unproven(str(error)) for annotation in proven}
        singly = (_rewritten(means, {one: text}, group, still) for one, text in proven.items())
        return {annotation: failed for unwritten in singly for annotation, failed in unwritten.items()}
