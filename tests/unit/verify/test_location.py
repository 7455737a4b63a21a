"""Where the Zarr of an image is, and how link rot is told apart."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omero_roz.binding.lsid import ServerPath
from omero_roz.ports.zarr import remote
from omero_roz.ports.zarr.stores import Access
from omero_roz.verify.location import Broken, Location, client_address, reach

PATHS = (ServerPath("/mnt", "/data"), ServerPath("/mnt/deep", "/data/a/b"), ServerPath("s3://mine", "s3://host/theirs"))


@pytest.mark.parametrize(
    "lsid, uri, access",
    [
        ("/data/x.zarr/0", "/mnt/x.zarr/0", Access()),
        ("/data/a/b/x.zarr/0", "/mnt/deep/x.zarr/0", Access()),
        ("/database/x.zarr/0", "/database/x.zarr/0", Access()),
        ("s3://s3.amazonaws.com/bucket/x.zarr/0", "s3://bucket/x.zarr/0", Access("https://s3.amazonaws.com")),
        ("s3://s3.lab.org/bucket/x/0?anonymous=true", "s3://bucket/x/0", Access("https://s3.lab.org", None, True)),
        ("s3://host/theirs/x.zarr/0", "s3://mine/x.zarr/0", Access()),
    ],
)
def test_an_lsid_as_this_machine_reaches_it(lsid: str, uri: str, access: Access) -> None:
    assert client_address(lsid, PATHS, Access()) == (uri, access)


def test_what_the_user_says_of_buckets_wins() -> None:
    said = Access("http://127.0.0.1:9000", "lab")
    assert client_address("s3://s3.lab.org/bucket/x/0", (), said) == ("s3://bucket/x/0", said)


class Answers(http.server.BaseHTTPRequestHandler):
    status = 200
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        code = {403: "AccessDenied", 404: "NoSuchKey", 301: "PermanentRedirect", 503: "SlowDown"}[self.status]
        body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-bucket-region", "eu-west-1")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("status, link", [(404, "gone"), (403, "denied"), (301, "moved"), (503, "unreachable")])
def test_link_rot_in_a_bucket_is_told_apart(endpoint: str, status: int, link: str) -> None:
    Answers.status = status
    with pytest.raises(Broken) as caught:
        reach(Location("external-info", "s3://bucket/x.zarr/0", Access(endpoint, None, True)))
    assert caught.value.link == link, str(caught.value)
    assert "s3://bucket/x.zarr/0" in str(caught.value)


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ATTEMPTS", 1)
    with pytest.raises(Broken) as caught:
        reach(Location("external-info", "s3://bucket/x.zarr/0", Access("http://127.0.0.1:9", None, True)))
    assert caught.value.link == "unreachable"


def test_link_rot_on_a_disk(tmp_path: Path) -> None:
    for folder in (tmp_path / "not-there", tmp_path):
        with pytest.raises(Broken) as caught:
            reach(Location("external-info", str(folder), Access()))
        assert caught.value.link == "gone"
    (tmp_path / ".zattrs").write_text("{}")
    reach(Location("external-info", str(tmp_path), Access()))
