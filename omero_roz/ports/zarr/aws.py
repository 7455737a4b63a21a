"""Which S3 servers the user's own AWS configuration names: they alone are sent what is signed with his credentials."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, NoCredentialsError, ProfileNotFound

from omero_roz.address import Address
from omero_roz.errors import Unreachable
from omero_roz.shown import said

# Only S3 itself: hosts of other services below amazonaws.com are anybody's who rents one.
_S3 = re.compile(r"s3([.-](fips|dualstack|accelerate|external-1|[a-z]{2}(-[a-z]+)+-\d+))*\.amazonaws\.com(\.cn)?")
_FILES = (("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
_VARIABLES = (
    "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HOME",
)  # fmt: skip


def configured_endpoint(profile: str | None) -> Address | None:
    """The S3 server of the environment or the profile (None is the default one); None is Amazon's.

    Raises UsageError for an address with a secret in it, Unreachable where the configuration cannot be used.
    """
    try:
        return _configured(profile, (*map(os.environ.get, _VARIABLES), *map(_written, _FILES)))
    except BotoCoreError as error:
        raise no_way_in(error, "the AWS configuration") from None


def no_way_in(error: Exception, where: str) -> Unreachable:
    """What it means that botocore finds no way to sign or to send."""
    told = {NoCredentialsError: "no credentials were found", ProfileNotFound: "there is no such profile"}
    what = told.get(type(error)) or f"the AWS configuration cannot be used ({said(error)})"
    return Unreachable(what, where, "set up a profile, or use --anonymous")


def is_amazons(host: str) -> bool:
    """Whether a host is one of Amazon's S3 and nobody else's."""
    return _S3.fullmatch(host) is not None


def _written(file: tuple[str, str]) -> str | None:
    """When a file of the configuration was written last."""
    try:
        return str(os.stat(os.path.expanduser(os.environ.get(*file))).st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=16)  # images are looked at by thousands
def _configured(profile: str | None, environment: tuple[str | None, ...]) -> Address | None:
    session = botocore.session.Session(profile=profile)
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    for variable in _VARIABLES[:2]:
        if url := os.environ.get(variable):
            return Address.of_endpoint(url, variable)
    scoped = session.get_scoped_config()
    services: dict[str, Any] = session.full_config.get("services", {}).get(scoped.get("services"), {})
    of_s3 = services.get("s3", {})
    url = (of_s3.get("endpoint_url") if isinstance(of_s3, dict) else None) or scoped.get("endpoint_url")
    return Address.of_endpoint(url, "endpoint_url of the AWS configuration") if url else None
