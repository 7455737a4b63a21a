"""`omero roz verify`: its options, and what it prints."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omero_roz.cli import objects, report
from omero_roz.cli.options import access, add_access_options, server_paths
from omero_roz.errors import RozError, UsageError
from omero_roz.shown import counted, one_line

if TYPE_CHECKING:
    from omero_roz.ports.omero.session import OmeroSession
    from omero_roz.verify.certificate import Certificate
    from omero_roz.verify.image import How, ImageCheck

HELP = "Check images against their Zarrs: bound, there, read, drawn, the same pixels"
_OBJECTS = f"{objects.OBJECTS}; or the path or address of a Zarr for all images that are bound to it"
_FROM = "more of them: a table with a column object, new, fileset, zarr or uri; - is the standard input"
_CERTIFICATE = "keep what was found in this JSON file (docs/certificate.schema.json); an existing one is gone on with"
_RECORD = (
    "also write the certificate on the filesets in OMERO; an unproven record becomes proven where all images are right "
    "and scratch images show that the server reads the Zarr"
)
_DASK = "let the workers of the Dask cluster at this address do it: they join your session, and need omero-roz too"
_LOCAL = "LOCAL=SERVER: the server sees the local directory LOCAL as SERVER (may be repeated)"


def add_options(parser: ArgumentParser) -> None:
    """The options of `verify`."""
    parser.add_argument("objects", metavar="OBJECT|URI", nargs="*", help=_OBJECTS)
    parser.add_argument("--from", dest="table", metavar="FILE.csv", help=_FROM)
    parser.add_argument("--check", choices=("sample", "all"), default="sample", help="which planes are compared")
    parser.add_argument("--certificate", metavar="FILE", help=_CERTIFICATE)
    parser.add_argument("--record", action="store_true", help=_RECORD)
    parser.add_argument("--jobs", metavar="N", type=int, default=4, help="images that are looked at side by side (4)")
    parser.add_argument("--dask", metavar="ADDRESS", help=_DASK)
    parser.add_argument("--server-path", metavar="LOCAL=SERVER", action="append", default=[], help=_LOCAL)
    report.add_option(parser)
    parser.add_argument("--json", action="store_true", help="print the certificate")
    add_access_options(parser)


def _wanted(args: Namespace) -> list[str]:
    """What the arguments and the table of --from name; UsageError where there is nothing or a wrong table."""
    columns = ("object", "new", "fileset", "zarr", "uri")
    named = [*args.objects, *(objects.column(args.table, columns) if args.table else ())]
    if not named:
        raise UsageError("nothing to verify", fix="name an object or a Zarr, or a table with --from")
    if args.jobs < 1:
        raise UsageError("at least one image has to be looked at", f"--jobs {args.jobs}")
    return named


def run(ctx: Any, session: "Callable[[], OmeroSession]", args: Namespace) -> None:
    """Check images against their Zarrs; exits with 1 where anything is wrong."""
    from omero_roz.cli.progress import progress
    from omero_roz.ports.own_files import check_writable
    from omero_roz.verify import certificate, run
    from omero_roz.verify.image import How

    how = How(args.check, server_paths(args), access(args))
    file = Path(args.certificate) if args.certificate else None
    if file:
        check_writable(file, "--certificate")
    report.check(args)
    named, mine = _wanted(args), session()  # a wrong call is told before anybody has to log in
    who = (mine.server, mine.who.user_name, args.check)
    found = certificate.read(file, *who) if file else certificate.Certificate(*who[:2], certificate.now(), who[2])
    images: dict[int, None] = {}

    def look_up(text: str) -> None:
        images.update(dict.fromkeys(run.images_of(mine, [text], how)))

    missing = objects.one_by_one(ctx, named, look_up)
    if not images:
        objects.raise_for(missing, len(named))
    with _pool(mine, args) as (pool, jobs, check), progress(sys.stderr) as shown:
        run.verify(mine, list(images), how, found, run.Work(pool, jobs, check, file, shown))
    if args.report:
        report.write(args, [*_rows(mine, found, images), *map(_missing, missing)])
    unwritten = _record(ctx, mine, found, images, how) if args.record else 0
    _tell(ctx, found, args)
    objects.raise_for(missing, len(named))
    if unwritten:
        raise RozError(f"the certificate could not be written on {counted(unwritten, 'fileset')}", fix="see above")


def _record(ctx: Any, mine: "OmeroSession", found: "Certificate", images: Collection[int], how: "How") -> int:
    """Write the certificate on the filesets; on how many it cannot be, which stop no other, and why is told."""
    from omero_roz.verify.run import by_fileset, record_on

    def write(one: "tuple[int, list[ImageCheck]]") -> None:
        proven = record_on(mine, *one, found, how)
        ctx.err(f"written on Fileset:{one[0]}" + ("; it is proven now" if proven else ""))

    return len(objects.one_by_one(ctx, list(by_fileset(found, images).items()), write, several=True))


def _rows(mine: "OmeroSession", found: "Certificate", images: Collection[int]) -> Iterator[dict[str, Any]]:
    """What the report says of each fileset, and of images that are in none: what is wrong of which of its images."""
    of: dict[int | str, list[ImageCheck]] = {}
    for image in images:
        if one := found.images.get(image):
            of.setdefault(one.fileset or f"Image:{image}", []).append(one)
    from omero_roz.verify.run import zarrs_of

    zarrs = zarrs_of(mine, [fileset for fileset in of if isinstance(fileset, int)])
    for fileset, some in of.items():
        wrong = [f"Image:{one.image}: {', '.join(map(one_line, one.problems))}" for one in some if not one.ok]
        row = {"fileset": fileset, "new": fileset, "zarr": zarrs.get(some[0].fileset or -1, some[0].uri or "")}
        row["reason"] = " | ".join(wrong)
        yield row | {"state": "wrong" if wrong else "right"}


def _missing(error: RozError) -> dict[str, Any]:
    return {"state": "failed", "reason": report.reason(error.problems)}


@contextmanager
def _pool(session: "OmeroSession", args: Namespace) -> Iterator[tuple]:
    """Where images are checked, how many side by side, and by what function."""
    from omero_roz.verify import image

    if args.dask:
        from omero_roz.ports.dask_cluster import dask_executor

        with dask_executor(args.dask) as (executor, threads):
            yield executor, threads, partial(image.check_elsewhere, session.ticket)
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(args.jobs) as pool:
            yield pool, args.jobs, partial(image.check_image, session)


def _tell(ctx: Any, found: "Certificate", args: Namespace) -> None:
    if args.json:
        ctx.json(found.to_json())
    else:
        from omero_roz.cli.terminal import show_certificate

        show_certificate(found, sys.stdout)
    if failed := len(found.failed()):
        raise RozError(f"{failed} of {counted(len(found.images), 'image')} are not right", fix="see above")
