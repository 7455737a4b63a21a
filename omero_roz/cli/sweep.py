"""`omero roz sweep`: its options, and what it prints."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options
from omero_roz.errors import RozError, UsageError
from omero_roz.shown import counted

if TYPE_CHECKING:
    from omero_roz.applying.sweeping import Left
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Remove what deleted filesets and dead commands have left behind: directories and rows that nothing refers to"
_USER = "what another user has left (as an administrator)"
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: directories of shadows are swept there (with --db)"


def add_options(parser: ArgumentParser) -> None:
    """The options of `sweep`."""
    parser.add_argument("--of", metavar="USER", help=_USER)
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--dry-run", action="store_true", help="look and remove nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_database_option(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Sweep what is left of a user's; exits with 1 where something of it could not be removed."""
    from omero_roz.applying import sweeping
    from omero_roz.applying.means import Means, database_of
    from omero_roz.ports.omero.session import as_owner
    from omero_roz.ports.omero.users import owner_called

    if (args.managed_repository is None) != (args.db is None):
        what = "what is registered in the repository's directory only the database can say"
        raise UsageError(what, "--managed-repository", "give both, or neither: then rows and directories of OMERO's")
    repository = Path(args.managed_repository) if args.managed_repository is not None else None
    mine = session()
    owner = owner_called(mine, args.of) if args.of else mine.who.as_owner
    problems = []
    what = f"what {owner.user_name} has left"
    with database_of(mine, args.db) as database, as_owner(mine, owner, what) as theirs:
        means = Means(theirs, database, repository)
        left = sweeping.look(means, owner)
        if not args.dry_run:
            problems = sweeping.sweep(means, owner, left)
    _tell(ctx, left, args)
    for problem in problems:
        ctx.err(str(problem))
    if problems:
        raise RozError(f"{len(problems)} could not be removed", fix="see above")


def _tell(ctx: Any, left: "Left", args: Namespace) -> None:
    shadows, files = [str(place) for place in left.places], [row.path for row in left.files]
    if args.json:
        ctx.json({"shadows": shadows, "files": files, "external_infos": len(left.infos), "removed": not args.dry_run})
    else:
        for path in (*shadows, *files):
            ctx.out(path)
    done = "left" if args.dry_run else "swept"
    shown = counted(len(shadows), "directory", "directories")
    counts = f"{shown} of shadows, {len(files)} files and directories of OMERO's"
    ctx.err(f"{done}: {counts}, {counted(len(left.infos), 'row')} of ExternalInfo")
