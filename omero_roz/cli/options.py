"""The options that several verbs share, and the values that they say."""

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from omero_roz.shown import one_line

if TYPE_CHECKING:
    from omero_roz.binding.lsid import ServerPath
    from omero_roz.ports.zarr.stores import Access

_DB = (
    "libpq service name or DSN of OMERO's database: the change is one SQL transaction, faster for many images. No "
    "password in it: PGPASSFILE, PGPASSWORD and pg_service.conf work"
)
_BINDING = (
    "external-info (default): omero-zarr-pixel-buffer reads the Zarr where it is; zarr-reader: Bio-Formats with "
    "OMEZarrReader reads it through links in the ManagedRepository (needs --db and --managed-repository)"
)
_LOCAL = (
    "LOCAL=SERVER: the server sees the directory LOCAL as SERVER, or the bucket s3://BUCKET as s3://HOST/BUCKET "
    "or under a path (may be repeated)"
)
_PUBLIC = "a public bucket: send no credentials"
_FOLLOW = (
    "links of a Zarr on disk may lead into this directory, beside the Zarr itself (may be repeated)"
)
_TIMEOUT = (
    "a call to OMERO that has not come back after that time ends the command (default: %(default)g; 0: it waits for "
    "ever); not what the server does by itself, as a delete"
)
CALL_SECONDS = 600.0  # the longest that was seen, the move of 3,456 images by the API, took 37


# What people may write as they like; all else names a place or a file.
_FREE = ("name", "target", "run", "profile", "binding")


def names_of(parser: ArgumentParser) -> dict[str, str]:
    """The values that a parser's options have, each with the name that the user knows."""
    return {one.dest: str((*one.option_strings, one.metavar or one.dest)[0]) for one in reversed(parser._actions)}


def refuse_secrets(args: Namespace, names: Mapping[str, str]) -> None:
    """Raises UsageError, without showing it, where a value hides a secret: before it is written down or shown."""
    from omero_roz.address import refuse_secrets as refuse

    for dest, name in names.items():
        given = getattr(args, dest, None)
        for text in given if isinstance(given, list) else [given]:
            if isinstance(text, str) and dest == "db":
                from omero_roz.ports.database import parse_address

                parse_address(text)  # which knows what a DSN may have
            elif isinstance(text, str):
                refuse(text, name, is_address=dest not in _FREE)


def careful(parser: ArgumentParser) -> None:
    """Let a parser repeat nothing of a wrong call that may be a secret: argparse shows what it cannot read."""
    error, parse = parser.error, parser.parse_known_args

    def shown(word: re.Match[str]) -> str:
        return "(not shown)" if {"@", "="} & set(word[0]) else one_line(word[0])

    def told(message: str) -> NoReturn:
        error(re.sub(r"\S+", shown, message))

    def parse_all(*args: Any, **more: Any) -> Any:
        found, left = parse(*args, **more)
        if left:  # whose error would come from OMERO's own parser
            told(f"unrecognized arguments: {' '.join(left)}")
        return found, left

    parser.error, parser.parse_known_args = told, parse_all  # type: ignore[method-assign]


def add_store_options(parser: ArgumentParser) -> None:
    """The options of every verb that reads a Zarr."""
    parser.add_argument("--mapping", metavar="FILE", help="series of each Image: a JSON list of paths, or one a line")
    add_access_options(parser)


def add_access_options(parser: ArgumentParser) -> None:
    """How to get into a bucket: what is not given is taken from the AWS environment and configuration."""
    parser.add_argument("--endpoint", "--endpoint-url", metavar="URL", help="the S3 server, if it is not Amazon's")
    parser.add_argument("--profile", metavar="NAME", help="profile of the AWS configuration")
    parser.add_argument("--anonymous", "--no-sign-request", action="store_true", help=_PUBLIC)
    parser.add_argument("--follow-links", metavar="DIR", action="append", default=[], help=_FOLLOW)


def add_binding_option(parser: ArgumentParser) -> None:
    """How the server will read the Zarr."""
    parser.add_argument("--binding", default="external-info", metavar="BINDING", help=_BINDING)


def add_database_option(parser: ArgumentParser) -> None:
    """Where the database is."""
    parser.add_argument("--db", metavar="SERVICE|DSN", help=_DB)


def add_timeout_option(parser: ArgumentParser) -> None:
    """How long OMERO may take; `timeout` alone is what OMERO's login takes for how long a session may idle."""
    parser.add_argument(
        "--timeout", metavar="SECONDS", dest="call_timeout", type=seconds, default=CALL_SECONDS, help=_TIMEOUT
    )


def add_server_path_option(parser: ArgumentParser) -> None:
    """Where the server sees what is named otherwise here."""
    parser.add_argument("--server-path", metavar="LOCAL=SERVER", action="append", default=[], help=_LOCAL)


def add_change_options(parser: ArgumentParser) -> None:
    """The options of every verb that binds images to a Zarr."""
    add_store_options(parser)
    add_server_path_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    parser.add_argument("--no-probe", action="store_true", help="do not compare planes through OMERO afterwards")
    parser.add_argument("--json", action="store_true", help="print JSON")


def access(args: Namespace) -> "Access":
    """The Access that the options say."""
    from omero_roz.address import Address
    from omero_roz.ports.zarr.stores import Access

    follow = tuple(_directory(path) for path in args.follow_links)
    endpoint = args.endpoint and Address.of_endpoint(args.endpoint)
    return Access(endpoint, args.profile, args.anonymous, follow=follow)


def _directory(path: str) -> str:
    """A directory that links may lead into, by its own address; raises UsageError where there is none."""
    from omero_roz.errors import UsageError

    if not os.path.isdir(path):
        raise UsageError("no such directory", f"--follow-links {path}", "name one that links may lead into")
    return os.path.realpath(path)


def server_paths(args: Namespace) -> "tuple[ServerPath, ...]":
    """What --server-path says; raises UsageError."""
    from omero_roz.binding.lsid import parse_server_path

    return tuple(parse_server_path(text) for text in args.server_path)


def fileset(text: str) -> int:
    """The id in Fileset:ID, or ID alone; argparse's error for anything else."""
    kind, colon, number = text.rpartition(":")
    from omero_roz.fileset import is_id

    if not is_id(number) or (colon and kind != "Fileset"):
        raise ValueError(f"{text[:60]} is not Fileset:ID")  # what the argparse that omero-py ships turns into usage
    return int(number)


def seconds(text: str) -> float:
    """A time; argparse's error where it is none."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text[:60]} is no time")
    return number
