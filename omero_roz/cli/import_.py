"""`omero roz import`: its options, several Zarrs one after another, what it prints."""

import json
import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options, report
from omero_roz.cli.telling import failed, warn
from omero_roz.errors import RozError, UsageError
from omero_roz.shown import counted

if TYPE_CHECKING:
    from omero_roz.applying.means import Means
    from omero_roz.import_.one import Prepared, Skipped, Wanted
    from omero_roz.import_.steps import Imported
    from omero_roz.ports.omero.session import OmeroSession

HELP = "Import Zarrs of bioformats2raw with their OME-XML as new images and plates"
_NAME = "name of the image, or of the plate; with several images NAME [image's name]"
_TARGET = (
    "Dataset:ID, Screen:ID or Project:ID, or by name as `omero import` has it: Dataset:name:NAME (made where you have "
    "none of this name; [-+%%@]name: the oldest, the newest, the only one, always a new one). Plates go into Screens, "
    "images that are on no plate into Datasets or Projects: of several each Zarr takes what fits. What you imported "
    "before is put into those that it is not in yet"
)
_STATISTICS = (
    "minima and maxima of channels: auto: those that the converter wrote (default); "
    "read: every pixel is read for them and for the SHA-1; none"
)
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: --binding zarr-reader writes its links there"
COLUMNS = ("uri", "target", "name")
_TABLE = f"more of them: columns {', '.join(COLUMNS)}; several targets with semicolons between them"


def add_options(parser: ArgumentParser) -> None:
    """The options of an import."""
    parser.add_argument("uris", metavar="URI", nargs="*", help="path or address of a Zarr")
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help=_TABLE)
    parser.add_argument("-T", "--target", metavar="TARGET", action="append", default=[], help=_TARGET)
    for short, kind in (("-d", "Dataset"), ("-r", "Screen")):
        parser.add_argument(
            short, dest="target", metavar=kind.upper(), action="append", default=[], type=f"{kind}:{{}}".format,
            help=f"the same as --target {kind}:ID, as `omero import` has it",
        )  # fmt: skip
    parser.add_argument("-n", "--name", help=_NAME)
    parser.add_argument("--stats", choices=("auto", "read", "none"), default="auto", help=_STATISTICS)
    parser.add_argument("--skip-thumbnails", action="store_true", help="OMERO draws each when somebody looks at it")
    options.add_binding_option(parser)
    options.add_database_option(parser)
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--again", action="store_true", help="import also what was imported before from the same Zarr")
    report.add_option(parser)
    options.add_change_options(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Import all that is wanted, one after another; what fails does not keep the others from being imported.

    Raises the error of the only one, or one that counts those that failed.
    """
    from omero_roz.applying.sweeping import sweep_along
    from omero_roz.cli.problems import show_differences

    report.check(args)
    everything, mine = _begun(ctx, session, args)
    results: list[dict] = []
    errors: list[RozError] = []
    with _means(mine, args) as means, report.reporting(args) as rows:
        for one in everything:
            began = time.monotonic()
            try:
                results.append(_one(ctx, means, one, args))
                rows.append(_row(one, results[-1], time.monotonic() - began))
                if results[-1].get("stopped") and len(results) < len(everything):
                    raise KeyboardInterrupt
            except RozError as error:
                errors.append(error)
                results.append(failed(one.uri, error))
                rows.append(_row(one, results[-1], time.monotonic() - began, error))
                for problem in show_differences(error, sys.stderr) if len(everything) > 1 else ():
                    known = isinstance(error, UsageError) or one.uri in problem.where  # a wrong one may have secrets
                    ctx.err(str(problem) if known else f"{one.uri}: {problem}")
        if not args.dry_run:
            sweep_along(means, mine.who.as_owner)
    if args.json:
        ctx.json(results)
    _summary(ctx, results, len(everything))
    if errors and len(everything) == 1:
        raise errors[0]
    if errors:
        raise RozError(f"{len(errors)} of {len(everything)} could not be imported", fix="see above")


def _row(one: "Wanted", result: dict, seconds: float, error: RozError | None = None) -> dict[str, Any]:
    """What the report says of a Zarr; of a wrong call nothing of what was given, which may have secrets."""
    shown = one.uri if result.get("uri") else ""
    reason = report.reason(error.problems) if error else result.get("unproven", "")
    return {
        "zarr": shown, "state": result["state"], "new": result.get("fileset", ""), "reason": reason, "seconds": seconds
    }  # fmt: skip


def _begun(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> "tuple[list[Wanted], OmeroSession]":
    """What is wanted, looked at before anybody has to log in, and the session; with --json its failure is JSON too."""
    try:
        everything = wanted(args)
        return everything, session()
    except RozError as error:
        if args.json:
            ctx.json(failure(error))
        raise


def failure(error: RozError) -> list[dict]:
    """What JSON says of a call that was wrong before anything was looked at."""
    return [failed(None, error)]


@contextmanager
def _means(session: "OmeroSession", args: Namespace) -> "Iterator[Means]":
    from omero_roz.applying.means import Means, database_of

    with database_of(session, args.db) as database:
        yield Means(session, database, Path(args.managed_repository) if args.managed_repository is not None else None)


def wanted(args: Namespace) -> "list[Wanted]":
    """What the arguments and the table of --from name; UsageError where there is nothing or a wrong table."""
    from omero_roz.import_.one import Wanted

    if args.name is not None and not args.name.strip():
        raise UsageError("the name is empty", "--name", "give one, or leave the option out for the names in the Zarr")
    targets = tuple(args.target)
    named = [(uri, targets, args.name) for uri in args.uris]
    if args.table:
        named += [
            (row["uri"], _targets(row["target"]) or targets, row["name"] or args.name) for row in _rows(args.table)
        ]
    if not named:
        raise UsageError("nothing to import", fix="name a Zarr, or a table with --from")
    if args.mapping and len(named) > 1:
        raise UsageError("a mapping is for one Zarr, and here are several", f"--mapping {args.mapping}", "name one")
    return [Wanted(*one, args.again, args.binding) for one in named]


def _targets(cell: str) -> tuple[str, ...]:
    """The targets in a cell of a table, separated by semicolons; a name may have one as well."""
    return tuple(filter(None, re.split(r"\s*;\s*(?=(?:Dataset|Project|Screen):|$)", cell)))


def _rows(file: str) -> Iterator[dict[str, str]]:
    from omero_roz.ports.tables import rows

    where = f"--from {file}"
    lines = rows(file, where)
    _, named = next(lines, (0, []))
    columns = ["uri" if name.lower() == "zarr" else name.lower() for name in named]
    if "uri" not in columns or set(columns) - {*COLUMNS, *report.COLUMNS} or len(set(columns)) < len(columns):
        there = ",".join(named)  # or the first address of a table without them
        is_there = "names others" if "@" in there else f"is {there!r}"
        what = f"its first line must name the columns, each once, but {is_there}"
        raise UsageError(what, where, f"uri, and if wanted {', '.join(COLUMNS[1:])}, with commas between them")
    for number, cells in lines:
        if len(cells) > len(columns):
            what = f"line {number} has more cells than there are columns"
            raise UsageError(what, where, "put a text with a comma in it into quotes")
        found = dict.fromkeys(COLUMNS, "") | dict(zip(columns, cells, strict=False))
        if not found["uri"]:
            raise UsageError(f"line {number} has no uri", where)
        yield found


def _one(ctx: Any, means: "Means", one: "Wanted", args: Namespace) -> dict:
    from ome_graph.bulk import many_objects

    with many_objects():
        return _read_and_import(ctx, means, one, args)


def _read_and_import(ctx: Any, means: "Means", one: "Wanted", args: Namespace) -> dict:
    from omero_roz import zarrs
    from omero_roz.address import refuse_secrets
    from omero_roz.cli.progress import progress
    from omero_roz.import_.one import Skipped, prepare
    from omero_roz.import_.one import run as run_prepared
    from omero_roz.import_.steps import Options

    for text in (*one.targets, one.name or ""):
        refuse_secrets(text, "the table")  # of the options that is known already
    zarr = zarrs.read(one.uri, options.access(args), args.mapping)
    prepared = prepare(means, zarr.layout, zarr.store, one, args.server_path)
    if isinstance(prepared, Skipped):
        return _skipped(ctx, means, prepared, args)
    warn(ctx, [*zarr.layout.warnings, *prepared.plan.homeless()])
    if args.dry_run:
        return _planned(ctx, prepared, args)
    with progress(sys.stderr) as shown:
        how = Options(not args.no_probe, args.stats, not args.skip_thumbnails)
        done = run_prepared(means, prepared, how, shown)
    return _imported(ctx, done, args)


def _skipped(ctx: Any, means: "Means", skipped: "Skipped", args: Namespace) -> dict:
    """Tell of what was imported before; what its targets lack of it is put into them."""
    from omero_roz.import_.one import link

    state, by = "skipped", f"imported before as Fileset:{skipped.fileset} (by {skipped.user} at {skipped.when})"
    if not skipped.missing:
        ctx.err(f"{skipped.uri}: skipped, {by}; --again imports it again")
    elif args.dry_run:
        state = "planned"
        ctx.err(f"{skipped.uri}: {by}: it would be put into its targets; dry run, nothing was changed")
    else:
        link(means.session, skipped)
        state = "linked"
        ctx.err(f"{skipped.uri}: put into its targets, {by}; --again imports it again")
    told = {"uri": skipped.uri, "fileset": skipped.fileset, "user": skipped.user, "when": skipped.when}
    return told | {"links": len(skipped.missing), "state": state}


def _planned(ctx: Any, prepared: "Prepared", args: Namespace) -> dict:
    plan = prepared.plan
    if not args.json:
        ctx.out(f"{plan.uri}:")  # of several Zarrs the steps of each
        for number, step in enumerate(plan.steps(), 1):
            ctx.out(f"{number}. {step}")
    ctx.err(f"{plan.uri}: dry run, nothing was changed")
    return json.loads(plan.to_json()) | {"state": "planned"}


def _imported(ctx: Any, done: "Imported", args: Namespace) -> dict:
    if not args.json:
        for kind, ids in (("Plate", done.plates), ("Image", done.plain)):
            if ids:
                ctx.out(f"{kind}:" + ",".join(map(str, ids)))
    for problem in done.problems:
        ctx.err(f"warning: {problem}")
    if done.unproven:
        ctx.err(f"warning: Fileset:{done.fileset}: unproven: {done.unproven}")
    compared = f"{done.compared} through OMERO, all equal" if done.planes else "not compared (--no-probe)"
    drawn = f", {counted(done.thumbnails, 'thumbnail')} in {done.thumbnail_ms:.0f} ms each" if done.thumbnails else ""
    ctx.err(f"Fileset:{done.fileset} from {done.uri}: {counted(len(done.images), 'image')}, {compared}{drawn}")
    return asdict(done) | {"state": "imported"}


def _summary(ctx: Any, results: list[dict], count: int) -> None:
    if count > 1:
        states = [result["state"] for result in results]
        known = ("imported", "linked", "planned", "skipped", "failed")
        told = ", ".join(f"{states.count(state)} {state}" for state in known if state in states)
        ctx.err(f"{count} Zarrs: {told}")
