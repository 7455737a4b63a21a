"""A curator verifies images whose Zarr is in a bucket."""
# ruff: noqa: F811

import json
from pathlib import Path

import pytest

from tests.integration.test_s3 import buckets, credentials, server_in_s3  # noqa: F401
from tests.support.accounts import new_account
from tests.support.s3 import S3Server
from tests.support.servers import Omero, Server


def test_images_in_a_bucket(
    server_in_s3: Server,
    buckets: S3Server,
    acquisition: Path,
    credentials: None,
    capsys: pytest.CaptureFixture,
) -> None:
    address, theirs = "s3://private/verified/v2.zarr", "s3://private=s3://s3.lab.example.org/private"
    buckets.upload(acquisition / "v2.zarr", address.removeprefix("s3://"))
    options = ("--endpoint", buckets.endpoint, "--server-path", theirs, "--json")
    with server_in_s3.client() as root:
        account = new_account(root)
    with server_in_s3.client(account.name, account.password) as client:
        omero_cli = Omero(client, capsys)
        done = omero_cli("roz", "import", address, *options)
        assert done.code == 0, done.err
        named = f"Fileset:{json.loads(done.out)[0]['fileset']}"
        whole = omero_cli("roz", "verify", named, "--check", "all", *options)
        assert whole.code == 0, whole.err
        found = json.loads(whole.out)
        assert found["counts"] == {"images": 4, "ok": 4, "failed": 0, "planes": 25, "chunks": 107, "absent": 0}
        assert found["images"][1]["uri"] == f"{address}/1"
        assert [one["image"] for one in json.loads(omero_cli("roz", "verify", address, *options).out)["images"]]
        buckets.files().rm(f"{address}/1/0/0/0/0/0/0")
        buckets.files().rm(f"{address}/3", recursive=True)
        rotten = json.loads(omero_cli("roz", "verify", named, *options).out)["images"]
        assert [(one["link"], one["absent"]) for one in rotten] == [("ok", 0), ("ok", 1), ("ok", 0), ("gone", None)]
