"""A batch of a bulk run: its files, one transaction for all its filesets, then the proof of each."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace

from omero_roz.change import Change
from omero_roz.errors import Problem, Refused, RozError, Unreachable
from omero_roz.ports.filesets import Filesets
from omero_roz.record import NS_RECORD, Record, from_json
from omero_roz.replace import proof, steps, swap
from omero_roz.replace.bulk_plan import Job, Options
from omero_roz.replace.rows import ids_needed
from omero_roz.replace.steps import Means, Written


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


def swap_batch(means: Means, jobs: Sequence[Job], user: str, options: Options) -> list[Swapped | RozError]:
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
    if options.probe:
        _prove(means, jobs, results, user, options)
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
        return steps.apply(means, change)
    except Unreachable:
        raise
    except Refused as error:
        return error


def _prove(
    means: Means, jobs: Sequence[Job], results: dict[int, Swapped | RozError], user: str, options: Options
) -> None:
    """Compare planes of what was changed, and write into the records that they are proven; what differs goes back."""
    made = {job.line.number: done.fileset for job in jobs if isinstance(done := results[job.line.number], Swapped)}
    notes = Filesets(means.session).notes_many(sorted(made.values()), NS_RECORD)
    group = jobs[0].planned.plan.owner.group_id

    def look(job: Job) -> tuple[Written, Sequence[Problem], Record]:
        fileset = made[job.line.number]
        annotation, text = notes[fileset][-1]
        written = job.planned.done or Written(fileset, annotation, from_json(text, f"Fileset:{fileset}"))
        session, store = means.session, job.source.store
        problems, proven = proof.after(
            session, store, job.planned.pairs, group, written.record, lambda *_: None, jobs=1
        )
        return written, problems, proven

    proven: dict[int, str] = {}
    looked_at = [job for job in jobs if job.line.number in made]
    with ThreadPoolExecutor(options.jobs) as pool:
        for job, (written, problems, record) in zip(looked_at, pool.map(look, looked_at), strict=True):
            if not problems:
                proven[written.annotation] = record.to_json()
                continue
            undone = replace(job.record, kind="rollback", source=written.fileset, check=None, user=user)
            steps.roll_back(means, written, job.planned.plan.owner, undone)
            results[job.line.number] = Refused.of(problems)
    Filesets(means.session).rewrite_many(proven, group)
