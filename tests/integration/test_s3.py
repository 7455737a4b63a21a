"""Zarrs in buckets: a real S3 server, private and public, slow and faulty."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from demo.omero_client import Hashes, shown
from omero_roz import zarrs
from omero_roz.errors import Refused
from omero_roz.import_ import steps
from omero_roz.layout.annotation import annotation
from omero_roz.layout.planes import Planes, plane_sha1
from omero_roz.layout.reading import read_layout
from omero_roz.ports.zarr import remote
from omero_roz.ports.zarr.stores import Access, open_store
from tests.support.accounts import new_account
from tests.support.s3 import CREDENTIALS, Proxy, S3Server, proxy
from tests.support.servers import Omero, Server, sandbox_server


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's, as the AWS environment has them."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # which outlives the environment


@pytest.fixture(scope="session")
def buckets(s3_server: S3Server, acquisition: Path) -> S3Server:
    """s3://private and s3://public, each with the acquisition below day/1."""
    for name in ("private", "public"):
        s3_server.make_bucket(name, public=name == "public")
        s3_server.upload(acquisition / "v2.zarr", f"{name}/day/1/v2.zarr")
        s3_server.upload(acquisition / "v3.zarr", f"{name}/day/1/v3.zarr")
    return s3_server


@pytest.fixture
def faulty(buckets: S3Server) -> Iterator[Proxy]:
    with proxy(buckets.port) as made:
        yield made


def inspected(omero_cli: Omero, uri: str, *options: str) -> dict:
    result = omero_cli("roz", "inspect", uri, "--json", *options)
    assert result.code == 0, result.err
    return json.loads(result.out)


@pytest.mark.parametrize("name", ["v2", "v3"])
def test_a_private_bucket_is_read_with_the_credentials_of_the_environment(
    omero_cli: Omero, buckets: S3Server, acquisition: Path, credentials: None, name: str
) -> None:
    found = inspected(omero_cli, f"s3://private/day/1/{name}.zarr", "--endpoint", buckets.endpoint)
    assert found | {"uri": ""} == inspected(omero_cli, str(acquisition / f"{name}.zarr")) | {"uri": ""}


def test_a_profile_has_endpoint_and_credentials(
    omero_cli: Omero, buckets: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = f"[profile lab]\nendpoint_url = {buckets.endpoint}\nregion = us-east-1\n"
    config += f"aws_access_key_id = {CREDENTIALS['AWS_ACCESS_KEY_ID']}\n"
    config += f"aws_secret_access_key = {CREDENTIALS['AWS_SECRET_ACCESS_KEY']}\n"
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert inspected(omero_cli, "s3://private/day/1/v2.zarr", "--profile", "lab")["problems"] == []


def test_a_public_bucket_needs_none_and_a_private_one_says_so(omero_cli: Omero, buckets: S3Server) -> None:
    public = inspected(omero_cli, "s3://public/day/1/v2.zarr", "--endpoint", buckets.endpoint, "--anonymous")
    assert len(public["series"]) == 4
    if buckets.guarded:
        refused = omero_cli(
            "roz", "inspect", "s3://private/day/1/v2.zarr", "--endpoint", buckets.endpoint, "--anonymous"
        )
        assert refused.code == 1 and "access denied (403)" in refused.err


def test_wrong_credentials_are_told(omero_cli: Omero, buckets: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    if not buckets.guarded:
        pytest.skip("moto lets everybody in")
    for name, value in (CREDENTIALS | {"AWS_SECRET_ACCESS_KEY": "wrong"}).items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    result = omero_cli("roz", "inspect", "s3://private/day/1/v2.zarr", "--endpoint", buckets.endpoint)
    assert result.code == 1 and "credentials" in result.err and "wrong" not in result.err


def test_a_prefix_lists_what_is_below_it(omero_cli: Omero, buckets: S3Server, credentials: None) -> None:
    result = omero_cli("roz", "inspect", "s3://private", "--endpoint", buckets.endpoint)
    assert result.code == 0, result.err
    assert [line.partition(": ")[0] for line in result.out.splitlines()] == [
        "s3://private/day/1/v2.zarr", "s3://private/day/1/v3.zarr",
    ]  # fmt: skip


def test_nothing_there(omero_cli: Omero, buckets: S3Server, credentials: None) -> None:
    for uri in ("s3://private/day/2", "s3://no-such-bucket/x.zarr"):
        result = omero_cli("roz", "inspect", uri, "--endpoint", buckets.endpoint)
        assert result.code == 1 and uri in result.err, result.err


@pytest.mark.parametrize("fault", ["503", "cut", "half"])
def test_faults_that_pass_are_not_noticed(omero_cli: Omero, faulty: Proxy, credentials: None, fault: str) -> None:
    faulty.latency, faulty.faults = 0.03, [fault] * 3
    found = inspected(omero_cli, "s3://private/day/1/v2.zarr", "--endpoint", faulty.endpoint)
    assert found["problems"] == [] and len(found["series"]) == 4
    assert faulty.faults == []


@pytest.mark.parametrize("fault", ["503", "cut", "half"])
def test_a_fault_that_stays_is_named(
    omero_cli: Omero, faulty: Proxy, credentials: None, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "ATTEMPTS", 2)
    faulty.faults = [fault] * 10_000
    result = omero_cli("roz", "inspect", "s3://private/day/1/v2.zarr", "--endpoint", faulty.endpoint)
    assert result.code == 1 and "no answer after 2 attempts" in result.err
    assert len(result.err.splitlines()) == 1


def test_an_endpoint_with_a_port_can_be_inspected_but_not_be_bound(
    omero_cli: Omero, buckets: S3Server, credentials: None
) -> None:
    result = omero_cli("roz", "import", "s3://private/day/1/v2.zarr", "--endpoint", buckets.endpoint)
    assert result.code == 1 and result.out == ""
    assert f"no lsid can express the endpoint {buckets.endpoint}" in result.err
    assert len([line for line in result.err.splitlines() if line]) == 1


@pytest.fixture(scope="module")
def server_in_s3(buckets: S3Server, request: pytest.FixtureRequest) -> Iterator[Server]:
    """An OMERO that finds the buckets at s3.lab.example.org, with the owner's credentials."""
    if request.config.getoption("--omero"):
        pytest.skip("needs a sandbox whose names for hosts can be set")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        yield from sandbox_server(reader_v3=False, s3={"s3.lab.example.org": buckets.endpoint})


@pytest.mark.parametrize("name", ["private", "public"])
def test_an_import_from_a_bucket_every_plane_of_it(
    server_in_s3: Server, buckets: S3Server, acquisition: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture, name: str,
) -> None:  # fmt: skip
    options = ["--endpoint", buckets.endpoint, "--server-path", f"s3://{name}=s3://s3.lab.example.org/{name}"]
    if name == "private":
        for variable, value in CREDENTIALS.items():
            monkeypatch.setenv(variable, value)
    else:
        options.append("--anonymous")
    with server_in_s3.client() as root:
        account = new_account(root)
    with server_in_s3.client(account.name, account.password) as client:
        omero_cli = Omero(client, capsys)
        result = omero_cli("roz", "import", f"s3://{name}/day/1/v2.zarr", *options, "--json")
        assert result.code == 0, result.err
        images = json.loads(result.out)[0]["images"]
        assert shown(client, images) == hashes(acquisition / "v2.zarr")
        query = f"select i.details.externalInfo.lsid from Image i where i.id = {images[1]}"
        [[lsid]] = client.sf.getQueryService().projection(query, None)
    public = "?anonymous=true" if name == "public" else ""
    assert lsid.val == f"s3://s3.lab.example.org/{name}/day/1/v2.zarr/1{public}"


@pytest.mark.parametrize("fault", ["503", "cut", "half"])
def test_faults_while_planes_are_compared(
    server_in_s3: Server, faulty: Proxy, credentials: None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture, fault: str,
) -> None:  # fmt: skip
    """Some are not noticed; where they stay, the import is taken back and the error names what did not answer."""

    def from_now_on(faults: list[str]) -> None:
        def begin(*args, **more):
            faulty.faults = faults
            return compare(*args, **more)

        monkeypatch.setattr(steps, "compare", begin)

    monkeypatch.setattr(remote, "ATTEMPTS", 3)
    compare, to_server = steps.compare, "s3://private=s3://s3.lab.example.org/private"
    words = ("s3://private/day/1/v2.zarr", "--endpoint", faulty.endpoint, "--server-path", to_server)
    with server_in_s3.client() as root:
        account = new_account(root)
    with server_in_s3.client(account.name, account.password) as client:
        omero_cli = Omero(client, capsys)
        from_now_on([fault] * 10_000)
        result = omero_cli("roz", "import", *words)
        assert result.code == 1 and "s3://private/day/1/v2.zarr/0/0/" in result.err.splitlines()[-1], result.err
        assert "no answer after 3 attempts" in result.err.splitlines()[-1]
        assert client.sf.getQueryService().projection("select count(i.id) from Image i", None)[0][0].val == 0
        faulty.faults = []
        from_now_on([fault] * 2)
        assert omero_cli("roz", "import", *words).code == 0
    assert faulty.faults == []


def hashes(zarr: Path) -> Hashes:
    """SHA-1 of each plane of the Zarr on disk, as zarr-python reads it."""
    store = open_store(str(zarr))
    found: Hashes = {}
    for index, series in enumerate(read_layout(store).mapped_series()):
        planes, sizes = Planes(store, series), series.sizes
        for place in product(range(sizes.z), range(sizes.c), range(sizes.t)):
            found[index, *place] = plane_sha1(planes.read(*place))
    return found


def test_annotate_in_a_bucket(omero_cli: Omero, buckets: S3Server, acquisition: Path, credentials: None) -> None:
    buckets.upload(acquisition / "v2.zarr", "private/annotated/v2.zarr")
    address = ("s3://private/annotated/v2.zarr", "--endpoint", buckets.endpoint)
    assert omero_cli("roz", "annotate", *address, "--yes").code == 0
    assert inspected(omero_cli, *address)["mapping"]["rule"] == "metadataSources"
    if buckets.guarded:
        public = omero_cli(
            "roz", "annotate", "s3://public/day/1/v2.zarr", "--endpoint", buckets.endpoint, "--anonymous", "--yes"
        )
        assert public.code == 1 and "may not be written" in public.err


def test_of_two_that_annotate_at_once_one_is_told(
    omero_cli: Omero, buckets: S3Server, acquisition: Path, credentials: None
) -> None:
    buckets.upload(acquisition / "v2.zarr", "private/twice/v2.zarr")
    zarr = zarrs.read("s3://private/twice/v2.zarr", Access(buckets.endpoint))
    planned = annotation(zarr.store, zarr.layout)
    assert omero_cli("roz", "annotate", zarr.layout.uri, "--endpoint", buckets.endpoint, "--yes").code == 0
    zarrs.annotate(zarr, planned)  # the same: nothing is lost
    [(path, content, before)] = planned.files
    for stale in (before, None):
        with pytest.raises(Refused, match="changed since it was read"):
            zarr.store.put(path, content + b" ", stale)
    zarr.store.put(path, content + b" ", content)
    with pytest.raises(Refused, match="changed since it was read"):
        zarr.store.put("new.json", b"{}", b"was there")
    zarr.store.put("new.json", b"{}", None)
