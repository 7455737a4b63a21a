"""`omero-sandbox start|stop|status`: exit code 0 done or running, 1 failed or not running, 2 wrong usage."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from omero_sandbox import sandbox
from omero_sandbox.database.postgres import PostgresError
from omero_sandbox.web.process import WebError

LONGEST_LATENCY_MS = 10_000.0


def main(arguments: list[str] | None = None) -> int:
    """Run one command of `omero-sandbox`."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (sandbox.SandboxError, PostgresError, WebError) as error:
        print(f"omero-sandbox: {error}", file=sys.stderr)
        return 1


def _start(options: argparse.Namespace) -> int:
    access = sandbox.start(
        options.data, options.port, options.reader_v3, options.root_password, dict(options.s3), options.web,
        options.latency,
    )  # fmt: skip
    _print(access, options.json)
    return 0


def _stop(options: argparse.Namespace) -> int:
    if not sandbox.stop(options.data):
        print(f"No sandbox runs on {options.data}")
    return 0


def _status(options: argparse.Namespace) -> int:
    access = sandbox.status(options.data)
    if access is None:
        print('{"running": false}' if options.json else f"No sandbox runs on {options.data}")
        return 1
    _print(access, options.json)
    return 0


def _print(access: sandbox.Access, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"running": True, **asdict(access)}, default=str, indent=2))
        return
    print(f"OMERO      {access.host}:{access.ssl_port} (ssl), tcp://{access.host}:{access.tcp_port}")
    print(f"log in     omero login root@{access.host}:{access.ssl_port} -w {access.root_password}")
    if access.web:
        print(f"OMERO.web  {access.web}")
    print(f"database   {access.dsn}")
    print(f"files      {access.managed_repository}")


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"not a port: {text}")
    return int(text)


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LONGEST_LATENCY_MS:
        raise argparse.ArgumentTypeError(f"not milliseconds (0 to {LONGEST_LATENCY_MS:.0f}): {text}")
    return value


def _s3(text: str) -> tuple[str, str]:
    host, separator, endpoint = text.partition("=")
    if not separator or not host or "://" not in endpoint:
        raise argparse.ArgumentTypeError(f"not HOST=ENDPOINT: {text}")
    return host, endpoint


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="omero-sandbox", description="A stand-in OMERO server on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, about in (
        ("start", _start, "start it in the background, or show the one that runs"),
        ("stop", _stop, "stop it; its data stay"),
        ("status", _status, "show how to reach it"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.set_defaults(run=run)
        command.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            default=sandbox.default_data(),
            help="its directory (%(default)s)",
        )
        if name != "stop":
            command.add_argument("--json", action="store_true", help="print JSON")
        if name == "start":
            command.add_argument("--port", type=_port, metavar="N", help="port for ssl (4064 if free, else any)")
            command.add_argument(
                "--reader-v3", action="store_true", help="read Zarr v3 too, which today's readers cannot"
            )
            command.add_argument(
                "--s3", type=_s3, metavar="HOST=ENDPOINT", action="append", default=[], help="where s3://HOST/… is read"
            )
            command.add_argument(
                "--latency", type=_milliseconds, metavar="MS", default=0.0, help="what each remote call waits (0)"
            )
            command.add_argument("--web", action="store_true", help="start OMERO.web as well (port 4080 if free)")
            command.add_argument("--root-password", default="omero", metavar="WORD", help="root's first (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
