"""`omero roz completeness`: its options, and what it prints."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz import cli_zarr
from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero_session import OmeroSession

_SIDE = "Image:ID, Plate:ID or Fileset:ID of OMERO, an OME-XML, an OME-TIFF, or the path or address of a Zarr"


def add_completeness_options(parser: ArgumentParser) -> None:
    """The options of `completeness`."""
    parser.add_argument("a", metavar="A", help=_SIDE)
    parser.add_argument("b", metavar="B", help="the same: is all of A in it?")
    parser.add_argument("--html", metavar="FILE", help="also write a page for a browser, all in one file")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/completeness.schema.json)")
    cli_zarr.add_access_options(parser)


def completeness(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Compare the metadata of two sides; exits with 1 where something of A is not in B."""
    from omero_roz import page, terminal
    from omero_roz.verify.completeness import compare
    from omero_roz.verify.sides import both, read_side

    sides = [read_side(text, cli_zarr.access(args), session) for text in (args.a, args.b)]
    result = compare(*both(*sides), (args.a, args.b))
    if args.html:
        _write(args.html, page.completeness(result))
    if args.json:
        ctx.out(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False, indent=2))
    else:
        terminal.show_completeness(result, sys.stdout)
    if not result.complete:
        lost = result.whole.different + result.whole.only_a
        raise RozError(f"{lost} of {result.whole.of_a} fields of {args.a} are not the same in {args.b}")


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", f"--html {file}", "name another file") from None
