"""Where Zarrs lie: disks with links and pipes, https and S3 servers with faults, URIs with secrets."""

import asyncio
import errno
import gzip
import http.server
import json
import os
import re
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import zarr

from omero_roz.errors import LayoutError, Refused, RozError, Unreachable, UsageError
from omero_roz.layout import store as layout_store
from omero_roz.layout.finding import find_layouts
from omero_roz.layout.planes import Planes, read_plane
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import DANGLES, LEADS_OUT, NO_FILE, NOT_FOUND, Part, Store, too_large
from omero_roz.ports.zarr import local_tree
from omero_roz.ports.zarr import remote as remote_stores
from omero_roz.ports.zarr.stores import Access, open_store
from tests.support.recorder import tls

PIXELS = np.arange(24, dtype="<u2").reshape(4, 6)


def write_layout(path: Path, groups: int = 2) -> None:
    zarr.open_group(path, mode="w", zarr_format=2, attributes={"bioformats2raw.layout": 3})
    for number in range(groups):
        multiscale: Any = {"axes": ["y", "x"], "datasets": [{"path": "0"}], "version": "0.3"}
        group = zarr.open_group(path / str(number), mode="w", zarr_format=2, attributes={"multiscales": [multiscale]})
        group.create_array("0", data=PIXELS + number, chunks=(2, 3))


def check(store: Store) -> None:
    layout = read_layout(store)
    assert ["cannot be listed" in one.what for one in layout.problems] == [True] * (store.children("") is None)
    assert [series.path for series in layout.mapped_series()] == ["0", "1"]
    assert np.array_equal(read_plane(store, layout.series[1], 0, 0, 0), PIXELS + 1)


SECRETS = [
    "https://user:SECRET@host/x.zarr",
    "https://SECRET@host/x.zarr",
    "s3://id:SECRET@bucket/x.zarr",
    "https://host/x.zarr?X-Amz-Signature=SECRET",
    "https://host/x.zarr?X-Amz-Security-Token=SECRET",
    "https://host/x.zarr?AWSAccessKeyId=SECRET&Expires=3",
    "https://host/x.zarr?a=1&token=SECRET",
    "https://host/x.zarr?sig=SECRET",
    "s3://bucket/x.zarr?aws_secret_access_key=SECRET",
    "https://host/x.zarr?SECRET",
    "https://host/x.zarr#SECRET",
    "https://[SECRET",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_credentials_are_refused_and_never_shown(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(uri)
    assert "SECRET" not in f"{caught.value} {caught.value.problems}"


@pytest.mark.parametrize("uri", ["ftp://host/x", "simplecache::s3://bucket/x", "zip://x::file:///y", "s3:///x"])
def test_other_schemes_are_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        open_store(uri)


def test_the_address_shown() -> None:
    assert open_store("s3://bucket/a/x.zarr/?anonymous=true").uri == "s3://bucket/a/x.zarr"
    assert open_store("https://host:8000/a%20b/x.zarr/").uri == "https://host:8000/a%20b/x.zarr"
    with pytest.raises(UsageError, match="s3:// only"):
        open_store("https://host/x.zarr", Access(anonymous=True))


def test_local_paths_and_file_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ä b%41.zarr"
    write_layout(path)
    monkeypatch.chdir(tmp_path)
    for uri in (str(path), path.as_uri(), path.name, f"{path}/"):
        store = open_store(uri)
        assert store.uri == str(path)
        check(store)
    (tmp_path / "link.zarr").symlink_to(path)
    check(open_store("link.zarr"))


def test_no_such_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable, match="no such directory"):
        open_store(str(tmp_path / "absent"))
    with pytest.raises(Unreachable, match="this is a file"):
        open_store(str(tmp_path / "file"))
    with pytest.raises(LayoutError, match="no Zarr in this directory"):
        read_layout(open_store(str(tmp_path)))


def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_bytes(b"secret")
    root = tmp_path / "x.zarr"
    (root / "a").mkdir(parents=True)
    (root / "a" / "file").write_bytes(b"good")
    (root / "inside").symlink_to(root / "a")
    (root / "a" / "inside").symlink_to("file")
    (root / "outside").symlink_to(tmp_path / "secret")
    (root / "a" / "outside").symlink_to("../../secret/file")
    (root / "a" / "up").symlink_to(tmp_path)
    (root / "a" / "self").symlink_to("self")
    store = open_store(str(root))
    paths = ["a/file", "inside/file", "a/inside", "outside/file", "a/outside", "a/up/secret/file", "a/self", "a"]
    assert store.get_many(paths) == [b"good", b"good", b"good", LEADS_OUT, LEADS_OUT, LEADS_OUT, DANGLES, NOT_FOUND]
    assert store.below("outside").uri == str(tmp_path / "secret")  # as if it were named itself: a root of its own


@pytest.mark.parametrize("name", [".zattrs", "1/.zattrs", "1/0/.zarray", "OME/METADATA.ome.xml"])
def test_what_the_user_may_not_read_is_named_once(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as root, who may read everything: the disk's answer is put in its place."""
    write_layout(tmp_path / "x.zarr")
    (tmp_path / "x.zarr" / "OME").mkdir()
    monkeypatch.setattr(local_tree.os, "open", forbids(f"{tmp_path}/x.zarr/{name}"))
    [problem] = read_layout(open_store(str(tmp_path / "x.zarr"))).problems
    assert name.startswith(problem.where) or problem.where == "1/0"
    assert "may not be read (permission denied); check who may read it" in str(problem)


def test_a_zarr_that_the_user_may_not_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_layout(tmp_path / "x.zarr")
    monkeypatch.setattr(local_tree.os, "open", forbids(str(tmp_path / "x.zarr")))
    with pytest.raises(Unreachable, match=r"x\.zarr: it may not be read \(permission denied\)"):
        read_layout(open_store(str(tmp_path / "x.zarr")))


def forbids(start: str) -> Callable[..., int]:
    real = os.open

    def opened(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).startswith(start):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, *args, **kwargs)

    return opened


def test_a_link_out_of_the_layout_is_a_problem(tmp_path: Path) -> None:
    write_layout(tmp_path / "x.zarr")
    (tmp_path / "x.zarr" / "1").rename(tmp_path / "elsewhere")
    (tmp_path / "x.zarr" / "1").symlink_to(tmp_path / "elsewhere")
    errors = read_layout(open_store(str(tmp_path / "x.zarr"))).errors
    assert [(problem.where, problem.what) for problem in errors] == [("1", f"group {LEADS_OUT.why}")]


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".zattrs")
    assert open_store(str(tmp_path)).get_many([".zattrs"]) == [NO_FILE]


def test_threads_give_the_same_as_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        (tmp_path / str(number)).write_text(str(number))
    monkeypatch.setattr(local_tree, "_SLOW", 0.0)
    names = [str(number) for number in range(101)]
    assert open_store(str(tmp_path)).get_many(names) == [*(name.encode() for name in names[:-1]), NOT_FOUND]


def test_finding_does_not_look_into_layouts_nor_run_in_circles(tmp_path: Path) -> None:
    for name in ("b/one.zarr", "two.zarr", "b/c/three.zarr/pyramid"):
        write_layout(tmp_path / name)
    zarr.open_group(tmp_path / "b/c/three.zarr", mode="w", zarr_format=3)
    write_layout(tmp_path / "b/c/three.zarr/pyramid")
    zarr.create_array(tmp_path / "array.zarr", data=PIXELS)
    (tmp_path / "b" / "circle").symlink_to(tmp_path)
    found = [store.uri for store in find_layouts(open_store(str(tmp_path)))]
    assert found == [str(tmp_path / name) for name in ("two.zarr", "b/one.zarr", "b/c/three.zarr/pyramid")]
    assert [store.uri for store in find_layouts(open_store(found[0]))] == [found[0]]


def test_links_to_layouts_elsewhere_are_found(tmp_path: Path) -> None:
    write_layout(tmp_path / "elsewhere" / "one.zarr")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "link.zarr").symlink_to(tmp_path / "elsewhere" / "one.zarr")
    (tmp_path / "study" / "more").symlink_to(tmp_path / "elsewhere")  # not searched: it may be anything
    (tmp_path / "study" / "gone.zarr").symlink_to(tmp_path / "nowhere")
    [found] = find_layouts(open_store(str(tmp_path / "study")))
    assert found.uri == str(tmp_path / "elsewhere" / "one.zarr")
    check(found)


def test_links_that_go_in_circles_through_each_other_end(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "study" / name).mkdir(parents=True)
    for name in ("a", "b", "c"):
        for other in ("a", "b", "c"):
            (tmp_path / "study" / name / f"to {other}").symlink_to(f"../{other}")
    (tmp_path / "study" / "a" / "self").symlink_to("self")
    (tmp_path / "study" / "a" / "everything").symlink_to("/")
    write_layout(tmp_path / "study" / "c" / "x.zarr")
    for follow in ((), (str(tmp_path),)):
        started = time.monotonic()
        [found] = find_layouts(open_store(str(tmp_path / "study"), Access(follow=follow)))
        assert found.uri == str(tmp_path / "study" / "c" / "x.zarr")
        assert time.monotonic() - started < 20


@pytest.mark.parametrize("path", ["/".join("a" * 3000), "/".join(["0"] * 1500), "a" * 5000])
def test_a_dataset_path_that_no_disk_has(tmp_path: Path, path: str) -> None:
    write_layout(tmp_path)
    attributes = json.loads((tmp_path / "1" / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = path
    (tmp_path / "1" / ".zattrs").write_text(json.dumps(attributes))
    [problem] = read_layout(open_store(str(tmp_path))).errors
    assert "not found" in problem.what or "longer than any path" in problem.what


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chunks": [0, 3]}, "chunks are empty"), ({"chunks": [2]}, "do not fit"), ({"compressor": 3}, "is no object"),
        ({"compressor": ["x"]}, "is no object"), ({"filters": {"id": "delta"}}, "are no list"),
        ({"chunks": [1 << 20, 1 << 20]}, "no reader takes more than"),
        ({"dimension_separator": "/../"}, "are named with"),
    ],
)  # fmt: skip
def test_an_array_that_nobody_can_read(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    write_layout(tmp_path)
    document = json.loads((tmp_path / "1" / "0" / ".zarray").read_text())
    (tmp_path / "1" / "0" / ".zarray").write_text(json.dumps(document | change))
    [problem] = read_layout(open_store(str(tmp_path))).errors
    assert problem.where == "1/0" and told in problem.what


@pytest.mark.parametrize(("name", "most"), [("1/.zattrs", "MOST_JSON"), ("OME/METADATA.ome.xml", "MOST_XML")])
def test_metadata_that_are_too_large_are_not_read(
    tmp_path: Path, name: str, most: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files with holes: they have as many bytes as they may have and one more, and take no room."""
    write_layout(tmp_path)
    (tmp_path / "OME").mkdir()
    limit = getattr(layout_store, most)
    with (tmp_path / name).open("wb") as file:
        file.truncate(limit + 1)
    tracemalloc.start()
    try:
        [problem] = read_layout(open_store(str(tmp_path))).errors
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert f"it has more than {limit:,} bytes" in problem.what


class Server(http.server.BaseHTTPRequestHandler):
    """Files below `folder` as https directories and S3 buckets give them; `faults` happen once for each path."""

    folder: Path
    fault: str | None = None
    asked: ClassVar[Counter[str]] = Counter()
    sent: ClassVar[int] = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        Server.asked[self.path] += 1
        if Server.fault and (Server.asked[self.path] == 1 or Server.fault.startswith("always")):
            return self._fail(Server.fault.removeprefix("always "))
        if "list-type" in query:
            return self._list(url.path.strip("/"), query)
        file = self.folder / url.path.strip("/")
        if not file.is_file():
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        content = file.read_bytes()
        if part := re.fullmatch("bytes=([0-9]*)-([0-9]*)", self.headers.get("Range", "")):
            start = int(part[1]) if part[1] else max(len(content) - int(part[2]), 0)
            end = int(part[2]) + 1 if part[1] else len(content)
            return self._answer(206 if start < len(content) else 416, content[start:end])
        self._answer(200, content)

    def _fail(self, fault: str) -> None:
        if fault == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")
            self.close_connection = True
        elif fault in ("packed", "bomb"):
            content = (self.folder / urlsplit(self.path).path.strip("/")).read_bytes()
            packed = gzip.compress(content if fault == "packed" else bytes(64 << 20))
            self._answer(200, packed, {"Content-Encoding": "gzip"})
        elif fault == "endless":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while True:
                self.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
                Server.sent += 1 << 16
        elif fault == "whole":
            self._answer(200, (self.folder / urlsplit(self.path).path.strip("/")).read_bytes())
        elif fault == "page":
            self._answer(200, b"<!DOCTYPE html><html>log in</html>")
        else:
            code = {"403": "AccessDenied", "503": "SlowDown"}[fault]
            self._answer(int(fault), f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix = query.get("prefix", [""])[0]
        folder = self.folder / bucket / prefix
        names = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
        entries = "".join(f"<CommonPrefixes><Prefix>{prefix}{name}/</Prefix></CommonPrefixes>" for name in names)
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode())

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    write_layout(tmp_path / "bucket" / "deep" / "x.zarr")
    Server.folder, Server.fault, Server.asked = tmp_path, None, Counter()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads, server.block_on_close = True, False  # connections are kept alive
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=["https", "s3"])
def remote(request: pytest.FixtureRequest, address: str) -> Store:
    """The layout on a server of either kind."""
    if request.param == "https":
        return open_store(f"{address}/bucket/deep/x.zarr")
    return open_store("s3://bucket/deep/x.zarr", Access(endpoint=address, anonymous=True))


def test_remote_layouts(remote: Store) -> None:
    check(remote)


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_a_fault_that_passes_is_not_noticed(remote: Store, fault: str) -> None:
    Server.fault = fault
    layout = read_layout(remote)
    assert ["cannot be listed" in one.what for one in layout.problems] == [True] * (remote.children("") is None)
    assert np.array_equal(read_plane(remote, layout.series[1], 0, 0, 0), PIXELS + 1)


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_a_fault_that_stays_is_named(remote: Store, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_stores, "ATTEMPTS", 2)
    Server.fault = f"always {fault}"
    with pytest.raises(Unreachable, match=r"x\.zarr/.*no answer after 2 attempts"):
        remote.get_many([".zattrs"])


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_and_so_it_is_of_a_chunk(remote: Store, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_stores, "ATTEMPTS", 2)
    layout = read_layout(remote)
    planes = Planes(remote, layout.series[1])
    Server.fault = f"always {fault}"
    with pytest.raises(Unreachable, match=r"x\.zarr/1/0/[01]\.[01]: no answer after 2 attempts"):
        planes.read(0, 0, 0)


def test_what_a_server_packs_is_unpacked(remote: Store) -> None:
    Server.fault = "always packed"
    [content] = remote.get_many(["1/.zattrs"])
    assert isinstance(content, bytes) and json.loads(content)["multiscales"]


@pytest.mark.parametrize("fault", ["bomb", "endless"])
@pytest.mark.parametrize("file", ["1/.zattrs", Part("1/.zattrs", 50_000)])
def test_a_server_that_gives_too_much(
    remote: Store, fault: str, file: str | Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout_store, "MOST_JSON", 1 << 20)
    Server.fault, Server.sent = f"always {fault}", 0
    most = (1 << 20) if isinstance(file, str) else file.most
    assert remote.get_many([file]) == [too_large(most)]
    assert Server.sent < 16 << 20  # what sockets hold, and no more


def test_parts_of_files(remote: Store) -> None:
    [whole] = remote.get_many(["1/.zattrs"])
    assert isinstance(whole, bytes) and len(whole) > 60
    parts = [Part("1/.zattrs", 10, 0), Part("1/.zattrs", 10, 7), Part("1/.zattrs", 10, -10), Part("absent", 10, 5)]
    assert remote.get_many(parts) == [whole[:10], whole[7:17], whole[-10:], NOT_FOUND]
    beyond = [(10, len(whole) - 4), (10, 1 << 40), (1 << 20, -(1 << 20))]
    assert remote.get_many([Part("1/.zattrs", *each) for each in beyond]) == [whole[-4:], b"", whole]


def test_a_server_that_gives_no_parts(remote: Store) -> None:
    Server.fault = "always whole"
    with pytest.raises(Unreachable, match=r"1/\.zattrs: the server gives no parts of files"):
        remote.get_many([Part("1/.zattrs", 10, 7)])


def test_a_web_page_is_no_zarr(remote: Store) -> None:
    Server.fault = "always page"
    with pytest.raises(LayoutError, match=r"x\.zarr: a web page answers, not a Zarr; check the address"):
        read_layout(remote)


@pytest.mark.parametrize("kind", ["https", "s3"])
def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, kind: str) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.socket = tls(tmp_path / "own.pem").wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        address = f"https://127.0.0.1:{server.server_port}"
        if kind == "https":
            store = open_store(f"{address}/x.zarr")
        else:
            store = open_store("s3://bucket/x.zarr", Access(endpoint=address, anonymous=True))
        with pytest.raises(Unreachable, match=r"x\.zarr: the certificate of 127\.0\.0\.1 is refused \(self") as caught:
            read_layout(store)
        assert "SSL_CERT_FILE" in str(caught.value)
        server.shutdown()


def test_no_access(remote: Store) -> None:
    Server.fault = "always 403"
    with pytest.raises(Unreachable, match=r"x\.zarr: access denied"):
        read_layout(remote)


def test_nothing_there(remote: Store) -> None:
    with pytest.raises(RozError) as caught:
        read_layout(remote.below("absent"))
    assert isinstance(caught.value, (Unreachable, LayoutError))
    assert "x.zarr/absent" in str(caught.value)


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_stores, "ATTEMPTS", 1)
    with pytest.raises(Unreachable, match="no answer"):
        read_layout(open_store("http://127.0.0.1:9/x.zarr"))


def test_finding_in_a_bucket(address: str) -> None:
    access = Access(endpoint=address, anonymous=True)
    assert [store.uri for store in find_layouts(open_store("s3://bucket", access))] == ["s3://bucket/deep/x.zarr"]
    with pytest.raises(Refused, match="cannot be listed"):
        list(find_layouts(open_store(f"{address}/bucket")))


def test_requests_are_concurrent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of 200 files never has more requests open than it may, and has that many."""
    store = open_store("s3://bucket/x.zarr", Access(anonymous=True))
    running = most = 0

    async def get(self: object, get: object, wanted: Part) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return wanted.path.encode()

    monkeypatch.setattr(remote_stores.RemoteStore, "_get", get)
    names = [str(number) for number in range(200)]
    assert store.get_many(names) == [name.encode() for name in names]
    assert most == remote_stores.CONNECTIONS
