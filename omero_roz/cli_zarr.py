"""The verbs of `omero roz` that need no OMERO, and the options that say how a Zarr is reached."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omero_roz.errors import LayoutError, Problem, Refused, RozError
    from omero_roz.layout.annotation import Annotation
    from omero_roz.layout.model import ZarrLayout
    from omero_roz.layout.store import Store
    from omero_roz.ports.zarr_stores import Access
    from omero_roz.zarrs import Zarr

MOST_WARNINGS = 20


def add_store_options(parser: ArgumentParser) -> None:
    """The options of every verb that reads a Zarr."""
    parser.add_argument("--mapping", metavar="FILE", help="series of each Image: a JSON list of paths, or one a line")
    add_access_options(parser)


def add_access_options(parser: ArgumentParser) -> None:
    """How to get into a bucket: what is not given is taken from the AWS environment and configuration."""
    parser.add_argument("--endpoint", metavar="URL", help="the S3 server, if it is not Amazon's")
    parser.add_argument("--profile", metavar="NAME", help="profile of the AWS configuration")
    parser.add_argument("--anonymous", action="store_true", help="a public bucket: send no credentials")


def access(args: Namespace) -> "Access":
    """The Access that the options say."""
    from omero_roz.ports.zarr_stores import Access

    return Access(args.endpoint, args.profile, args.anonymous)


def read(args: Namespace) -> "Zarr":
    """The Zarr that the options say."""
    from omero_roz import zarrs

    return zarrs.read(args.uri, access(args), args.mapping)


def inspect(ctx: Any, args: Namespace) -> None:
    """Show what a Zarr holds, or list the layouts below a directory or a bucket's prefix.

    Raises what makes it unusable, once all is shown; with --json that is JSON, whatever happens.
    """
    from omero_roz.errors import RozError

    try:
        bad = _shown(ctx, args)
    except RozError as error:
        if args.json:
            ctx.out(json.dumps(failure(args.uri, error), ensure_ascii=False, indent=2))
        raise
    if bad:
        raise bad


def failure(uri: str, error: "RozError") -> dict:
    """What JSON says of a Zarr that could not be read; the address of a wrong call is left out: it may have secrets."""
    from omero_roz.errors import UsageError
    from omero_roz.layout.report import failure_json

    return failure_json(None if isinstance(error, UsageError) else uri, error)


def failed(uri: str | None, error: "RozError") -> dict:
    """What JSON says of a Zarr that could not be imported or annotated."""
    from omero_roz.errors import UsageError

    shown = None if isinstance(error, UsageError) else uri  # that of a wrong call may have secrets
    return {"uri": shown, "state": "failed", "problems": [asdict(problem) for problem in error.problems]}


def _shown(ctx: Any, args: Namespace) -> "LayoutError | None":
    """Show what there is; what makes it unusable."""
    from omero_roz import terminal, zarrs
    from omero_roz.errors import LayoutError, UsageError
    from omero_roz.layout.reading import read_layout
    from omero_roz.layout.report import to_json

    mapping = zarrs.read_mapping(args.mapping)
    store = zarrs.open_store(args.uri, access(args))
    stores = zarrs.find(store)
    first = next(stores)
    if first != store:
        if mapping:
            raise UsageError("a mapping is for one Zarr, and here are several", f"--mapping {args.mapping}", "name one")
        return _list(ctx, chain([first], stores), args)
    layout = read_layout(store, mapping)
    if args.json:
        ctx.out(json.dumps(to_json(layout), ensure_ascii=False, indent=2))
    else:
        terminal.show_layout(layout, sys.stdout)
    return LayoutError.of(layout.errors) if layout.errors else None


def _list(ctx: Any, stores: Iterator["Store"], args: Namespace) -> "LayoutError | None":
    """A line, or a value of a JSON list, for each layout as soon as it is read."""
    from omero_roz import terminal
    from omero_roz.errors import LayoutError, Refused
    from omero_roz.layout.reading import read_layout
    from omero_roz.layout.report import to_json

    bad = count = 0

    def show(value: "ZarrLayout | Refused", uri: str) -> None:
        if not args.json:
            if not isinstance(value, Refused):
                return ctx.out(terminal.layout_line(value))
            return ctx.out(str(value) if uri in str(value) else f"{uri}: {value}")
        told = failure(uri, value) if isinstance(value, Refused) else to_json(value)
        ctx.out(("," if count > 1 else "[") + json.dumps(told, ensure_ascii=False))

    try:
        for store in stores:
            count += 1
            try:
                layout = read_layout(store)
                bad += bool(layout.errors)
                show(layout, store.uri)
            except Refused as error:
                bad += 1
                show(error, store.uri)
    except Refused as error:  # the store ceased to answer while it was searched
        count, bad = count + 1, bad + 1
        show(error, args.uri)
    if args.json:
        ctx.out("]")
    return LayoutError(f"{bad} of {count} layouts cannot be used", args.uri, "inspect each of them") if bad else None


def warn(ctx: Any, problems: "Sequence[Problem]") -> None:
    """Print warnings, of very many the first."""
    for problem in problems[:MOST_WARNINGS]:
        ctx.err(f"warning: {problem}")
    if len(problems) > MOST_WARNINGS:
        ctx.err(f"and {len(problems) - MOST_WARNINGS} more warnings (all of them: omero roz inspect)")


def add_annotate_options(parser: ArgumentParser) -> None:
    """The options of `annotate`."""
    parser.add_argument("uri", metavar="URI", help="path or s3:// address of the Zarr")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument("--json", action="store_true", help="print JSON; asks nothing: say --yes or --dry-run")
    add_store_options(parser)


def annotate(ctx: Any, args: Namespace) -> None:
    """Write a layout's metadata sources and series mapping into the attributes of its root.

    With --json all that goes to stdout is one JSON object, whatever happens: `uri`, `state` (planned, written,
    unchanged or failed) and, unless it failed, `metadataSources` and `files`, those that are or would be written.
    """
    from omero_roz.errors import RozError

    try:
        _annotate(ctx, args)
    except RozError as error:
        if args.json:
            ctx.out(json.dumps(failed(args.uri, error), ensure_ascii=False, indent=2))
        raise


def _annotate(ctx: Any, args: Namespace) -> None:
    from omero_roz import zarrs
    from omero_roz.errors import UsageError
    from omero_roz.layout.annotation import annotation

    if args.json and not (args.yes or args.dry_run):
        raise UsageError("--json asks nothing", fix="say --yes, or --dry-run to look only")
    zarr = read(args)
    planned = annotation(zarr.store, zarr.layout)
    warn(ctx, zarr.layout.warnings)
    uri, names = zarr.layout.uri, " and ".join(path for path, *_ in planned.files)
    if not args.json:
        ctx.out(json.dumps({"metadataSources": planned.block}, ensure_ascii=False, indent=2))
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
        ctx.out(json.dumps(told | {"files": files}, ensure_ascii=False, indent=2))


def confirmed(ctx: Any, args: Namespace, where: str, question: str) -> bool:
    """Whether the user says yes, with --yes or to the question; UsageError where nobody is there to be asked."""
    from omero_roz.errors import UsageError

    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked", where, "say --yes, or --dry-run to look only")
    return ctx.input(f"{question}? [y/N] ").strip().lower() in ("y", "yes")
