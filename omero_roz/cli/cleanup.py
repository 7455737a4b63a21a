"""`omero roz cleanup`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import objects, options, report
from omero_roz.cli.telling import confirmed
from omero_roz.errors import Refused, RozError, UsageError
from omero_roz.shown import counted

if TYPE_CHECKING:
    from omero_roz.fileset import Owner
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.replace.cleanup import Cleanup
    from omero_roz.replace.owners import Owners
    from omero_roz.settled import Settled

HELP = "Remove a source fileset that was replaced, or a new one that was rolled back, to free its disk"
_FROM = "more of them: a table with a column fileset or object; - is the standard input"
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: the files are looked at for links"


def add_options(parser: ArgumentParser) -> None:
    """The options of `cleanup`."""
    parser.add_argument("filesets", metavar="FILESET", nargs="*", help=objects.FILESETS)
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help=_FROM)
    parser.add_argument("--all-from", dest="run", metavar="RUN", help="the sources of all that a run has replaced")
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--yes", action="store_true", help="remove it without asking")
    parser.add_argument("--dry-run", action="store_true", help="look at everything and remove nothing")
    report.add_option(parser)
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
    for text in args.filesets:
        objects.is_fileset(text)  # a wrong call is told before anybody has to log in
    report.check(args)
    repository = Path(args.managed_repository) if args.managed_repository else None
    with database_of(session(), args.db) as database, closing(Owners(session(), database, repository)) as owners:
        unread = list[RozError]()
        if args.run is not None:
            sources, unread = _sources_of(ctx, session(), args.run)
            named += map(str, sources)
        named = list(dict.fromkeys(named))
        cleaning = _Cleaning(ctx, owners, args, len(named) > 1)
        try:
            cleaning.clean(named)
        finally:
            report.write(args, cleaning.reported())
    if args.json:
        rows = cleaning.rows
        ctx.json(rows if len(named) != 1 else next(iter(rows), None))
    objects.raise_for([*unread, *cleaning.failed], len(unread) + len(named))


def _sources_of(ctx: Any, session: "OmeroSession", run: str) -> tuple[list[int], list[RozError]]:
    """The sources of what a run has replaced: of an administrator's all, of others what is theirs.

    Those of a fileset whose records cannot be read are not known: what is wrong is told, and stops no other.
    """
    from omero_roz.settling import of_run, without_others

    said: list[tuple[int, Owner]] = []

    def read(made: "Settled") -> None:
        said.extend((source, made.fileset.owner) for source in made.sources_in(run))

    mine = [made for made in of_run(session, run) if made.may_be_changed_by(session.who)]
    unread = objects.one_by_one(ctx, mine, read)
    found = without_others(session, said)
    if not found and not unread:
        raise Refused("no fileset that you may see is replaced by it", f"run {run}", "check the run's name")
    return found, unread


class _Cleaning:
    """Removes filesets; `rows` say what became of them, for JSON, `failed` what could not be removed."""

    def __init__(self, ctx: Any, owners: "Owners", args: Namespace, several: bool) -> None:
        self._ctx, self._owners, self._args, self._several = ctx, owners, args, several
        self.rows, self.failed = list[dict](), list[RozError]()
        self._refused: list[tuple[int | str, RozError]] = []
        self._planned: list[Cleanup] = []

    def clean(self, named: Sequence[str]) -> None:
        """Look at all, ask once, remove those that can be."""
        self._each(named, self._look)
        if not self._planned:
            return
        if self._args.dry_run or not _confirmed(self._ctx, self._planned, self._args):
            self._each(self._planned, partial(self._tell, removed=False))
            return
        self._each(self._planned, self._remove)
        self._owners.sweep()

    def reported(self) -> Iterator[dict[str, Any]]:
        """What the report says of each: those that were removed or could be, then those that cannot be."""
        for row in self.rows:
            state = "removed" if row["removed"] or row["images_in"] is None else "not removed"
            yield {"fileset": row["fileset"], "new": row["images_in"], "state": state}
        for named, error in self._refused:
            yield {"fileset": named, "state": "refused", "reason": report.reason(error.problems)}

    def _each(self, given: Sequence[Any], do: Callable[[Any], None]) -> None:
        def one(what: Any) -> None:
            try:
                do(what)
            except RozError as error:
                self._refused.append((what if isinstance(what, str) else what.fileset.id, error))
                raise

        self.failed += objects.one_by_one(self._ctx, given, one, self._several)

    def _look(self, text: str) -> None:
        """Look whether a fileset can be removed; one that is gone already needs nothing."""
        from omero_roz.cli.progress import progress
        from omero_roz.ports.omero.events import deleted
        from omero_roz.replace.cleanup import examine

        number = objects.fileset(self._owners.session, text)
        if gone := deleted(self._owners.session, number):
            self.rows.append({"fileset": number, "images_in": None, "bytes": 0, "files": [], "removed": False})
            self._ctx.err(f"Fileset:{number}: it was removed already, {gone}")
            return
        with progress(sys.stderr) as shown:
            self._planned.append(examine(self._owners, number, options.access(self._args), shown))

    def _remove(self, one: "Cleanup") -> None:
        from omero_roz.replace.cleanup import remove

        if left := remove(self._owners, one):
            self._ctx.err(f"warning: {left}")
        self._tell(one, removed=True)

    def _tell(self, one: "Cleanup", removed: bool) -> None:
        row = {"fileset": one.fileset.id, "images_in": one.holder.id, "bytes": one.bytes}
        self.rows.append(row | {"files": one.files, "removed": removed})
        what = "removed" if removed else "nothing was removed"
        self._ctx.err(f"Fileset:{one.fileset.id}: {what} ({counted(len(one.files), 'file')}, {one.bytes} bytes)")


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
