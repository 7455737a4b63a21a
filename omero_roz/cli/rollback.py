"""`omero roz rollback`: its options, and what it prints."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options
from omero_roz.cli.telling import asked
from omero_roz.errors import RozError, UsageError
from omero_roz.shown import counted

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.settled import Settled

HELP = "Give the images of a replaced fileset back to its source"


def add_options(parser: ArgumentParser) -> None:
    """The options of `rollback`."""
    parser.add_argument("fileset", metavar="Fileset:ID", nargs="?", type=options.fileset, help="the new Fileset")
    parser.add_argument("--yes", action="store_true", help="do it without asking, on a terminal too")
    parser.add_argument("--dry-run", action="store_true", help="show what would be brought back and change nothing")
    parser.add_argument("--all-from", dest="run", metavar="RUN", help="all that a run of --from has replaced")
    options.add_database_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _check(args: Namespace) -> None:
    """Raises UsageError where neither a fileset nor a run is named, or both."""
    if (args.fileset is None) == (args.run is None):
        raise UsageError("name a fileset, or a run with --all-from", fix="one of them")


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Bring the source of a replaced fileset back, or those of all that a run replaced."""
    from omero_roz.applying.sweeping import sweep_along
    from omero_roz.replace import one
    from omero_roz.settling import settle_one

    _check(args)  # a wrong call is told before anybody has to log in
    if args.run is not None:
        return _all(ctx, session(), args)
    mine = session()
    settled = settle_one(mine, args.fileset)
    with one.means_for(mine, settled, args.db, None) as means:
        if not _go_on(ctx, args, lambda: _would(mine, settled)):
            return
        done = one.roll_back(means, settled, mine.who.user_name)
        sweep_along(means, settled.fileset.owner)
    if args.json:
        return ctx.out(json.dumps({"fileset": done.source, "already": done.already}))
    ctx.out(f"Fileset:{done.source}")
    was = "it was rolled back already: " if done.already else ""
    ctx.err(f"{was}the images of Fileset:{args.fileset} are back in Fileset:{done.source}")


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


def _all(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Roll back what a run has replaced: of an administrator's all, of others what is theirs."""
    from omero_roz.cli.progress import progress
    from omero_roz.errors import Refused
    from omero_roz.replace import one
    from omero_roz.replace.bulk import roll_back_all as undo_all
    from omero_roz.replace.owners import owners_for
    from omero_roz.settling import of_run, settle_one

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
        if args.json:
            ctx.out("[]")
        return
    if not _go_on(ctx, args, lambda: f"{counted(len(wanted), 'fileset')} of run {args.run} would be rolled back"):
        return
    with owners_for(session, args.db, None) as owners, progress(sys.stderr) as report:

        def undo(fileset: int) -> int:
            settled = settle_one(session, fileset)
            if not settled.is_in(args.run):
                raise Refused(f"its record is not of run {args.run} any more", settled.where, "look with status")
            means = owners.means(settled.fileset.owner, settled.where)
            return one.roll_back(means, settled, session.who.user_name).source

        results = undo_all(wanted, undo, report)
        owners.sweep()
    if args.json:
        ctx.json(results)
    failed = [result for result in results if result["state"] == "refused"]
    for result in failed:
        ctx.err(result["reason"])
    ctx.err(f"{len(results) - len(failed)} of {len(results)} filesets of run {args.run} rolled back")
    if failed:
        raise RozError(f"{len(failed)} could not be rolled back", fix="see above")
