"""Nothing that a policy does not name is read: by no spelling, link, redirection or name that resolves otherwise."""

import http.server
import json
import os
import pickle
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from omero_roz.errors import Refused, RozError, UsageError
from omero_roz.layout.planes import read_plane
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import LEADS_OUT
from omero_roz.ports.zarr.guard import Guard, NotAllowed, Place
from omero_roz.ports.zarr.stores import Access, open_store
from omero_roz.verify.location import Broken, Location, client_address, reach
from omero_roz.verify.sides import read_side

PIXELS = np.arange(24, dtype="<u2").reshape(4, 6)
SECRET = np.full((4, 6), 7, "<u2")
LOOPBACK = ("127.0.0.0/8", "::1/128")


def write_layout(path: Path, version: Any = 2, pixels: np.ndarray = PIXELS) -> None:
    attributes: dict[str, Any] = {"multiscales": [{"axes": ["y", "x"], "datasets": [{"path": "0"}], "version": "0.3"}]}
    if version == 3:
        axes = [{"name": name, "type": "space"} for name in "yx"]
        scale = [{"type": "scale", "scale": [1.0, 1.0]}]
        datasets = [{"path": "0", "coordinateTransformations": scale}]
        attributes = {"ome": {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}}
    group = zarr.open_group(path, mode="w", zarr_format=version, attributes=attributes)
    group.create_array("0", data=pixels, chunks=(2, 3))


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """What is allowed; beside it is what is not."""
    (tmp_path / "lab").mkdir()
    write_layout(tmp_path / "secret.zarr", pixels=SECRET)
    return tmp_path / "lab"


def under(*places: Place, networks: tuple[str, ...] = ()) -> Access:
    return Access(guard=Guard(places, networks))


def shown(uri: str, access: Access) -> np.ndarray:
    store = open_store(uri, access)
    return read_plane(store, read_layout(store).series[0], 0, 0, 0)


@pytest.mark.parametrize("version", [2, 3])
def test_what_is_allowed_is_read(lab: Path, version: int) -> None:
    write_layout(lab / "x.zarr", version)
    access = under(Place(str(lab)))
    for uri in (f"{lab}/x.zarr", f"file://{lab}/x.zarr", f"{lab}/../lab/x.zarr"):
        assert np.array_equal(shown(uri, access), PIXELS)


def test_without_places_nothing_is(lab: Path) -> None:
    write_layout(lab / "x.zarr")
    for uri in (str(lab / "x.zarr"), "s3://bucket/x.zarr", "https://example.org/x.zarr"):
        with pytest.raises(NotAllowed):
            open_store(uri, under())


@pytest.mark.parametrize(
    "uri",
    ["{top}/secret.zarr", "{top}/lab/../secret.zarr", "file://{top}/lab/%2e%2e/secret.zarr", "{top}/lab2/x.zarr",
     "{top}/lab/link.zarr", "{top}/lab/folder/secret.zarr", "file://localhost{top}/secret.zarr", "{top}", "/",
     "/etc", "/proc/self/root{top}/secret.zarr", "{top}/nothing/here"],
)  # fmt: skip
def test_the_servers_disk_is_not(lab: Path, uri: str) -> None:
    write_layout(lab.parent / "lab2" / "x.zarr")
    (lab / "link.zarr").symlink_to(lab.parent / "secret.zarr")
    (lab / "folder").symlink_to(lab.parent)
    named = uri.format(top=lab.parent)
    with pytest.raises(NotAllowed, match="may not be read on this server"):
        open_store(named, under(Place(str(lab))))
    with pytest.raises(NotAllowed):  # the same whether there is anything or not
        read_side(named, under(Place(str(lab))), lambda: pytest.fail("no session is needed"))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("link", ["metadata", "array", "chunks", "root"])
def test_a_link_out_of_a_zarr_is_refused(lab: Path, version: int, link: str) -> None:
    write_layout(lab / "x.zarr", version)
    write_layout(lab.parent / "other.zarr", version, SECRET)
    metadata = ".zattrs" if version == 2 else "zarr.json"
    chunk = "0/0.0" if version == 2 else "0/c/0/0"
    inside = {"metadata": metadata, "array": "0", "chunks": chunk if version == 2 else "0/c", "root": "../x.zarr"}[link]
    there = lab / "x.zarr" / inside
    if there.is_dir():
        there.rename(lab / "moved")
    else:
        there.unlink()
    if link == "root":
        there = lab / "x.zarr"
    there.symlink_to(lab.parent / "other.zarr" / ("" if link == "root" else inside))
    with pytest.raises(NotAllowed):
        shown(str(lab / "x.zarr"), under(Place(str(lab))))


def test_a_link_out_of_a_part_that_nobody_reads_is_refused_too(lab: Path) -> None:
    write_layout(lab / "x.zarr")
    (lab / "x.zarr" / "0" / "deep").mkdir()
    (lab / "x.zarr" / "0" / "deep" / "7").symlink_to("/etc/hostname")
    with pytest.raises(NotAllowed, match=r"deep/7: a symbolic link leads out"):
        open_store(str(lab / "x.zarr"), under(Place(str(lab))))


@pytest.mark.parametrize("version", [2, 3])
def test_a_link_that_is_put_in_place_meanwhile_is_not_followed(lab: Path, version: int) -> None:
    write_layout(lab / "x.zarr", version)
    write_layout(lab.parent / "other.zarr", version, SECRET)
    store = open_store(str(lab / "x.zarr"), under(Place(str(lab))))
    layout = read_layout(store)
    (lab / "x.zarr" / "0").rename(lab / "moved")
    (lab / "x.zarr" / "0").symlink_to(lab.parent / "other.zarr" / "0")
    with pytest.raises(Refused, match="cannot be read"):
        read_plane(store, layout.series[0], 0, 0, 0)
    name = "0/.zarray" if version == 2 else "0/zarr.json"
    assert not any(isinstance(one, bytes) for one in store.get_many([name]))
    again = open_store(str(lab / "moved"), under(Place(str(lab))))
    assert isinstance(again.get_many([name.removeprefix("0/")])[0], bytes)


def test_the_same_holds_for_a_store_that_another_process_gets(lab: Path) -> None:
    write_layout(lab / "x.zarr")
    store = pickle.loads(pickle.dumps(open_store(str(lab / "x.zarr"), under(Place(str(lab))))))
    (lab / "x.zarr" / ".zattrs").unlink()
    (lab / "x.zarr" / ".zattrs").symlink_to(lab.parent / "secret.zarr" / ".zattrs")
    assert store.get_many([".zattrs"]) == [LEADS_OUT]


@pytest.mark.parametrize(
    "path",
    ["../secret/OME.xml", "/../secret/OME.xml", "%2e%2e/secret/OME.xml", "https://host/OME.xml", "file:///etc/x"],
)
def test_metadata_sources_lead_nowhere_else(lab: Path, path: str) -> None:
    write_layout(lab / "x.zarr")
    (lab / "secret").mkdir()
    (lab / "secret" / "OME.xml").write_text("<OME/>")
    attributes = json.loads((lab / "x.zarr" / ".zattrs").read_text())
    attributes["metadataSources"] = [{"@type": "ome-xml", "file": {"path": path}}]
    (lab / "x.zarr" / ".zattrs").write_text(json.dumps(attributes))
    layout = read_layout(open_store(str(lab / "x.zarr"), under(Place(str(lab)))))
    assert [problem.what for problem in layout.errors if "is refused" in problem.what]


@pytest.mark.parametrize("lsid", ["{top}/secret.zarr", "{top}/absent.zarr", "/etc", "s3://169.254.169.254/latest/x"])
def test_what_images_are_bound_to_is_not_reached_either(lab: Path, lsid: str) -> None:
    uri, access = client_address(lsid.format(top=lab.parent), (), under(Place(str(lab))))
    with pytest.raises(Broken) as caught:
        reach(Location("external-info", uri, access))
    assert caught.value.link == "denied"


def test_credentials_and_signatures_are_refused() -> None:
    access = under(Place("https://example.org/zarrs"), Place("s3://bucket", None, "lab"))
    for uri in (
        "https://u:p@example.org/zarrs/x.zarr",
        "s3://id:key@bucket/x.zarr",
        "https://example.org/zarrs/x?sig=1",
    ):
        with pytest.raises(UsageError, match="credentials or a signature"):
            open_store(uri, access)


def test_the_credentials_are_those_that_the_policy_names() -> None:
    access = under(
        Place("s3://open", "https://8.8.8.8", None, True), Place("s3://closed/a", "https://8.8.4.4", "lab", False)
    )
    asked = Access("https://evil.example.org", "root", True, access.guard)
    with pytest.raises(NotAllowed):
        open_store("s3://closed/a/x.zarr", asked)
    options = dict(open_store("s3://closed/a/x.zarr?anonymous=true", access).options)  # type: ignore[attr-defined]
    assert (options["endpoint_url"], options["profile"], options["anon"]) == ("https://8.8.4.4", "lab", False)
    for uri in (
        "s3://closed/b/x.zarr",
        "s3://closed/ab",
        "s3://closed",
        "s3://closed/a/../b",
        "s3://closed/a/%2e%2e/b",
    ):
        with pytest.raises(NotAllowed):
            open_store(uri, access)


PRIVATE = (
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.10.1", "100.64.0.1", "0.0.0.0", "::1", "::",
    "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1",
    "224.0.0.1", "fe80::1%eth0", "fec0::1", "::ffff:0:10.0.0.1", "192.88.99.1", "5f00::1", "3fff::1", "2001:db8::1",
    "64:ff9b:1::8.8.8.8", "64:ff9b::10.0.0.1", "2002:a00:1::1", "2001:0:a00:1::f7f7:f7f7", "ff0e::1", "4000::1",
    "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1", "::ffff:0:8.8.8.8", "2001:2::1", "2001:10::1",
)  # fmt: skip
METADATA = (
    "169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "100.100.100.200",
    "64:ff9b:1::169.254.169.254", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:0:a9:fea9:fe00:0", "::ffff:0:169.254.169.254",
    "2002:a9fe:a9fe::1", "2001:0:808:808::5601:5601", "2606:4700::5efe:a9fe:a9fe", "::169.254.169.254",
)  # fmt: skip


def test_addresses() -> None:
    closed, lab = Guard(), Guard((), ("10.0.0.0/24",))
    everything = Guard((), ("0.0.0.0/0", "::/0"))
    for address in (*PRIVATE, *METADATA):
        assert closed.forbidden(address), address
    for address in METADATA:
        assert everything.forbidden(address), address
    for address in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00:1450::1"):
        assert closed.forbidden(address) is None, address
    assert lab.forbidden("10.0.0.1") is None
    assert lab.forbidden("10.0.1.1")
    assert lab.forbidden("::ffff:10.0.0.1") is None
    assert lab.forbidden("64:ff9b::10.0.0.1") is None
    assert lab.forbidden("2002:a00:1::1")  # the tunnel is private too, and nobody named it


HIDDEN = (
    "::ffff:{}", "::{}", "::ffff:0:{}", "64:ff9b::{}", "64:ff9b:1::{}", "2606:4700::5efe:{}", "2002:{:x}::1",
    "2001:0:{:x}::f7f7:f7f7", "2001:0:808:808::{:n}",
)  # fmt: skip


def hidden(form: str, address: IPv4Address) -> str:
    """An IPv4 address as a form of IPv6 has it, in two groups of hexadecimal digits; `:n` has its bits turned."""
    number = int(address) ^ (0xFFFFFFFF if ":n}" in form else 0)
    return form.replace(":x}", "}").replace(":n}", "}").format(f"{number >> 16:x}:{number & 0xFFFF:x}")


@given(st.ip_addresses(v=4))
def test_what_is_private_is_private_in_any_form(address: IPv4Address) -> None:
    closed, everything = Guard(), Guard((), ("0.0.0.0/0", "::/0"))
    for form in HIDDEN:
        if closed.forbidden(str(address)):
            assert closed.forbidden(hidden(form, address)), form
        assert bool(everything.forbidden(str(address))) == bool(everything.forbidden(hidden(form, address))), form


class Server(http.server.BaseHTTPRequestHandler):
    """Files below a folder; paths below /away are redirected to `away`."""

    folder: ClassVar[Path]
    away: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Server.asked.append(self.path)
        if self.path.startswith("/away"):
            return self._answer(307, b"", ("Location", Server.away + self.path.removeprefix("/away")))
        file = Server.folder / self.path.lstrip("/")
        self._answer(200, file.read_bytes()) if file.is_file() else self._answer(404, b"")

    do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port(lab: Path) -> Iterator[int]:
    write_layout(lab / "x.zarr")
    Server.folder, Server.away, Server.asked = lab, "", []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        yield server.server_port
        server.shutdown()


def places(address: str, kind: str) -> Place:
    return Place(address) if kind == "https" else Place("s3://x.zarr", address, None, True)


def uri_of(address: str, kind: str) -> str:
    return f"{address}/x.zarr" if kind == "https" else "s3://x.zarr"


@pytest.mark.parametrize("kind", ["https", "s3"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_address_is_reached_where_it_is_named_and_nowhere_else(port: int, kind: str, host: str) -> None:
    address = f"http://{host}:{port}"
    named = under(places(address, kind), networks=LOOPBACK)
    assert np.array_equal(shown(uri_of(address, kind), named), PIXELS)
    Server.asked.clear()
    with pytest.raises(NotAllowed, match=rf"{host} is in a private network"):
        open_store(uri_of(address, kind), under(places(address, kind)))
    with pytest.raises(NotAllowed):  # another port is another place
        open_store(f"http://{host}:{port + 1}/x.zarr", named)
    assert Server.asked == []


@pytest.mark.parametrize("kind", ["https", "s3"])
def test_a_name_that_resolves_otherwise_a_moment_later(port: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = []

    def rebinding(host: Any, *args: Any, **more: Any) -> list[Any]:
        resolved.append(str(host))
        address = "93.184.216.34" if len(resolved) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    address = f"http://rebinding-{kind}.example.org:{port}"
    store = open_store(uri_of(address, kind), under(places(address, kind)))
    with pytest.raises(NotAllowed, match=r"127\.0\.0\.1 is in a private network"):
        store.get_many([".zattrs"])
    assert len(resolved) > 1
    assert Server.asked == []


@pytest.mark.parametrize("kind", ["https", "s3"])
@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "http://localhost:{port}", "file:///etc"])
def test_a_redirection_is_not_followed(port: int, kind: str, to: str) -> None:
    Server.away = to.format(port=port)
    address = f"http://127.0.0.1:{port}"
    place = Place(f"{address}/away") if kind == "https" else Place("s3://away", address, None, True)
    access = under(place, networks=LOOPBACK)
    with pytest.raises(RozError):
        read_layout(open_store(f"{place.uri}/x.zarr", access))
    assert Server.asked
    assert all(path.startswith("/away") for path in Server.asked)


def test_a_redirection_of_pixels_is_not_followed(port: int, lab: Path) -> None:
    (lab / "away").mkdir()
    address = f"http://127.0.0.1:{port}"
    store = open_store(f"{address}/x.zarr", under(Place(address), networks=LOOPBACK))
    series = read_layout(store).series[0]
    Server.away = f"http://localhost:{port}"
    away = open_store(f"{address}/away/x.zarr", under(Place(address), networks=LOOPBACK))
    Server.asked.clear()
    with pytest.raises(Refused):
        read_plane(away, series, 0, 0, 0)
    assert Server.asked
    assert all(path.startswith("/away") for path in Server.asked)


def test_no_proxy_of_the_environment_is_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for kind in ("https", "s3"):
        address = f"http://127.0.0.1:{port}"
        assert np.array_equal(shown(uri_of(address, kind), under(places(address, kind), networks=LOOPBACK)), PIXELS)


def test_the_guard_costs_no_descriptors(lab: Path) -> None:
    write_layout(lab / "x.zarr")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        shown(str(lab / "x.zarr"), under(Place(str(lab))))
    assert len(os.listdir("/proc/self/fd")) <= before + 1
