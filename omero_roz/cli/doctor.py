"""`omero roz doctor`: its options, and what it prints."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options
from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.doctor.examination import Finding, Zarrs
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Ask a server what it can, before anything is touched: rights, readers, database, repository"
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it (with --db)"
_MARKS = {"good": "ok", "note": "note", "bad": "BAD"}


def add_options(parser: ArgumentParser) -> None:
    """The options of `doctor`."""
    parser.add_argument("uri", metavar="URI", nargs="?", help="a Zarr that the server shall be able to read")
    options.add_database_option(parser)
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    options.add_store_options(parser)
    options.add_server_path_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Look at the server; exits with 1 where the main job would fail."""
    from omero_roz.applying.means import Means
    from omero_roz.doctor.examination import examine
    from omero_roz.ports.database import Database

    if args.managed_repository is not None and args.db is None:
        raise UsageError("files that are written there are registered by SQL", "--managed-repository", "give --db too")
    database = Database(args.db, lambda: session().database) if args.db is not None else None
    try:
        zarr = _zarr(args)
        repository = Path(args.managed_repository) if args.managed_repository is not None else None
        found = []
        for one in examine(Means(session(), database, repository), zarr):
            found.append(one)
            if not args.json:
                ctx.out(_line(one))
    finally:
        if database is not None:
            database.close()
    if args.json:
        ctx.json([asdict(one) for one in found])
    if bad := [one.what for one in found if one.state == "bad"]:
        raise RozError(f"the main job would fail ({', '.join(bad)})", fix="see above")


def _zarr(args: Namespace) -> "Zarrs | None":
    """The Zarr that is named, and its address for the server."""
    from omero_roz import zarrs
    from omero_roz.binding.lsid import ServerView, server_root
    from omero_roz.doctor.examination import Zarrs

    if args.uri is None:
        return None
    zarr = zarrs.read(args.uri, options.access(args), args.mapping)
    view = ServerView(options.server_paths(args), zarr.store.bucket)
    return Zarrs(zarr.store, zarr.layout, server_root(zarr.layout.uri, view))


def _line(one: "Finding") -> str:
    return f"{_MARKS[one.state]:<5}{one.what}: {one.said}" + (f"; {one.fix}" if one.fix else "")
