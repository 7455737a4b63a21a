"""`omero roz replace-fileset --from`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from omero_roz.cli import report
from omero_roz.cli.options import access, server_paths
from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.replace.bulk import Outcome
    from omero_roz.replace.bulk_plan import Options

_FROM = (
    "replace many: a table with the columns fileset (id, or the name of its plate or image) and zarr; IDR's form "
    "name,uuid path,fileset id is read too. The same command again goes on with what was stopped"
)
_DASK = (
    "let the workers of the Dask cluster at this address read and compare (with --from); they get an OMERO session of "
    "yours or the owner's that ends with the run, and need omero-roz too. The changes are made here"
)
_REPORT = f"{report.HELP}; with --dry-run of one fileset each image and the series that it is paired with"
BATCH = 100
_ERRORS = "plan all and change nothing if one is wrong, stop at the first that fails (default: --keep-going)"


def add_options(parser: ArgumentParser) -> None:
    """The options of a replacement of many filesets."""
    group = parser.add_argument_group("many filesets")
    group.add_argument("--from", dest="table", metavar="FILE.csv", help=_FROM)
    group.add_argument("--prefix", metavar="URI", help="put before the Zarrs of the table")
    group.add_argument("--batch", type=int, metavar="N", help="filesets a transaction (default: 100)")
    group.add_argument("--run", metavar="NAME", help="name of the run (default: made from the table)")
    group.add_argument("--report", metavar="FILE", help=_REPORT)
    group.add_argument("--dask", metavar="ADDRESS", help=_DASK)
    errors = group.add_mutually_exclusive_group()
    errors.add_argument("--stop-on-error", action="store_true", help=_ERRORS)
    errors.add_argument("--keep-going", action="store_true", help="replace all that can be replaced")


def check(args: Namespace) -> None:
    """Raises UsageError where neither one fileset nor a table is named, or both."""
    if args.table is None and (args.fileset is None or args.uri is None):
        raise UsageError("nothing to replace", fix="name a fileset and its Zarr, or a table with --from")
    if args.table is not None and (args.fileset is not None or args.mapping):
        raise UsageError("a fileset and --mapping are for one, and --from is for many", fix="leave either out")
    without = {"--prefix": args.prefix, "--run": args.run, "--batch": args.batch}
    flags = {"--stop-on-error": args.stop_on_error, "--keep-going": args.keep_going}
    for option, given in (without | flags).items():
        if args.table is None and given not in (None, False):
            raise UsageError("it is for many, as a table names them", option, "leave it out, or give --from")
    if args.table == "-" and args.run is None:
        raise UsageError("a run's name is made from the table's file", "--from -", "name it with --run")
    if args.jobs is not None and args.jobs < 1:
        raise UsageError("at least one thread has to read and compare", f"--jobs {args.jobs}")
    if args.dask and args.table is None:
        raise UsageError("one fileset is not spread over a cluster", "--dask", "leave it out, or give a table (--from)")
    if args.run is not None and not (args.run.strip() and args.run.isprintable()):
        raise UsageError("a run needs a name of letters that can be printed", "--run", "people see it in OMERO")
    if args.batch is not None and args.batch < 1:
        raise UsageError("a batch has at least one fileset", f"--batch {args.batch}")


def replace_all(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Replace the filesets of a table."""
    from omero_roz.cli.progress import progress
    from omero_roz.replace.bulk import Run
    from omero_roz.replace.bulk_table import read_table
    from omero_roz.replace.owners import owners_for
    from omero_roz.replace.workers import cluster, threads

    lines, options = list(read_table(args.table, args.prefix)), _options(args)
    if not lines:
        raise UsageError("it has no lines", f"--from {args.table}", "name filesets and their Zarrs")
    report.check(args)
    with (
        owners_for(session, args.db, args.managed_repository) as owners,
        cluster(args.dask) if args.dask else threads(options.jobs) as workers,
        progress(sys.stderr) as shown,
    ):
        run = Run(owners, lines, options, workers, shown)
        try:
            run.go()
            if not args.dry_run:
                owners.sweep()
        finally:
            outcomes = list(run.outcomes.values())
            _tell(ctx, outcomes, options, args)
    bad = sum(outcome.bad for outcome in outcomes)
    if (bad and not args.dry_run) or any(outcome.state == "refused" for outcome in outcomes):
        raise RozError(f"{bad} of {len(outcomes)} were not replaced", fix="see above; the same command again goes on")


def _options(args: Namespace) -> "Options":
    from omero_roz.proving.pixels import JOBS
    from omero_roz.replace.bulk_plan import Options
    from omero_roz.replace.bulk_table import run_name
    from omero_roz.replace.proof import Proof

    jobs = args.jobs or 2 * JOBS
    return Options(
        args.run or run_name(args.table), args.binding, Proof(args.check), not args.no_probe, server_paths(args),
        access(args), args.batch or BATCH, jobs, args.stop_on_error, args.dry_run,
    )  # fmt: skip


def _tell(ctx: Any, outcomes: Sequence["Outcome"], options: "Options", args: Namespace) -> None:
    from omero_roz.replace.bulk import UNPROVEN

    rows = [asdict(outcome) for outcome in outcomes]
    if args.json:
        ctx.json({"run": options.run, "filesets": rows})
    else:
        from omero_roz.cli.terminal import show_outcomes

        show_outcomes(outcomes, sys.stdout)
    if any(outcome.state in ("replaced", UNPROVEN) for outcome in outcomes):
        ctx.err(f"to undo: omero roz rollback --all-from {options.run}")
    report.write(args, [outcome.reported() for outcome in outcomes])
