"""`omero roz cleanup`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options
from omero_roz.cli.telling import confirmed

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.replace.cleanup import Cleanup

HELP = "Remove a source fileset that was replaced, or a new one that was rolled back, to free its disk"
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: the files are looked at for links"


def add_options(parser: ArgumentParser) -> None:
    """The options of `cleanup`."""
    parser.add_argument("fileset", metavar="Fileset:ID", type=options.fileset)
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--yes", action="store_true", help="remove it without asking")
    parser.add_argument("--dry-run", action="store_true", help="look at everything and remove nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_database_option(parser)
    options.add_access_options(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Remove a fileset that a replacement or a rollback has emptied."""
    from omero_roz.applying.means import database_of
    from omero_roz.cli.progress import progress
    from omero_roz.replace import cleanup as cleaning
    from omero_roz.replace.owners import Owners

    repository = Path(args.managed_repository) if args.managed_repository else None
    with database_of(session(), args.db) as database, closing(Owners(session(), database, repository)) as owners:
        with progress(sys.stderr) as report:
            planned = cleaning.examine(owners, args.fileset, options.access(args), report)
        told = {"fileset": planned.fileset.id, "images_in": planned.holder.id, "bytes": planned.bytes}
        removed = not args.dry_run and _confirmed(ctx, planned, args)
        left = cleaning.remove(owners, planned) if removed else None
        if removed:
            owners.sweep()
    if args.json:
        ctx.json(told | {"files": planned.files, "removed": removed})
    if left is not None:
        ctx.err(f"warning: {left}")
    done = "removed" if removed else "nothing was removed"
    ctx.err(f"Fileset:{planned.fileset.id}: {done} ({len(planned.files)} files, {planned.bytes} bytes)")


def _confirmed(ctx: Any, planned: "Cleanup", args: Namespace) -> bool:
    where, ended = f"Fileset:{planned.fileset.id}", planned.ends_rollback_of
    end = f"rollback of Fileset:{ended} ends here" if ended is not None else "its images are back in their source"
    ctx.err(f"{where}: its {len(planned.files)} files and its records will be deleted; {end}")
    return confirmed(ctx, args, where, f"Remove {where}")
