"""`omero roz`: command line <-> verbs. It alone prints, exits and reads the environment.

Heavy imports wait until a verb runs, for OMERO loads this file at every command.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from omero.cli import BaseControl, NonZeroReturnCode

from omero_roz import cli_bulk, cli_fill, cli_import, cli_quality, cli_replace, cli_scripts, cli_zarr
from omero_roz.errors import RozError, Unreachable

HELP = "Move images to OME-Zarr: inspect, import, replace filesets in place, roll back"

_LOCAL = (
    "LOCAL=SERVER: the server sees the directory LOCAL as SERVER, or the bucket s3://BUCKET as s3://HOST/BUCKET "
    "or under a path (may be repeated)"
)


class RozControl(BaseControl):
    """The verbs of `omero roz`; exit codes: 0 done, 1 refused or failed, 2 usage."""

    def _configure(self, parser) -> None:
        sub = parser.sub()
        self._add_inspect(sub)
        self._add_annotate(sub)
        self._add_import(sub)
        self._add_replace(sub)
        self._add_rollback(sub)
        self._add_status(sub)
        self._add_cleanup(sub)
        self._add_completeness(sub)
        self._add_verify(sub)
        self._add_scripts(sub)

    def _add_inspect(self, sub) -> None:
        parser = self._verb(sub, "inspect", self.inspect, "Show what a Zarr holds, without OMERO")
        parser.add_argument("uri", metavar="URI", help="path or address of the Zarr, or of a directory of Zarrs")
        parser.add_argument("--json", action="store_true", help="print JSON")
        cli_zarr.add_store_options(parser)

    def _add_annotate(self, sub) -> None:
        text = "Write the metadata sources and series mapping of a Zarr into its attributes (metadataSources)"
        cli_zarr.add_annotate_options(self._verb(sub, "annotate", self.annotate, text))

    def _add_import(self, sub) -> None:
        parser = self._verb(
            sub, "import", self.import_, "Import Zarrs of bioformats2raw with their OME-XML as new images and plates"
        )
        cli_import.add_options(parser)
        self._add_change_options(parser)

    def _add_replace(self, sub) -> None:
        text = "Give the images of a fileset their pixels from a Zarr; ids, names and annotations stay"
        parser = self._verb(sub, "replace-fileset", self.replace_fileset, text)
        parser.add_argument("fileset", metavar="Fileset:ID", nargs="?", type=cli_replace.fileset)
        parser.add_argument("uri", metavar="URI", nargs="?", help="path or address of the Zarr")
        cli_replace.add_replace_options(parser)
        self._add_change_options(parser)

    def _add_rollback(self, sub) -> None:
        parser = self._verb(sub, "rollback", self.rollback, "Give the images of a replaced fileset back to its source")
        kind = cli_replace.fileset
        parser.add_argument("fileset", metavar="Fileset:ID", nargs="?", type=kind, help="the new Fileset")
        parser.add_argument("--all-from", dest="run", metavar="RUN", help="all that a run of --from has replaced")
        cli_replace.add_database_option(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_login_arguments()

    def _add_status(self, sub) -> None:
        text = "Show what was done to images: which Zarr, by whom, when, how proven"
        parser = self._verb(sub, "status", self.status, text)
        cli_replace.add_status_options(parser)
        parser.add_login_arguments()

    def _add_cleanup(self, sub) -> None:
        text = "Remove a source fileset that was replaced, or a new one that was rolled back, to free its disk"
        parser = self._verb(sub, "cleanup", self.cleanup, text)
        parser.add_argument("fileset", metavar="Fileset:ID", type=cli_replace.fileset)
        cli_replace.add_cleanup_options(parser)
        parser.add_login_arguments()

    def _add_completeness(self, sub) -> None:
        text = "Compare metadata field by field: is all of A in B? OMERO, OME-XML, OME-TIFF and Zarr in any pair"
        parser = self._verb(sub, "completeness", self.completeness, text)
        cli_quality.add_completeness_options(parser)
        parser.add_login_arguments()

    def _add_verify(self, sub) -> None:
        text = "Check images against their Zarrs: bound, there, read, drawn, the same pixels"
        parser = self._verb(sub, "verify", self.verify, text)
        cli_quality.add_verify_options(parser)
        parser.add_login_arguments()

    def _add_scripts(self, sub) -> None:
        text = "Put the scripts of omero-roz into OMERO.web's menu, for administrators (docs/scripts.md)"
        parser = self._verb(sub, "scripts", self.scripts, text)
        cli_scripts.add_options(parser)
        parser.add_login_arguments()

    def _add_change_options(self, parser) -> None:
        cli_zarr.add_store_options(parser)
        parser.add_argument("--server-path", metavar="LOCAL=SERVER", action="append", default=[], help=_LOCAL)
        parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
        parser.add_argument("--no-probe", action="store_true", help="do not compare planes through OMERO afterwards")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_login_arguments()

    def _verb(self, sub, name: str, verb: Callable[[Namespace], None], text: str):
        parser = sub.add_parser(name, help=text, description=text)
        parser.set_defaults(func=lambda args: self._run(verb, args))
        return parser

    def _run(self, verb: Callable[[Namespace], None], args: Namespace) -> None:
        with self._exits():
            verb(args)

    @contextmanager
    def _exits(self) -> Iterator[None]:
        """Show what went wrong, a line a problem, and exit with the code that the error has."""
        from omero_roz.terminal import show_differences

        try:
            yield
        except RozError as error:
            *others, last = show_differences(error, sys.stderr)
            for problem in others:
                self.ctx.err(str(problem))
            self.ctx.die(error.exit_code, str(last))
        except KeyboardInterrupt:
            self.ctx.die(1, "stopped; repeat the command to go on, or see what was done with omero roz status")

    def inspect(self, args: Namespace) -> None:
        """Show what a Zarr holds."""
        cli_zarr.inspect(self.ctx, args)

    def annotate(self, args: Namespace) -> None:
        """State a Zarr's metadata sources in the Zarr."""
        cli_zarr.annotate(self.ctx, args)

    def import_(self, args: Namespace) -> None:
        """Import Zarrs as new images."""
        cli_import.check(self.ctx, args)  # a wrong call is told before anybody has to log in
        try:
            session = self._session(args)
        except NonZeroReturnCode as error:
            reason = str(error).removeprefix("die called: ")
            cli_import.show_failed(self.ctx, args, Unreachable(f"no OMERO session ({reason})", fix="omero login"))
            raise
        cli_import.run(self.ctx, session, args)

    def replace_fileset(self, args: Namespace) -> None:
        """Replace a fileset by a Zarr, or many."""
        cli_bulk.check_replace(args)  # a wrong call is told before anybody has to log in
        cli_replace.replace_fileset(self.ctx, self._session(args), args)

    def rollback(self, args: Namespace) -> None:
        """Bring the source of a replaced fileset back, or of many."""
        cli_bulk.check_rollback(args)
        cli_replace.rollback(self.ctx, self._session(args), args)

    def status(self, args: Namespace) -> None:
        """Show the records of images."""
        cli_replace.status(self.ctx, self._session(args), args)

    def cleanup(self, args: Namespace) -> None:
        """Remove a fileset that was emptied."""
        cli_replace.cleanup(self.ctx, self._session(args), args)

    def completeness(self, args: Namespace) -> None:
        """Compare the metadata of two sides, or fill one from the other."""
        cli_fill.check(args)  # a wrong call is told before anybody has to log in
        cli_quality.completeness(self.ctx, cache(lambda: self._session(args)), args)

    def verify(self, args: Namespace) -> None:
        """Check images against their Zarrs."""
        cli_quality.wanted(args)  # a wrong call is told before anybody has to log in
        cli_quality.verify(self.ctx, self._session(args), args)

    def scripts(self, args: Namespace) -> None:
        """Install, list or remove the official scripts."""
        cli_scripts.run(self.ctx, self._session(args), args)

    def _session(self, args: Namespace):
        from omero_roz.ports.omero_session import OmeroSession

        try:
            return OmeroSession(self.ctx.conn(args))
        except NonZeroReturnCode as error:  # OMERO has told why, and has codes of its own for it
            self.ctx.rv = 1
            raise NonZeroReturnCode(1, *error.args) from None
