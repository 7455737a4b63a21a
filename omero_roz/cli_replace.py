"""`omero roz replace-fileset`, `rollback` and `status`: their options, and what they print."""

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz import cli_bulk, cli_zarr

if TYPE_CHECKING:
    from omero_roz.ports.omero_session import OmeroSession
    from omero_roz.replace.cleanup import Cleanup
    from omero_roz.replace.steps import Replaced

_DB = (
    "libpq service name or DSN of OMERO's database: the change is one SQL transaction, faster for many images. No "
    "password in it: PGPASSFILE, PGPASSWORD and pg_service.conf work"
)
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: files are written there, past the API (with --db)"
_CLEANUP_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: the files are looked at for links"
_CHECK = "planes compared with the Zarr's before the change: none, a sample (default), or every one"
_BINDING = (
    "external-info (default): omero-zarr-pixel-buffer reads the Zarr where it is; zarr-reader: Bio-Formats with "
    "OMEZarrReader reads it through links in the ManagedRepository (needs --db and --managed-repository)"
)


def fileset(text: str) -> int:
    """The id in Fileset:ID, or ID alone; argparse's error for anything else."""
    kind, colon, number = text.rpartition(":")
    if not number.isdecimal() or int(number) >= 2**63 or (colon and kind != "Fileset"):
        raise ValueError(f"{text} is not Fileset:ID")  # what the argparse that omero-py ships turns into usage
    return int(number)


def add_replace_options(parser: ArgumentParser) -> None:
    """The options that only a replacement has."""
    add_binding_option(parser)
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--check", choices=("none", "sample", "all"), default="sample", help=_CHECK)
    parser.add_argument("--jobs", type=int, metavar="N", help="threads that read and compare (default: one a core)")
    add_database_option(parser)
    cli_bulk.add_options(parser)


def add_binding_option(parser: ArgumentParser) -> None:
    """How the server will read the Zarr."""
    parser.add_argument("--binding", default="external-info", metavar="BINDING", help=_BINDING)


def add_database_option(parser: ArgumentParser) -> None:
    """Where the database is."""
    parser.add_argument("--db", metavar="SERVICE|DSN", help=_DB)


def replace_fileset(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Replace a fileset by a Zarr, or many as a table says."""
    if args.table is not None:
        return cli_bulk.replace_all(ctx, session, args)
    from omero_roz.binding.lsid import ServerView, parse_server_path
    from omero_roz.replace import one
    from omero_roz.replace.proof import Proof
    from omero_roz.replace.sources import read_source
    from omero_roz.terminal import progress
    from omero_roz.verify.pixels import JOBS

    source = read_source(args.uri, cli_zarr.access(args), args.mapping)
    view = ServerView(tuple(parse_server_path(text) for text in args.server_path), source.store.bucket)
    with one.means_for(session, args.fileset, args.db, args.managed_repository) as means:
        planned = one.plan(means, source, args.fileset, args.binding, view)
        if args.dry_run:
            return _show_plan(ctx, planned, args)
        with progress(sys.stderr) as report:
            user, proof = session.who.user_name, Proof(args.check, jobs=args.jobs or JOBS)
            done = one.run(means, planned, source, user, not args.no_probe, report, proof)
    if args.json:
        return ctx.out(json.dumps(asdict(done), indent=2))
    ctx.out(f"Fileset:{done.fileset}")
    ctx.err(_told(args.fileset, done))
    ctx.err(f"to undo: omero roz rollback Fileset:{done.fileset}")


def rollback(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Bring the source of a replaced fileset back, or those of all that a run replaced."""
    from omero_roz.replace import one

    if args.run is not None:
        return cli_bulk.roll_back_all(ctx, session, args)
    with one.means_for(session, args.fileset, args.db, None) as means:
        done = one.roll_back(means, args.fileset, session.who.user_name)
    if args.json:
        return ctx.out(json.dumps({"fileset": done.source, "already": done.already}))
    ctx.out(f"Fileset:{done.source}")
    was = "it was rolled back already: " if done.already else ""
    ctx.err(f"{was}the images of Fileset:{args.fileset} are back in Fileset:{done.source}")


def add_status_options(parser: ArgumentParser) -> None:
    """The options of `status`."""
    what = "Fileset:ID, Image:ID, Dataset:ID, Project:ID, Plate:ID or Screen:ID"
    parser.add_argument("object", metavar="OBJECT", help=what)
    parser.add_argument("--json", action="store_true", help="print JSON")


def status(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Show the records of what is named."""
    from omero_roz.errors import UsageError
    from omero_roz.ports.containers import parse
    from omero_roz.replace.status import status as read_status
    from omero_roz.terminal import show_records

    named = parse(args.object)
    if named is None:
        raise UsageError("it names no object of OMERO", args.object, "name Fileset:ID, Image:ID, Plate:ID …")
    stated = read_status(session, *named)
    if args.json:
        return ctx.out(json.dumps([one.to_json() for one in stated], ensure_ascii=False, indent=2))
    show_records(args.object, stated, sys.stdout)


def add_cleanup_options(parser: ArgumentParser) -> None:
    """The options of `cleanup`."""
    parser.add_argument("--managed-repository", metavar="DIR", help=_CLEANUP_REPOSITORY)
    parser.add_argument("--yes", action="store_true", help="remove it without asking")
    parser.add_argument("--dry-run", action="store_true", help="look at everything and remove nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_database_option(parser)
    cli_zarr.add_access_options(parser)


def cleanup(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Remove a fileset that a replacement or a rollback has emptied."""
    from omero_roz.ports.database import Database
    from omero_roz.replace import cleanup as cleaning
    from omero_roz.replace.owners import Owners
    from omero_roz.terminal import progress

    database = Database(args.db) if args.db else None
    repository = Path(args.managed_repository) if args.managed_repository else None
    owners = Owners(session, database, repository)
    try:
        with progress(sys.stderr) as report:
            planned = cleaning.examine(owners, args.fileset, cli_zarr.access(args), report)
        told = {"fileset": planned.fileset.id, "images_in": planned.holder.id, "bytes": planned.bytes}
        removed = not args.dry_run and _confirmed(ctx, planned, args)
        if removed:
            cleaning.remove(owners, planned)
    finally:
        owners.close()
    if args.json:
        ctx.out(json.dumps(told | {"files": planned.files, "removed": removed}, indent=2))
    done = "removed" if removed else "nothing was removed"
    ctx.err(f"Fileset:{planned.fileset.id}: {done} ({len(planned.files)} files, {planned.bytes} bytes)")


def _confirmed(ctx: Any, planned: "Cleanup", args: Namespace) -> bool:
    where, ended = f"Fileset:{planned.fileset.id}", planned.ends_rollback_of
    end = f"rollback of Fileset:{ended} ends here" if ended is not None else "its images are back in their source"
    ctx.err(f"{where}: its {len(planned.files)} files and its records will be deleted; {end}")
    return cli_zarr.confirmed(ctx, args, where, f"Remove {where}")


def _show_plan(ctx: Any, planned: Any, args: Namespace) -> None:
    if planned.done is not None:
        return ctx.err(f"Fileset:{args.fileset} is already replaced by Fileset:{planned.done.fileset}")
    if args.json:
        return ctx.out(planned.plan.to_json())
    for number, step in enumerate(planned.plan.steps(), 1):
        ctx.out(f"{number}. {step}")
    ctx.err("dry run: nothing was changed")


def _told(fileset: int, done: "Replaced") -> str:
    compared = f"{done.planes} planes compared through OMERO, all equal"
    if done.already:
        proof = f"; it is proven now: {compared}" if done.planes else ""
        return f"Fileset:{fileset} is already replaced by Fileset:{done.fileset}{proof}"
    return f"Fileset:{fileset} replaced by Fileset:{done.fileset}: " + (
        compared if done.planes else "not compared with the Zarr (--no-probe)"
    )
