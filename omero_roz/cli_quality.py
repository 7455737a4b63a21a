"""`omero roz completeness` and `verify`: their options, and what they print."""

import csv
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz import cli_fill, cli_zarr
from omero_roz.errors import RozError, UsageError

if TYPE_CHECKING:
    from omero_roz.ports.omero_session import OmeroSession
    from omero_roz.verify.certificate import Certificate

_SIDE = "Image:ID, Plate:ID or Fileset:ID of OMERO, an OME-XML, an OME-TIFF, or the path or address of a Zarr"
_FILL = "give A, which is in OMERO, what it lacks and B has; nothing that is there is changed"
_OBJECTS = (
    "Image:ID, Fileset:ID, Dataset:ID, Project:ID, Plate:ID or Screen:ID, or the path or address of a Zarr for all "
    "images that are bound to it"
)
_CERTIFICATE = "keep what was found in this JSON file (docs/certificate.schema.json); an existing one is gone on with"
_DASK = "let the workers of the Dask cluster at this address do it: they join your session, and need omero-roz too"
_LOCAL = "LOCAL=SERVER: the server sees the local directory LOCAL as SERVER (may be repeated)"


def add_completeness_options(parser: ArgumentParser) -> None:
    """The options of `completeness`."""
    parser.add_argument("a", metavar="A", help=_SIDE)
    parser.add_argument("b", metavar="B", nargs="?", help="the same: is all of A in it?")
    parser.add_argument("--fill", action="store_true", help=_FILL)
    parser.add_argument("--undo", action="store_true", help="take back what --fill filled last in A")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--dry-run", action="store_true", help="show what would be filled and change nothing")
    parser.add_argument("--html", metavar="FILE", help="also write a page for a browser, all in one file")
    parser.add_argument("--json", action="store_true", help="print JSON (docs/completeness.schema.json)")
    cli_zarr.add_access_options(parser)


def add_verify_options(parser: ArgumentParser) -> None:
    """The options of `verify`."""
    parser.add_argument("objects", metavar="OBJECT|URI", nargs="*", help=_OBJECTS)
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help="more of them: a table with a column object")
    parser.add_argument("--check", choices=("sample", "all"), default="sample", help="which planes are compared")
    parser.add_argument("--certificate", metavar="FILE", help=_CERTIFICATE)
    parser.add_argument("--record", action="store_true", help="also write the certificate on the filesets in OMERO")
    parser.add_argument("--jobs", metavar="N", type=int, default=4, help="images that are looked at side by side (4)")
    parser.add_argument("--dask", metavar="ADDRESS", help=_DASK)
    parser.add_argument("--server-path", metavar="LOCAL=SERVER", action="append", default=[], help=_LOCAL)
    parser.add_argument("--json", action="store_true", help="print the certificate")
    cli_zarr.add_access_options(parser)


def wanted(args: Namespace) -> list[str]:
    """What the arguments and the table of --from name; UsageError where there is nothing or a wrong table."""
    named = [*args.objects, *(_column(args.table) if args.table else ())]
    if not named:
        raise UsageError("nothing to verify", fix="name an object or a Zarr, or a table with --from")
    if args.jobs < 1:
        raise UsageError("at least one image has to be looked at", f"--jobs {args.jobs}")
    return named


def _column(file: str) -> Iterator[str]:
    where = f"--from {file}"
    try:
        with Path(file).open(newline="", encoding="utf-8-sig") as table:
            reader = csv.DictReader(table)
            if "object" not in (reader.fieldnames or ()):
                raise UsageError("its first line must name the column object", where)
            yield from (text for row in reader if (text := (row["object"] or "").strip()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"cannot be read ({error})", where, "give a table as comma-separated text") from None


def verify(ctx: Any, session: "OmeroSession", args: Namespace) -> None:
    """Check images against their Zarrs; exits with 1 where anything is wrong."""
    from omero_roz import terminal
    from omero_roz.binding.lsid import parse_server_path
    from omero_roz.verify import certificate, run
    from omero_roz.verify.image import How

    how = How(args.check, tuple(parse_server_path(text) for text in args.server_path), cli_zarr.access(args))
    file = Path(args.certificate) if args.certificate else None
    who = (session.server, session.who.user_name, args.check)
    found = certificate.read(file, *who) if file else certificate.Certificate(*who[:2], certificate.now(), who[2])
    images = run.images_of(session, wanted(args), how)
    with _pool(session, args) as (pool, jobs, check), terminal.progress(sys.stderr) as report:
        run.verify(session, images, how, found, run.Work(pool, jobs, check, file, report))
    if args.record:
        for fileset in run.record_on_filesets(session, found):
            ctx.err(f"written on Fileset:{fileset}")
    _tell(ctx, found, args)


@contextmanager
def _pool(session: "OmeroSession", args: Namespace) -> Iterator[tuple]:
    """Where images are checked, how many side by side, and by what function."""
    from omero_roz.verify import image

    if args.dask:
        from omero_roz.ports.dask_cluster import dask_executor

        with dask_executor(args.dask) as (executor, threads):
            yield executor, threads, partial(image.check_elsewhere, session.ticket)
    else:
        with ThreadPoolExecutor(args.jobs) as pool:
            yield pool, args.jobs, partial(image.check_image, session)


def _tell(ctx: Any, found: "Certificate", args: Namespace) -> None:
    from omero_roz import terminal

    if args.json:
        ctx.out(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        terminal.show_certificate(found, sys.stdout)
    if failed := len(found.failed()):
        raise RozError(f"{failed} of {len(found.images)} images are not right", fix="see above")


def completeness(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Compare the metadata of two sides, or fill A; exits with 1 where something of A is not in B."""
    if args.fill or args.undo:
        return (cli_fill.fill if args.fill else cli_fill.undo)(ctx, session, args)
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
