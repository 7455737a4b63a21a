"""`omero roz inspect`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options
from omero_roz.shown import as_json, clean, one_line

if TYPE_CHECKING:
    from omero_roz.errors import LayoutError, Refused, RozError
    from omero_roz.layout.model import ZarrLayout
    from omero_roz.layout.store import Store
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Show what a Zarr holds, without OMERO"


def add_options(parser: ArgumentParser) -> None:
    """The options of `inspect`."""
    parser.add_argument("uri", metavar="URI", help="path or address of the Zarr, or of a directory of Zarrs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_store_options(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Show what a Zarr holds, or list the layouts below a directory or a bucket's prefix.

    Raises what makes it unusable, once all is shown; with --json that is JSON, whatever happens.
    """
    from omero_roz.errors import RozError

    try:
        bad = _shown(ctx, args)
    except RozError as error:
        if args.json:
            ctx.json(_failure(args.uri, error))
        raise
    if bad:
        raise bad


def failure(error: "RozError") -> dict:
    """What JSON says of a call that was wrong before anything was looked at."""
    return _failure("", error)


def _failure(uri: str, error: "RozError") -> dict:
    """What JSON says of a Zarr that could not be read; the address of a wrong call is left out: it may have secrets."""
    from omero_roz.errors import UsageError
    from omero_roz.layout.report import failure_json

    return failure_json(None if isinstance(error, UsageError) else uri, error)


def _shown(ctx: Any, args: Namespace) -> "LayoutError | None":
    """Show what there is; what makes it unusable."""
    from omero_roz import zarrs
    from omero_roz.errors import LayoutError, UsageError
    from omero_roz.layout.reading import read_layout
    from omero_roz.layout.report import to_json
    from omero_roz.ports.zarr.stores import open_store

    if not args.uri.strip():
        raise UsageError("the path is empty", "URI", "name a Zarr; was a variable not set?")
    mapping = zarrs.read_mapping(args.mapping)
    store = open_store(args.uri, options.access(args))
    stores = zarrs.find(store)
    first = next(stores)
    if first != store:
        if mapping:
            raise UsageError("a mapping is for one Zarr, and here are several", f"--mapping {args.mapping}", "name one")
        return _list(ctx, chain([first], stores), args)
    layout = read_layout(store, mapping)
    if args.json:
        ctx.json(to_json(layout))
    else:
        from omero_roz.cli.terminal import show_layout

        show_layout(layout, sys.stdout)
    return LayoutError.of(layout.errors) if layout.errors else None


def _list(ctx: Any, stores: Iterator["Store"], args: Namespace) -> "LayoutError | None":
    """A line, or a value of a JSON list, for each layout as soon as it is read."""
    from omero_roz.errors import LayoutError, Refused
    from omero_roz.layout.reading import read_layout
    from omero_roz.layout.report import to_json

    bad = count = 0

    def show(value: "ZarrLayout | Refused", uri: str) -> None:
        if not args.json:
            if not isinstance(value, Refused):
                return ctx.out(_line(value))
            return ctx.out(str(value) if uri in str(value) else f"{uri}: {value}")
        told = _failure(uri, value) if isinstance(value, Refused) else to_json(value)
        ctx.out(("," if count > 1 else "[") + as_json(clean(told), None))

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


def _line(layout: "ZarrLayout") -> str:
    """What `inspect` prints for one layout among several."""
    errors = len(layout.errors)
    counted = ((len(layout.series), "series"), (len(layout.plates), "plates"), (errors, "errors"))
    counts = ", ".join(f"{number} {what}" for number, what in (*counted, (len(layout.problems) - errors, "warnings")))
    return one_line(f"{layout.uri}: NGFF {layout.ngff_version or '?'}, Zarr v{layout.zarr_format}, {counts}")
