"""What scripts may touch on a shared server, as its administrator says in a file on the processor's host.

The file cannot be written by the user that scripts run as. Where there is none, nothing is allowed (docs/scripts.md).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omero_roz.address import Address, refuse_secrets
from omero_roz.binding.lsid import ServerPath
from omero_roz.errors import Problem, Refused, UsageError
from omero_roz.fileset import Who
from omero_roz.ports.database import parse_address
from omero_roz.ports.zarr.guard import Guard, NotAllowed, Place
from omero_roz.ports.zarr.stores import Access
from omero_roz.scripts.unwritable import NotSafe, read_unwritable
from omero_roz.shown import said

FILE = Path("omero-roz/scripts.toml")
_ASK = "ask the administrator of this server (docs/scripts.md)"
_TABLES = {"allow", "replace", "server", "private"}
_ALLOW = {"alias", "uri", "endpoint", "profile", "anonymous", "server"}
_REPLACE = {"users", "groups", "administrators"}
_SERVER = {"database", "managed_repository"}


class PolicyError(Refused):
    """The administrator's file is missing, unsafe or wrong, so nothing is allowed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The places that are allowed with their aliases, how the server names them, who may replace, the server's own."""

    guard: Guard
    aliases: tuple[tuple[str, Address], ...] = ()
    server_paths: tuple[ServerPath, ...] = ()
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    administrators: bool = False
    database: str | None = None
    repository: str | None = None

    @property
    def access(self) -> Access:
        """How a Zarr is reached: under the guard."""
        return Access(guard=self.guard)

    @property
    def server_path_texts(self) -> list[str]:
        """How the server names the places, as LOCAL=SERVER."""
        return [f"{pair.local}={pair.server}" for pair in self.server_paths]

    def resolve(self, named: str) -> Address:
        """The address of what a user names, ALIAS:PATH or an address.

        Raises NotAllowed for an unknown alias, UsageError for an address with a secret.
        """
        alias, colon, below = named.strip().partition(":")
        if not colon or below.startswith("//") or "/" in alias:
            return Address(named.strip())
        place = dict(self.aliases).get(alias)
        if place is None:
            known = ", ".join(f"{name}:" for name, _ in self.aliases) or "none"
            refuse_secrets(named, "the Zarr", is_address=True)
            raise NotAllowed(f"there is no alias {alias!r} here", named, f"known are: {known}")
        return Address(f"{place}/{below.strip('/')}".rstrip("/"))

    def check_replace(self, who: Who, groups: Collection[str]) -> None:
        """Raises NotAllowed where a user, a member of these groups, may not replace."""
        if who.user_name in self.users or self.groups & set(groups) or (self.administrators and who.is_admin):
            return
        raise NotAllowed("you may not replace filesets by a script", who.user_name, _ASK)


def policy_file() -> Path:
    """Where the file is: $OMERODIR/etc/omero-roz/scripts.toml, which only the processor's environment can name, if
    there is one; else /etc/omero-roz/scripts.toml."""
    own = Path(os.environ["OMERODIR"], "etc") / FILE if os.environ.get("OMERODIR") else None
    return own if own is not None and own.exists() else Path("/etc") / FILE


def read_policy(file: Path) -> Policy:
    """The policy in a file; raises PolicyError where it is missing, not out of the process's reach, or wrong."""
    try:
        data = tomllib.loads(read_unwritable(file).decode("utf-8"))
    except FileNotFoundError:
        what = "the administrator of this server has allowed nothing: no policy"
        raise PolicyError(what, str(file), _ASK) from None
    except NotSafe as error:
        raise PolicyError.of(error.problems) from None
    except (OSError, ValueError) as error:
        raise PolicyError(f"the policy cannot be read ({said(error)})", str(file), _ASK) from None
    problems = [Problem(str(file), text, _ASK) for text in _wrong(data)]
    if problems:
        raise PolicyError.of(problems)
    return _policy(data)


def _wrong(data: dict[str, Any]) -> list[str]:
    """All that is wrong in the data of a policy."""
    allowed, replace, server = data.get("allow", []), data.get("replace", {}), data.get("server", {})
    if not isinstance(allowed, list) or not all(isinstance(one, dict) for one in (*allowed, replace, server)):
        return ["the policy has to have the form [[allow]], [replace], [server]"]
    found = [f"unknown: {key}" for key in sorted(set(data) - _TABLES)]
    for name, table, known in (("replace", replace, _REPLACE), ("server", server, _SERVER)):
        found += [f"unknown in [{name}]: {key}" for key in sorted(set(table) - known)]
    found += [f"[replace] {key} is not a list of names" for key in ("users", "groups") if not _texts(replace, key)]
    if not isinstance(replace.get("administrators", False), bool):
        found.append("[replace] administrators is not true or false")
    found += [f"[server] {key} is not text" for key in server if not isinstance(server[key], str)]
    found += [f"[server] database: {text}" for text in _wrong_database(server.get("database"))]
    found += [text for number, one in enumerate(allowed, 1) for text in _wrong_place(number, one)]
    aliases = [one["alias"] for one in allowed if isinstance(one.get("alias"), str)]
    found += [f"alias {alias!r} is there twice" for alias in {a for a in aliases if aliases.count(a) > 1}]
    return found + _wrong_networks(data)


def _texts(table: dict[str, Any], key: str) -> bool:
    value = table.get(key, [])
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _wrong_networks(data: dict[str, Any]) -> list[str]:
    if not _texts(data, "private"):
        return ["private is not a list of networks"]
    found = []
    for text in data.get("private", []):
        try:
            ip_network(text)
        except ValueError as error:
            found.append(f"private: {error}")
    return found


def _wrong_database(address: Any) -> Iterator[str]:
    try:
        if isinstance(address, str):
            parse_address(address)
    except UsageError as error:
        yield error.problems[0].what


def _wrong_place(number: int, one: dict[str, Any]) -> list[str]:
    uri, where = one.get("uri"), f"[[allow]] number {number}"
    for key in ("uri", "endpoint", "server"):
        try:
            Address(str(one.get(key, "/")))
        except UsageError as error:
            return [f"{where}: {key}: {error.problems[0].what}"]
    where = f"[[allow]] {uri}"
    if not isinstance(uri, str) or not uri.startswith(("/", "s3://", "https://", "http://")):
        return [f"{where}: uri is neither an absolute path nor s3:// or https://"]
    found = [f"{where}: unknown: {key}" for key in sorted(set(one) - _ALLOW)]
    found += [f"{where}: {key} is not text" for key in _ALLOW - {"anonymous"} if not isinstance(one.get(key, ""), str)]
    if not isinstance(one.get("anonymous", False), bool):
        found.append(f"{where}: anonymous is not true or false")
    if found:
        return found
    alias, server = one.get("alias"), one.get("server", "/")
    if uri.startswith("s3://") and ("profile" in one) == one.get("anonymous", False):
        # Without either, botocore would look for credentials everywhere, at the cloud's metadata service too.
        found.append(f"{where}: say either profile or anonymous = true")
    if not uri.startswith("s3://") and {"endpoint", "profile", "anonymous"} & set(one):
        found.append(f"{where}: endpoint, profile and anonymous are for s3:// only")
    if alias is not None and not alias.replace("-", "").replace("_", "").isalnum():
        found.append(f"{where}: alias {alias!r} has other characters than letters, digits, - and _")
    if not one.get("endpoint", "https://").startswith(("https://", "http://")):
        found.append(f"{where}: endpoint is neither https:// nor http://")
    if not server.startswith(("/", "s3://")):
        found.append(f"{where}: server is neither an absolute path nor s3://")
    return found


def _policy(data: dict[str, Any]) -> Policy:
    places, aliases, seen = [], [], []
    for one in data.get("allow", []):
        uri = _normal(one["uri"])
        endpoint = Address.of_endpoint(one["endpoint"]) if "endpoint" in one else None
        places.append(Place(uri, endpoint, one.get("profile"), one.get("anonymous", False)))
        aliases += [(one["alias"], uri)] if "alias" in one else []
        seen += [ServerPath(uri, Address(one["server"].rstrip("/")))] if "server" in one else []
    if seen:  # a path that is not named differently is the same for the server
        named = {pair.local for pair in seen}
        seen += [ServerPath(p.uri, p.uri) for p in places if p.is_local and p.uri not in named]
    replace, server = data.get("replace", {}), data.get("server", {})
    return Policy(
        Guard(tuple(places), tuple(data.get("private", []))), tuple(aliases), tuple(seen),
        frozenset(replace.get("users", [])), frozenset(replace.get("groups", [])),
        replace.get("administrators", False), server.get("database"), server.get("managed_repository"),
    )  # fmt: skip


def _normal(uri: str) -> Address:
    """A directory with its links resolved, an address with its host in small letters, neither ending with a slash."""
    if "://" not in uri:
        return Address(os.path.realpath(uri))
    parts = urlsplit(uri)
    place = parts.netloc if parts.scheme == "s3" else parts.netloc.lower()
    return Address(f"{parts.scheme}://{place}{parts.path.rstrip('/')}")
