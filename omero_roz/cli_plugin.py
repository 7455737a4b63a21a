"""`omero roz`: registers the verbs of omero_roz/cli, one file each, and turns what they raise into exit codes.

Heavy imports wait until a verb runs, for OMERO loads this file at every command.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from typing import Any

from omero.cli import BaseControl, HelpFormatter, NonZeroReturnCode

from omero_roz.cli import (
    annotate,
    cleanup,
    completeness,
    doctor,
    import_,
    inspect,
    options,
    overview,
    replace_fileset,
    rollback,
    scripts,
    status,
    stopping,
    sweep,
    verify,
)
from omero_roz.cli.telling import Screen, place_of, quiet_logs
from omero_roz.errors import RozError, Unreachable
from omero_roz.shown import said

HELP = "Move images to OME-Zarr: inspect, import, replace filesets in place, roll back"

# Each has HELP, add_options(parser) and run(ctx, session, args), whose session logs in when it is called.
WITHOUT_OMERO = {"inspect": inspect, "annotate": annotate}
WITH_OMERO = {
    "doctor": doctor,
    "import": import_,
    "replace-fileset": replace_fileset,
    "rollback": rollback,
    "status": status,
    "cleanup": cleanup,
    "completeness": completeness,
    "verify": verify,
    "sweep": sweep,
    "scripts": scripts,
}


TRACEBACK = "OMERO_ROZ_TRACEBACK"


class _NotLoggedIn(Unreachable):
    """OMERO has told why."""


class _Help(overview.Wrapped, HelpFormatter):
    """OMERO's help, wrapped to the terminal."""


class RozControl(BaseControl):
    """The verbs of `omero roz`; exit codes: 0 done, 1 refused or failed, 2 usage."""

    def _configure(self, parser) -> None:
        sub = parser.sub()
        verbs = WITHOUT_OMERO | WITH_OMERO
        overview.without_verb(parser, {name: verb.HELP for name, verb in verbs.items()}, self._answer)
        for name, verb in verbs.items():
            one = sub.add_parser(name, help=verb.HELP, description=verb.HELP)
            verb.add_options(one)
            names = options.names_of(one)
            if name in WITH_OMERO:
                one.add_login_arguments()
                options.add_timeout_option(one)
            one.formatter_class, one.epilog = _Help, overview.examples(name)
            options.careful(one)
            one.set_defaults(func=lambda args, verb=verb, names=names: self._run(verb, names, args))

    def _answer(self, text: Callable[[], str]) -> None:
        """Show what `omero roz` says without a verb."""
        with self._exits():
            sys.stdout.write(text())

    def _run(self, verb: Any, names: Mapping[str, str], args: Namespace) -> None:
        stopping.watch()
        screen = Screen(self.ctx)
        quiet_logs()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # what the locale cannot show is shown escaped
                stream.reconfigure(errors="backslashreplace")
        with self._exits():
            try:
                options.refuse_secrets(args, names)
            except RozError as error:
                if getattr(args, "json", False) and hasattr(verb, "failure"):
                    screen.json(verb.failure(error))
                raise
            verb.run(screen, cache(lambda: self._session(args)), args)

    @contextmanager
    def _exits(self) -> Iterator[None]:
        """Show what went wrong, a line a problem, and exit with the code that the error has."""
        screen = Screen(self.ctx)
        try:
            yield
        except _NotLoggedIn as error:
            self.ctx.rv = error.exit_code
            raise NonZeroReturnCode(error.exit_code, str(error)) from None
        except RozError as error:
            from omero_roz.cli.problems import show_differences

            *others, last = show_differences(error, sys.stderr)
            for problem in others:
                screen.err(str(problem))
            screen.die(error.exit_code, str(last))
        except NonZeroReturnCode:
            raise
        except Exception as error:  # nobody has foreseen it, and what it says is not ours to show
            if os.environ.get(TRACEBACK):
                raise
            what = f"a fault of omero-roz ({said(error)}, in {place_of(error)})"
            screen.die(1, f"{what}; please report it with what {TRACEBACK}=1 shows more, once it holds no secret")
        except KeyboardInterrupt as stopped:
            done = "; ".join(("stopped", *getattr(stopped, "__notes__", ())))
            screen.die(1, f"{done}; repeat the command to go on, or see what was done with omero roz status")
        finally:
            stopping.told()

    def _session(self, args: Namespace):
        from omero_roz.ports.omero import limit, trace
        from omero_roz.ports.omero.session import OmeroSession

        trace.watch()  # before the login, which is part of it
        try:
            with limit.logging_in(args.call_timeout):
                return OmeroSession(self.ctx.conn(args))
        except NonZeroReturnCode as error:
            reason = str(error).removeprefix("die called: ")
            raise _NotLoggedIn(f"no OMERO session ({reason})", fix="omero login") from error
