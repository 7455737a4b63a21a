"""`omero roz annotate`: its options, and what it prints."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options
from omero_roz.cli.telling import confirmed, failed, warn

if TYPE_CHECKING:
    from omero_roz.errors import RozError
    from omero_roz.layout.annotation import Annotation
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Write the metadata sources and series mapping of a Zarr into its attributes (metadataSources)"


def add_options(parser: ArgumentParser) -> None:
    """The options of `annotate`."""
    parser.add_argument("uri", metavar="URI", help="path or s3:// address of the Zarr")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument("--json", action="store_true", help="print JSON; asks nothing: say --yes or --dry-run")
    options.add_store_options(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Write a layout's metadata sources and series mapping into the attributes of its root.

    With --json all that goes to stdout is one JSON object, whatever happens: `uri`, `state` (planned, written,
    unchanged or failed) and, unless it failed, `metadataSources` and `files`, those that are or would be written.
    """
    from omero_roz.errors import RozError

    try:
        _annotate(ctx, args)
    except RozError as error:
        if args.json:
            ctx.json(failed(args.uri, error))
        raise


def failure(error: "RozError") -> dict:
    """What JSON says of a call that was wrong before anything was looked at."""
    return failed(None, error)


def _annotate(ctx: Any, args: Namespace) -> None:
    from omero_roz import zarrs
    from omero_roz.errors import UsageError
    from omero_roz.layout.annotation import annotation

    if args.json and not (args.yes or args.dry_run):
        raise UsageError("--json asks nothing", fix="say --yes, or --dry-run to look only")
    zarr = zarrs.read(args.uri, options.access(args), args.mapping)
    planned = annotation(zarr.store, zarr.layout)
    warn(ctx, zarr.layout.warnings)
    uri, names = zarr.layout.uri, " and ".join(path for path, *_ in planned.files)
    if not args.json:
        ctx.json({"metadataSources": planned.block})
    if not planned.files:
        ctx.err(f"{uri}: it says so already, nothing was written")
        return _annotated(ctx, args, uri, "unchanged", planned)
    if args.dry_run:
        ctx.err(f"{uri}: dry run, nothing was written; {names} would be")
        return _annotated(ctx, args, uri, "planned", planned)
    if not confirmed(ctx, args, uri, f"Write this to {names} in {uri}"):
        return ctx.err("nothing was written")
    zarrs.annotate(zarr, planned)
    ctx.err(f"{uri}: {names} written")
    _annotated(ctx, args, uri, "written", planned)


def _annotated(ctx: Any, args: Namespace, uri: str, state: str, planned: "Annotation") -> None:
    if args.json:
        told = {"uri": uri, "state": state, "metadataSources": planned.block}
        files = [path for path, *_ in planned.files]
        ctx.json(told | {"files": files})
