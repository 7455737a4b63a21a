"""`omero roz cleanup`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import objects, options
from omero_roz.cli.telling import confirmed, counted
from omero_roz.errors import Refused, RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.replace.cleanup import Cleanup
    from omero_roz.replace.owners import Owners

HELP = "Remove a source fileset that was replaced, or a new one that was rolled back, to free its disk"
_FROM = "more of them: a table with a column fileset (--report of replace-fileset writes one); - is the standard input"
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: the files are looked at for links"


def add_options(parser: ArgumentParser) -> None:
    """The options of `cleanup`."""
    parser.add_argument("filesets", metavar="FILESET", nargs="*", help=objects.FILESETS)
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help=_FROM)
    parser.add_argument("--all-from", dest="run", metavar="RUN", help="the sources of all that a run has replaced")
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--yes", action="store_true", help="remove it without asking")
    parser.add_argument("--dry-run", action="store_true", help="look at everything and remove nothing")
    parser.add_argument("--json", action="store_true", help="print JSON: of one fileset a value, of several a list")
    options.add_database_option(parser)
    options.add_access_options(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Remove filesets that a replacement or a rollback has emptied: all are looked at, one question, then removed."""
    from omero_roz.applying.means import database_of
    from omero_roz.replace.owners import Owners

    named = [*args.filesets, *(objects.column(args.table, ("fileset", "object")) if args.table else ())]
    if not named and args.run is None:
        raise UsageError("nothing to remove", fix="name a fileset, a table with --from, or a run with --all-from")
    for text in named:
        objects.is_fileset(text)  # a wrong call is told before anybody has to log in
    repository = Path(args.managed_repository) if args.managed_repository else None
    with database_of(session(), args.db) as database, closing(Owners(session(), database, repository)) as owners:
        if args.run is not None:
            named += map(str, _sources_of(session(), args.run))
        told = _cleaned(ctx, owners, list(dict.fromkeys(named)), args)
    if args.json:
        ctx.json(told.rows if len(told.count) != 1 else told.rows[0] if told.rows else None)
    objects.raise_for(told.failed, len(told.count))


class _Told:
    """What became of filesets: for JSON, and the errors."""

    def __init__(self, count: Sequence[str]) -> None:
        self.count, self.rows, self.failed = count, list[dict](), list[RozError]()


def _sources_of(session: "OmeroSession", run: str) -> list[int]:
    """The sources of what a run has replaced: of an administrator's all, of others what is theirs."""
    from omero_roz.settling import of_run

    found, who = set[int](), session.who
    for made in of_run(session, run):
        if who.is_admin or made.fileset.owner.user_id == who.user_id:
            records = [one.record for one in made.records if one.record.run == run and one.record.in_force]
            found |= {record.source for record in records if record.source is not None}
    if not found:
        raise Refused("no fileset that you may see is replaced by it", f"run {run}", "check the run's name")
    return sorted(found)


def _cleaned(ctx: Any, owners: "Owners", named: list[str], args: Namespace) -> _Told:
    from omero_roz.replace import cleanup as cleaning

    told, planned = _Told(named), list["Cleanup"]()
    told.failed += objects.one_by_one(ctx, named, lambda text: _look(ctx, owners, text, args, planned, told))
    if not planned:
        return told
    done = not args.dry_run and _confirmed(ctx, planned, args)

    def remove(one: "Cleanup") -> None:
        left = cleaning.remove(owners, one) if done else None
        if left is not None:
            ctx.err(f"warning: {left}")
        row = {"fileset": one.fileset.id, "images_in": one.holder.id, "bytes": one.bytes}
        told.rows.append(row | {"files": one.files, "removed": done})
        what = "removed" if done else "nothing was removed"
        ctx.err(f"Fileset:{one.fileset.id}: {what} ({counted(len(one.files), 'file')}, {one.bytes} bytes)")

    failed = objects.one_by_one(ctx, planned, remove)
    if len(planned) == 1 < len(named):
        for error in failed:
            ctx.err(str(error))
    told.failed += failed
    if done:
        owners.sweep()
    return told


def _look(ctx: Any, owners: "Owners", text: str, args: Namespace, planned: "list[Cleanup]", told: _Told) -> None:
    """Look whether a fileset can be removed; one that is gone already needs nothing."""
    from omero_roz.cli.progress import progress
    from omero_roz.ports.omero.events import deleted
    from omero_roz.ports.omero.filesets import Filesets
    from omero_roz.replace import cleanup as cleaning

    number = objects.fileset(owners.session, text)
    gone = "" if Filesets(owners.session).get_many([number]) else deleted(owners.session, number)
    if gone:
        told.rows.append({"fileset": number, "images_in": None, "bytes": 0, "files": [], "removed": False})
        return ctx.err(f"Fileset:{number}: it was removed already, {gone}")
    with progress(sys.stderr) as report:
        planned.append(cleaning.examine(owners, number, options.access(args), report))


def _confirmed(ctx: Any, planned: "Sequence[Cleanup]", args: Namespace) -> bool:
    """One question for all."""
    for one in planned:
        where, ended = f"Fileset:{one.fileset.id}", one.ends_rollback_of
        end = f"rollback of Fileset:{ended} ends here" if ended is not None else "its images are back in their source"
        ctx.err(f"{where}: its {counted(len(one.files), 'file')} and its records will be deleted; {end}")
    if len(planned) == 1:
        where = f"Fileset:{planned[0].fileset.id}"
        return confirmed(ctx, args, where, f"Remove {where}")
    size, files = sum(one.bytes for one in planned), sum(len(one.files) for one in planned)
    sums = f"{len(planned)} filesets with {counted(files, 'file')}, {size} bytes"
    ctx.err(f"together: {sums}")
    return confirmed(ctx, args, f"{len(planned)} filesets", f"Remove {sums}")
