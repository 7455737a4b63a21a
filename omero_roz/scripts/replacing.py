"""What Replace_Filesets.py does: the same as `omero roz replace-fileset`, of one fileset or a table of them."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from omero_roz.errors import UsageError
from omero_roz.ports.omero import containers
from omero_roz.ports.omero.script_job import ScriptJob
from omero_roz.ports.tables import text_of
from omero_roz.proving.pixels import JOBS
from omero_roz.replace.bulk import UNPROVEN, Outcome, Run
from omero_roz.replace.bulk_plan import Options
from omero_roz.replace.bulk_table import Line, read_table
from omero_roz.replace.owners import owners_for
from omero_roz.replace.proof import Proof
from omero_roz.replace.workers import threads
from omero_roz.scripts.policy import Policy
from omero_roz.scripts.running import Told, selected

NAMESPACE = "omero-roz/replace-report"


def replace_filesets(job: ScriptJob, policy: Policy, told: Told) -> None:
    """Replace what is named, or say what a replacement would do; the report has a line for each fileset."""
    given = job.given
    policy.check_replace(job.session.who, job.groups())
    lines = _resolved(_lines(job), policy, told)
    name = hashlib.sha256(repr(lines).encode()).hexdigest()[:12]
    options = Options(
        name, given["Binding"], Proof(given["Check"]), True, policy.server_paths, policy.access,
        jobs=2 * JOBS, dry_run=given["Dry_Run"],
    )  # fmt: skip
    with owners_for(job.session, policy.database, policy.repository) as owners, threads(options.jobs) as workers:
        run = Run(owners, lines, options, workers, job.progress)
        try:
            run.go()
            if not options.dry_run:
                owners.sweep()
        finally:
            _tell(job, list(run.outcomes.values()), options, told)


def _lines(job: ScriptJob) -> list[Line]:
    """What shall be replaced: as the table says, or the fileset of what is selected by the one Zarr."""
    given, table = job.given, job.given.get("File_Annotation")
    zarr = (given.get("Zarr") or "").strip()
    if table and zarr:
        raise UsageError("a Zarr is for one fileset, a table for many", fix="leave one of them out")
    if table:
        if not str(table).isdecimal():
            raise UsageError("it is no id of a FileAnnotation", str(table), "give its number")
        file = Path("table.csv")
        job.table(int(table), file)
        return list(read_table(str(file), None))
    if not zarr:
        raise UsageError("no Zarr is named", fix="type ALIAS:PATH or an address, or give a table")
    images = [image for one in selected(job) for image in containers.images_of(job.session, *one)]
    filesets = sorted(set(containers.filesets_of(job.session, images).values()))
    if len(filesets) != 1:
        what = f"what is selected is in {len(filesets)} filesets, and here is one Zarr"
        raise UsageError(what, fix="select one image or plate, or give a table with the columns fileset and zarr")
    return [Line(1, f"Fileset:{filesets[0]}", zarr)]


def _resolved(lines: Sequence[Line], policy: Policy, told: Told) -> list[Line]:
    """The lines with addresses in the place of aliases; raises NotAllowed with an alias that is unknown."""
    if not lines:
        raise UsageError("the table has no lines", fix="name filesets and their Zarrs")
    return [line if line.wrong else replace(line, zarr=policy.resolve(line.zarr)) for line in lines]


def _tell(job: ScriptJob, outcomes: Sequence[Outcome], options: Options, told: Told) -> None:
    states = Counter(outcome.state for outcome in outcomes)
    bad = [o for o in outcomes if o.state in ("refused", "failed") or (o.bad and not options.dry_run)]
    unproven = [o for o in outcomes if o.state == UNPROVEN]
    told.failures += bool(bad)
    what = "dry run, nothing was changed: " if options.dry_run else ""
    told.add(what + ", ".join(f"{count} {state}" for state, count in states.most_common()))
    for o in (*bad, *unproven):
        told.lines.append(f"{o.named}: {o.state}: {o.reason}" if o.reason else f"{o.named}: {o.state}")
    told.lines += [f"{o.named} is now Fileset:{o.new}" for o in outcomes if o.state in ("replaced", UNPROVEN)]
    if states["replaced"] or unproven:
        told.add(f"to undo: omero roz rollback --all-from {options.run}")
    rows = [outcome.reported() for outcome in outcomes]
    table = text_of(list(rows[0]), rows)
    job.report("replaced.csv", table, "text/csv", NAMESPACE, ())
