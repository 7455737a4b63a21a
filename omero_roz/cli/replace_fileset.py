"""`omero roz replace-fileset`: its options, and what it prints."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from omero_roz.cli import options, replace_many, report
from omero_roz.errors import RozError

if TYPE_CHECKING:
    from omero_roz.matching import Pair
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.replace.one import Planned
    from omero_roz.replace.steps import Replaced

HELP = "Give the images of a fileset their pixels from a Zarr; ids, names and annotations stay"
_REPOSITORY = "OMERO's ManagedRepository as this machine sees it: files are written there, past the API (with --db)"
_CHECK = "planes compared with the Zarr's before the change: none, a sample (default), or every one"


def add_options(parser: ArgumentParser) -> None:
    """The options of a replacement."""
    parser.add_argument("fileset", metavar="Fileset:ID", nargs="?", type=options.fileset)
    parser.add_argument("uri", metavar="URI", nargs="?", help="path or address of the Zarr")
    options.add_binding_option(parser)
    parser.add_argument("--managed-repository", metavar="DIR", help=_REPOSITORY)
    parser.add_argument("--check", choices=("none", "sample", "all"), default="sample", help=_CHECK)
    parser.add_argument("--jobs", type=int, metavar="N", help="threads that read and compare (default: one a core)")
    options.add_database_option(parser)
    replace_many.add_options(parser)
    options.add_change_options(parser)


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Replace a fileset by a Zarr, or many as a table says."""
    replace_many.check(args)  # a wrong call is told before anybody has to log in
    report.check(args)
    if args.table is not None:
        return replace_many.replace_all(ctx, session(), args)
    from omero_roz.applying.sweeping import sweep_along
    from omero_roz.binding.lsid import ServerView
    from omero_roz.cli.progress import progress
    from omero_roz.proving.pixels import JOBS
    from omero_roz.replace import one
    from omero_roz.replace.proof import Proof
    from omero_roz.settling import holder
    from omero_roz.zarrs import read_source

    mine = session()
    access, paths = options.access(args), options.server_paths(args)
    mine.prepare(args.db is not None)
    settled = holder(mine, args.fileset)
    with one.means_for(mine, settled, args.db, args.managed_repository) as means:
        source = read_source(args.uri, access, args.mapping)
        view = ServerView(paths, source.store.bucket)
        planned = one.plan(means, source, settled, args.binding, view, args.dry_run)
        if args.dry_run:
            return _show_plan(ctx, planned, args)
        user, proof = mine.who.user_name, Proof(args.check, jobs=args.jobs or JOBS)
        row = {"fileset": args.fileset, "zarr": source.layout.uri}
        try:
            with progress(sys.stderr) as shown:
                done = one.run(means, planned, source, user, not args.no_probe, shown, proof)
        except RozError as error:
            report.write(args, [row | {"state": "failed", "reason": report.reason(error.problems)}])
            raise
        sweep_along(means, settled.fileset.owner)
    state = "already" if done.already else "replaced"
    report.write(args, [row | {"state": state, "new": done.fileset, "reason": done.unproven}])
    if args.json:
        return ctx.json(asdict(done))
    ctx.out(f"Fileset:{done.fileset}")
    ctx.err(_told(args.fileset, done))
    if done.unproven:
        ctx.err(f"warning: Fileset:{done.fileset}: unproven: {done.unproven}")
    ctx.err(f"to undo: omero roz rollback Fileset:{done.fileset}")


PAIRED = ("image", "name", "well", "field", "series", "sizes", "type")


def _show_plan(ctx: Any, planned: "Planned", args: Namespace) -> None:
    """Which image is which series, then the steps."""
    if planned.done is not None:
        return ctx.err(f"Fileset:{args.fileset} is already replaced by Fileset:{planned.done.fileset}")
    rows = list(map(_paired, planned.pairs))
    if args.report:
        report.write_table(args, PAIRED, rows)
    if args.json:
        return ctx.json(json.loads(planned.plan.to_json()))
    from omero_roz.cli.terminal import show_rows

    show_rows(PAIRED, [[str(row[name]) for name in PAIRED] for row in rows], sys.stdout, "--report FILE")
    for number, step in enumerate(planned.plan.steps(args.check, not args.no_probe), 1):
        ctx.out(f"{number}. {step}")
    ctx.err("dry run: nothing was changed")


def _paired(pair: "Pair") -> dict[str, Any]:
    from omero_roz.fileset import well_name

    image, place = pair.image, pair.image.place
    return {
        "image": image.id, "name": image.name, "well": "" if place is None else well_name(place.row, place.column),
        "field": "" if place is None else place.field + 1, "series": pair.series.path or "/",
        "sizes": str(image.sizes), "type": image.pixel_type,
    }  # fmt: skip


def _told(fileset: int, done: "Replaced") -> str:
    compared = f"{done.compared} through OMERO, all equal"
    if done.already:
        proof = f"; {'' if done.unproven else 'it is proven now: '}{compared}" if done.planes else ""
        return f"Fileset:{fileset} is already replaced by Fileset:{done.fileset}{proof}"
    return f"Fileset:{fileset} replaced by Fileset:{done.fileset}: " + (
        compared if done.planes else "not compared with the Zarr (--no-probe)"
    )
