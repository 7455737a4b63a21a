"""Addresses as the server names them: paths of its disk and s3://HOST/BUCKET/KEY; the rest is refused."""

import pytest

from omero_roz.binding.lsid import ServerPath, ServerView, parse_server_path, server_path, server_root
from omero_roz.errors import Refused, UsageError
from omero_roz.layout.store import Bucket


def test_the_longest_server_path_applies_and_only_to_whole_names() -> None:
    pairs = [ServerPath("/mnt", "/srv"), ServerPath("/mnt/fast", "/ssd")]
    assert server_path("/mnt/fast/a.zarr", pairs) == "/ssd/a.zarr"
    assert server_path("/mnt/faster/a.zarr", pairs) == "/srv/faster/a.zarr"
    assert server_path("/home/a.zarr", pairs) == "/home/a.zarr"
    assert server_path("/mnt", pairs) == "/srv"


@pytest.mark.parametrize("text", ["here", "/a", "a=/b", "/a=b", "="])
def test_a_server_path_needs_two_absolute_paths(text: str) -> None:
    with pytest.raises(UsageError):
        parse_server_path(text)


@pytest.mark.parametrize(
    ("uri", "endpoint", "anonymous", "lsid"),
    [
        ("s3://b/k/x.zarr", "https://s3.example.org", False, "s3://s3.example.org/b/k/x.zarr"),
        ("s3://b/x.zarr", "https://s3.example.org/", True, "s3://s3.example.org/b/x.zarr?anonymous=true"),
        ("s3://b/x.zarr", "https://s3.example.org:443", False, "s3://s3.example.org/b/x.zarr"),
        ("s3://b/x.zarr", "https://s3.amazonaws.com", False, "s3://s3.amazonaws.com/b/x.zarr"),
        ("https://uk1s3.example.org/b/k/x.zarr", "https://uk1s3.example.org", True, "s3://uk1s3.example.org/b/k/x.zarr?anonymous=true"),
        ("https://b.s3.eu-west-1.amazonaws.com/x.zarr", "https://b.s3.eu-west-1.amazonaws.com", True, "s3://s3.eu-west-1.amazonaws.com/b/x.zarr?anonymous=true"),
    ],
)  # fmt: skip
def test_a_bucket_becomes_an_lsid(uri: str, endpoint: str, anonymous: bool, lsid: str) -> None:
    assert server_root(uri, ServerView(bucket=Bucket(endpoint, anonymous))) == lsid


@pytest.mark.parametrize("endpoint", ["http://s3.example.org", "https://s3.example.org:9000", "https://example.org/s3"])
def test_an_endpoint_that_no_lsid_can_express_is_refused_and_named(endpoint: str) -> None:
    with pytest.raises(Refused, match="no lsid can express") as refused:
        server_root("s3://b/x.zarr", ServerView(bucket=Bucket(endpoint, False)))
    assert endpoint in str(refused.value)


def test_an_https_address_that_is_no_bucket_is_refused() -> None:
    with pytest.raises(Refused, match="no bucket"):
        server_root("https://example.org/x.zarr", ServerView())


def test_server_paths_do_not_touch_buckets() -> None:
    view = ServerView((ServerPath("/", "/data"),), Bucket("https://h", False))
    assert server_root("s3://b/x.zarr", view) == "s3://h/b/x.zarr"


@pytest.mark.parametrize("anonymous", [False, True])
def test_the_user_says_what_the_server_calls_a_bucket_or_where_it_is_mounted(anonymous: bool) -> None:
    paths = parse_server_path("s3://b=s3://inside.example.org/b"), parse_server_path("s3://b/mounted=/mnt/b")
    view = ServerView(paths, Bucket("http://127.0.0.1:9000", anonymous))
    public = "?anonymous=true" if anonymous else ""
    assert server_root("s3://b/k/x.zarr", view) == f"s3://inside.example.org/b/k/x.zarr{public}"
    assert server_root("s3://b/mounted/x.zarr", view) == "/mnt/b/x.zarr"
