"""`omero roz status`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from omero_roz.cli import fill, objects

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
    from omero_roz.verify.fill import filled_last

    told: list[dict] = []

    def one(text: str) -> None:
        from omero_roz.errors import Refused

        kind, number = objects.find(session(), text)
        known, filled = status(session(), kind, number), list[dict[str, Any]]()
        unread = list(known.unread)
        try:
            filled = filled_last(session(), kind, number)
        except Refused as error:  # what was done to it is shown all the same
            unread += error.problems
        told.extend(one.to_json() for one in known.stated)
        told.extend({"kind": "fill"} | said for said in filled)
        if not args.json and (known.stated or filled or not unread):
            from omero_roz.cli.terminal import show_records

            if known.stated or not filled:
                show_records(text, known.stated, sys.stdout)
            for said in filled:
                ctx.out(f"{kind}:{number}: {fill.told(said)}")
        if unread:
            raise Refused.of(unread)

    for text in args.objects:
        objects.check(text)  # a wrong call is told before anybody has to log in
    failed = objects.one_by_one(ctx, args.objects, one)
    if args.json and (told or not failed or len(args.objects) > 1):
        ctx.json(told)
    objects.raise_for(failed, len(args.objects))
