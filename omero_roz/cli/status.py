"""`omero roz status`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omero_roz.cli import objects

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Show what was done to images: which Zarr, by whom, when, how proven"


def add_options(parser: ArgumentParser) -> None:
    """The options of `status`."""
    parser.add_argument("objects", metavar="OBJECT", nargs="+", help=objects.OBJECTS)
    parser.add_argument("--json", action="store_true", help="print JSON: the records of all, in one list")


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Show the records of what is named; exits with 1 where one cannot be read."""
    from omero_roz.replace.status import status

    told: list[dict] = []

    def one(text: str) -> None:
        from omero_roz.errors import Refused

        known = status(session(), *objects.find(session(), text))
        told.extend(one.to_json() for one in known.stated)
        if not args.json and (known.stated or not known.unread):
            from omero_roz.cli.terminal import show_records

            show_records(text, known.stated, sys.stdout)
        if known.unread:
            raise Refused.of(known.unread)

    for text in args.objects:
        objects.check(text)  # a wrong call is told before anybody has to log in
    failed = objects.one_by_one(ctx, args.objects, one)
    if args.json and (told or not failed or len(args.objects) > 1):
        ctx.json(told)
    objects.raise_for(failed, len(args.objects))
