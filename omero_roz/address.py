"""Where something lies. All that names a place, on the command line, in a table, a policy or OMERO, becomes an Address
before anybody goes there, writes it down or shows it: no secret can be in one.
"""

from __future__ import annotations

from typing import Self
from urllib.parse import SplitResult, parse_qsl, urlsplit

from omero_roz.errors import UsageError
from omero_roz.shown import hides_secret, is_secret

REMOTE = ("s3", "https", "http")
_ANONYMOUS = "anonymous=true"
_HOW = "write s3://BUCKET/KEY or https://HOST/PATH, a local path with ./ or / in front"


class Address(str):
    """A path of this machine, file:// or an address s3://, https://, http://.

    It is a str that cannot be made with credentials, a signature or any other query (but ?anonymous=true of a bucket);
    what looks like a slip of the hand in such a one is refused as well, and not shown. Raises UsageError; `option` says
    where it was given.
    """

    __slots__ = ()

    def __new__(cls, text: str, option: str = "") -> Self:
        if isinstance(text, cls):
            return text
        _check(text, option)
        return super().__new__(cls, text)

    @classmethod
    def of_endpoint(cls, text: str, option: str = "--endpoint") -> Self:
        """The address of a server: https:// or http://."""
        if isinstance(text, cls) or text.lower().startswith(("https://", "http://")):
            return cls(text, option)
        refuse_secrets(text, option, is_address=True)
        raise UsageError("it is no address of a server", option, "write https://HOST, or http://HOST:PORT")

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return "://" not in self or self.startswith("file://")

    @property
    def is_public(self) -> bool:
        """Whether it says of a bucket that no credentials are needed."""
        return self.startswith("s3://") and self.endswith(f"?{_ANONYMOUS}")

    @property
    def bare(self) -> Address:
        """The address without ?anonymous=true and slashes at its end."""
        return self if self.is_local else Address(self.partition("?")[0].rstrip("/"))

    @property
    def host(self) -> str:
        """The server, or the bucket, in small letters; "" for what is on this machine."""
        return "" if self.is_local else urlsplit(self).hostname or ""


def refuse_secrets(text: str, option: str, is_address: bool = False) -> None:
    """Raises UsageError, which does not show it, for any text with an address in it that hides a secret.

    Of what should be an address, or the name of a file, less is enough.
    """
    rooted = text.startswith((".", "/")) and not text.startswith("//")
    if hides_secret(text) or (is_address and not rooted and ":" in text[: text.rfind("@") + 1]):
        raise _refused(option)


def _check(text: str, option: str) -> None:
    if "\0" in text:
        raise UsageError("it has a zero byte, which no address has", option, _HOW)
    scheme, separator, _ = text.partition("://")
    if not separator:
        refuse_secrets(text, option, is_address=True)
    elif scheme in REMOTE:
        _check_parts(scheme, _parts(text, option), option)
    elif scheme != "file":
        raise UsageError("its scheme is unknown", option, "use a local path, file://, s3:// or https://")
    else:
        refuse_secrets(text, option)


def _parts(text: str, option: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  it is read here, and may be none
        if parts.scheme != "s3":
            (parts.hostname or "").encode("idna")
    except ValueError:  # a UnicodeError is one
        raise UsageError("the address is malformed", option, _HOW) from None
    return parts


def _check_parts(scheme: str, parts: SplitResult, option: str) -> None:
    place = parts.netloc
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    cut = ":" in place.rpartition("]")[2] and "@" in parts.path  # https://user:8password/with/slash@host
    if "@" in place or cut or any(map(is_secret, names)) or (scheme == "s3" and ":" in place):
        raise _refused(option)
    if not place or not parts.hostname or "%" in place or not place.isprintable() or "\\" in place:
        raise UsageError("the address has no host or bucket", option, _HOW)
    if parts.query not in (("", _ANONYMOUS) if scheme == "s3" else ("",)) or parts.fragment:
        raise UsageError("the address has a query or fragment", option, "name the Zarr itself")


def _refused(option: str) -> UsageError:
    what = "credentials or a signature in an address are refused (not shown): they would be stored and shown"
    fix = "use an AWS profile, the environment, or a public address; a path is written with ./ or / in front"
    return UsageError(what, option, fix)
