"""`omero roz completeness`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import fill, objects, options, report
from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.verify.completeness import Completeness

HELP = "Compare metadata field by field: is all of A in B? OMERO, OME-XML, OME-TIFF and Zarr in any pair"
_SIDE = (
    "Image:ID, Plate:ID or Fileset:ID of OMERO (or by name: Plate:name:NAME), an OME-XML, an OME-TIFF, or the path or "
    "address of a Zarr"
)
_FROM = (
    "many of them: a table with the columns a and b; or, as --report of every verb writes it, with the Zarr in zarr or "
    "uri and what is in OMERO in new, object or fileset: is all of the Zarr's in OMERO? - is the standard input"
)
_FILL = "give A, which is in OMERO, what it lacks and B has; nothing that is there is changed"


def add_options(parser: ArgumentParser) -> None:
    """The options of `completeness`."""
    parser.add_argument("a", metavar="A", nargs="?", help=_SIDE)
    parser.add_argument("b", metavar="B", nargs="?", help="the same: is all of A in it?")
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help=_FROM)
    report.add_option(parser)
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
    if (args.table is None) == (args.a is None):
        raise UsageError("name A and B, or a table with --from", fix="one of them")
    if args.table is not None and (changes or args.html):
        raise UsageError("--fill, --undo and --html are for one pair", f"--from {args.table}", "leave either out")
    if args.report and changes:
        raise UsageError("a report is made of comparisons", f"--report {args.report}", "compare in a call of its own")
    if args.fill and args.undo:
        raise UsageError("either --fill or --undo", fix="say one of them")
    if args.undo and args.b is not None:
        raise UsageError("--undo takes back what was filled in one object", args.b, "name the object alone")
    if args.table is None and args.b is None and not args.undo:
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
    from omero_roz.ports.own_files import check_writable

    if args.html:
        check_writable(Path(args.html), "--html")
    report.check(args)
    if args.table is not None:
        return _many(ctx, session, args)
    with report.reporting(args) as rows:
        result = _compared(session, args, (args.a, args.b), rows)
    if args.html:
        from omero_roz.cli import page
        from omero_roz.ports.own_files import write

        write(Path(args.html), page.completeness(result), "--html")
    if args.json:
        ctx.json(result.to_json())
    else:
        from omero_roz.cli.terminal import show_completeness

        show_completeness(result, sys.stdout)
    _raise_for(result)


def _many(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Compare pair by pair, a line each; one that cannot be compared stops no other."""
    pairs = list(objects.pairs(args.table, ("a", "zarr", "uri"), ("b", "new", "object", "fileset")))
    if not pairs:
        raise UsageError("it names no pair", f"--from {args.table}", "mend the table")
    results: list[Completeness] = []

    def one(pair: tuple[str, str]) -> None:
        result = _compared(session, args, pair, rows)
        results.append(result)
        if not args.json:
            ctx.out(_line(result))
        _raise_for(result)

    with report.reporting(args) as rows:
        failed = objects.one_by_one(ctx, pairs, one)
    if args.json:
        ctx.json([result.to_json() for result in results])
    objects.raise_for(failed, len(pairs))


def _compared(
    session: "Callable[[], OmeroSession]", args: Namespace, pair: tuple[str, str], rows: list[Mapping[str, Any]]
) -> "Completeness":
    """A comparison, and what the report says of it."""
    from omero_roz.verify.completeness import compare
    from omero_roz.verify.sides import both, is_omero, read_side

    row = {"fileset" if is_omero(pair[0]) else "zarr": pair[0]} | {"new" if is_omero(pair[1]) else "zarr": pair[1]}
    try:
        result = compare(*both(*(read_side(text, options.access(args), session) for text in pair)), pair)
    except RozError as error:
        rows.append(row | {"state": "failed", "reason": report.reason(error.problems)})
        raise
    lost = " | ".join(f"{one.path}: {one.state} ({one.a}, {one.b})" for one in result.lost)
    rows.append(row | {"state": "complete" if result.complete else "incomplete", "reason": lost})
    return result


def _line(result: "Completeness") -> str:
    whole = result.whole
    return f"{result.a}: {whole.equal} of {whole.of_a} fields are the same in {result.b}"


def _raise_for(result: "Completeness") -> None:
    """Raise RozError where something of A is not in B."""
    if not result.complete:
        lost = result.whole.different + result.whole.only_a
        raise RozError(f"{lost} of {result.whole.of_a} fields of {result.a} are not the same in {result.b}")


