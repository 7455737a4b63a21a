"""`omero roz status`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Show what was done to images: which Zarr, by whom, when, how proven"


def add_options(parser: ArgumentParser) -> None:
    """The options of `status`."""
    what = "Fileset:ID, Image:ID, Dataset:ID, Project:ID, Plate:ID or Screen:ID"
    parser.add_argument("object", metavar="OBJECT", help=what)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Show the records of what is named; exits with 1 where one cannot be read."""
    from omero_roz.errors import Refused, UsageError
    from omero_roz.ports.omero.containers import parse
    from omero_roz.replace.status import status

    named = parse(args.object)
    if named is None:
        raise UsageError("it names no object of OMERO", args.object, "name Fileset:ID, Image:ID, Plate:ID …")
    known = status(session(), *named)
    if args.json:
        ctx.json([one.to_json() for one in known.stated])
    elif known.stated or not known.unread:
        from omero_roz.cli.terminal import show_records

        show_records(args.object, known.stated, sys.stdout)
    if known.unread:
        raise Refused.of(known.unread)
