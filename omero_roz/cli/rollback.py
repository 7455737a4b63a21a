"""`omero roz rollback`: its options, and what it prints."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from omero_roz.cli import objects, options, report
from omero_roz.cli.telling import asked
from omero_roz.errors import RozError, UsageError
from omero_roz.shown import counted

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.settled import Settled

HELP = "Give the images of a replaced fileset back to its source"
_FROM = "more of them: a table with a column new, fileset or object; - is the standard input"


def add_options(parser: ArgumentParser) -> None:
    """The options of `rollback`."""
    parser.add_argument("filesets", metavar="FILESET", nargs="*", help=f"the new one: {objects.FILESETS}")
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help=_FROM)
    parser.add_argument("--all-from", dest="run", metavar="RUN", help="all that a run of replace-fileset has replaced")
    parser.add_argument("--yes", action="store_true", help="do it without asking, on a terminal too")
    parser.add_argument("--dry-run", action="store_true", help="show what would be brought back and change nothing")
    report.add_option(parser)
    options.add_database_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON: of one fileset a value, of several a list")


def _named(args: Namespace) -> list[str]:
    """The filesets that are named; UsageError where there are none, or a run as well."""
    given = bool(args.filesets or args.table)
    if given == (args.run is not None):
        raise UsageError("name filesets, a table with --from, or a run with --all-from", fix="one of them")
    named = [*args.filesets, *(objects.column(args.table, ("new", "fileset", "object")) if args.table else ())]
    if given and not named:
        raise UsageError("it names no fileset", f"--from {args.table}", "mend the table")
    for text in args.filesets:
        objects.is_fileset(text)
    return named


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Bring the source of a replaced fileset back, or those of several, or of all that a run replaced."""
    named = _named(args)  # a wrong call is told before anybody has to log in
    report.check(args)
    if args.run is not None:
        return _all_of_run(ctx, session(), args)
    if len(named) > 1:
        return _many(ctx, session(), args, named)
    _one(ctx, session(), args, named[0])


def _one(ctx: Any, mine: "OmeroSession", args: Namespace, named: str) -> None:
    from omero_roz.applying.sweeping import sweep_along
    from omero_roz.replace import one
    from omero_roz.settling import settle_one

    settled = settle_one(mine, objects.fileset(mine, named))
    with one.means_for(mine, settled, args.db, None) as means:
        if not _go_on(ctx, args, lambda: _would(mine, settled)):
            return report.write(args, [_row(settled.fileset.id, "not rolled back")])
        try:
            done = one.roll_back(means, settled, mine.who.user_name)
        except RozError as error:
            report.write(args, [_row(settled.fileset.id, "refused", reason=report.reason(error.problems))])
            raise
        sweep_along(means, settled.fileset.owner)
    report.write(args, [_row(settled.fileset.id, "rolled back", done.source)])
    if args.json:
        return ctx.out(json.dumps({"fileset": done.source, "already": done.already}))
    ctx.out(f"Fileset:{done.source}")
    was = "it was rolled back already: " if done.already else ""
    ctx.err(f"{was}the images of {settled.where} are back in Fileset:{done.source}")


def _row(fileset: int, state: str, source: int | None = None, reason: str = "") -> dict[str, Any]:
    return {"fileset": fileset, "state": state, "new": source, "reason": reason}


def _would(session: "OmeroSession", settled: "Settled") -> str:
    """What a rollback would do; raises what forbids it."""
    from omero_roz.replace import one

    found = one.way_back(session, settled)
    if isinstance(found, one.RolledBack):
        return f"{settled.where}: it was rolled back already, its images are in Fileset:{found.source}"
    images = counted(len(found.record.images), "image")
    return f"{settled.where}: {images} would go back to Fileset:{found.record.source}, bound as before"


def _go_on(ctx: Any, args: Namespace, what: Callable[[], str]) -> bool:
    """Whether to do it: not in a dry run, nor where somebody at a terminal says no."""
    if not args.dry_run and (args.yes or not sys.stdin.isatty()):
        return True
    ctx.err(what())
    if not args.dry_run and asked(ctx, "Roll back"):
        return True
    ctx.err("dry run: nothing was changed" if args.dry_run else "nothing was changed")
    return False


def _all_of_run(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Roll back what a run has replaced: of an administrator's all, of others what is theirs."""
    from omero_roz.errors import Refused
    from omero_roz.settling import of_run

    wanted, done, left = list[int](), 0, 0
    for made in of_run(session, args.run):
        if not made.may_be_changed_by(session.who):
            left += 1
        elif made.unread or made.is_in(args.run):
            wanted.append(made.fileset.id)
        else:
            done += 1
    if left:
        ctx.err(f"{left} of run {args.run} are left out: they belong to others")
    if not wanted and not done:
        what = "no fileset that you may see was replaced by it"
        raise Refused(what, f"run {args.run}", "check the run's name")
    if not wanted:
        ctx.err(f"run {args.run}: all of it was rolled back already")
        report.write(args, [])
        if args.json:
            ctx.out("[]")
        return
    _undo(ctx, session, args, wanted, f" of run {args.run}")


def _many(ctx: Any, session: "OmeroSession", args: Namespace, named: Sequence[str]) -> None:
    """Roll back several; one that is not there is told, and stops no other."""
    wanted: dict[int, None] = {}
    missing = objects.one_by_one(ctx, named, lambda text: wanted.update({objects.fileset(session, text): None}))
    if wanted:
        _undo(ctx, session, args, list(wanted), "", len(missing))
    objects.raise_for(missing, len(named))


def _undo(
    ctx: Any, session: "OmeroSession", args: Namespace, wanted: Sequence[int], of_run: str, missing: int = 0
) -> None:
    """Ask, roll back one after the other, tell what became of them; `missing` were told already."""
    from omero_roz.cli.progress import progress
    from omero_roz.errors import Refused
    from omero_roz.replace import one
    from omero_roz.replace.bulk import roll_back_all as undo_all
    from omero_roz.replace.owners import owners_for
    from omero_roz.settling import settle_one

    if not _go_on(ctx, args, lambda: f"{counted(len(wanted), 'fileset')}{of_run} would be rolled back"):
        return report.write(args, [_row(fileset, "not rolled back") for fileset in wanted])
    results: list[dict[str, Any]] = []
    with (
        report.reporting(args) as rows,
        owners_for(session, args.db, None) as owners,
        progress(sys.stderr) as shown,
    ):

        def undo(fileset: int) -> int:
            settled = settle_one(session, fileset)
            if args.run is not None and not settled.is_in(args.run):
                raise Refused(f"its record is not{of_run} any more", settled.where, "look with status")
            means = owners.means(settled.fileset.owner, settled.where)
            return one.roll_back(means, settled, session.who.user_name).source

        for done in undo_all(wanted, undo, shown):
            results.append(done)
            rows.append(_row(done["fileset"], done["state"], done["source"], report.reason(done["problems"])))
        owners.sweep()
    if args.json:
        ctx.json([one | {"problems": [asdict(problem) for problem in one["problems"]]} for one in results])
    failed = [result for result in results if result["state"] == "refused"]
    for result in failed:
        ctx.err(result["reason"])
    ctx.err(f"{len(results) - len(failed)} of {len(results)} filesets{of_run} rolled back")
    if failed:
        raise RozError(f"{len(failed) + missing} could not be rolled back", fix="see above")
