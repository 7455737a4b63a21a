"""`omero roz completeness`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import fill, options
from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Compare metadata field by field: is all of A in B? OMERO, OME-XML, OME-TIFF and Zarr in any pair"
_SIDE = "Image:ID, Plate:ID or Fileset:ID of OMERO, an OME-XML, an OME-TIFF, or the path or address of a Zarr"
_FILL = "give A, which is in OMERO, what it lacks and B has; nothing that is there is changed"


def add_options(parser: ArgumentParser) -> None:
    """The options of `completeness`."""
    parser.add_argument("a", metavar="A", help=_SIDE)
    parser.add_argument("b", metavar="B", nargs="?", help="the same: is all of A in it?")
    parser.add_argument("--fill", action="store_true", help=_FILL)
    parser.add_argument("--undo", action="store_true", help="take back what --fill filled last in A")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--dry-run", action="store_true", help="show what would be filled and change nothing")
    parser.add_argument("--html", metavar="FILE", help="also write a page for a browser, all in one file")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/completeness.schema.json)")
    options.add_access_options(parser)


def _check(args: Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    from omero_roz.verify.sides import is_omero

    changes = args.fill or args.undo
    if args.fill and args.undo:
        raise UsageError("either --fill or --undo", fix="say one of them")
    if args.undo and args.b is not None:
        raise UsageError("--undo takes back what was filled in one object", args.b, "name the object alone")
    if args.b is None and not args.undo:
        raise UsageError("nothing to compare it with", args.a, "name the other side as well")
    if changes and not is_omero(args.a):
        raise UsageError("only what is in OMERO can be filled", args.a, "name Image:ID, Plate:ID or Fileset:ID first")
    if changes and args.html:
        raise UsageError("a page is made of a comparison", f"--html {args.html}", "compare in a call of its own")
    if (args.yes or args.dry_run) and not changes:
        raise UsageError("a comparison changes nothing", fix="--yes and --dry-run belong to --fill and --undo")


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Compare the metadata of two sides, or fill A; exits with 1 where something of A is not in B."""
    _check(args)  # a wrong call is told before anybody has to log in
    if args.fill or args.undo:
        return (fill.fill if args.fill else fill.undo)(ctx, session, args)
    from omero_roz.ports.own_files import check_writable, write
    from omero_roz.verify.completeness import compare
    from omero_roz.verify.sides import both, read_side

    if args.html:
        check_writable(Path(args.html), "--html")
    sides = [read_side(text, options.access(args), session) for text in (args.a, args.b)]
    result = compare(*both(*sides), (args.a, args.b))
    if args.html:
        from omero_roz.cli import page

        write(Path(args.html), page.completeness(result), "--html")
    if args.json:
        ctx.json(result.to_json())
    else:
        from omero_roz.cli.terminal import show_completeness

        show_completeness(result, sys.stdout)
    if not result.complete:
        lost = result.whole.different + result.whole.only_a
        raise RozError(f"{lost} of {result.whole.of_a} fields of {args.a} are not the same in {args.b}")


