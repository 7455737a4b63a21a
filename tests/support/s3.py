"""A real S3 server on loopback, buckets in it, and a proxy that makes it slow or faulty.

The server is versitygw, built once with Go into the user's cache; without Go moto's server where it is installed, which
lets everybody in; else tests skip.
"""

import asyncio
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from omero_roz.ice import cache
from omero_sandbox.database.postgres import free_port

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
KEY, SECRET = "curator", "not-a-secret-of-anybody"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}
START_SECONDS = 30.0


@dataclass(frozen=True)
class S3Server:
    """A running server; `guarded` says whether it asks for credentials where a bucket is private.

    Below `objects` versitygw keeps each object as a file, BUCKET/KEY.
    """

    endpoint: str
    port: int
    guarded: bool
    objects: Path

    def make_bucket(self, name: str, public: bool = False) -> None:
        """A bucket, new unless another file of tests made it; everybody may read and list a public one."""
        files = self.files()
        with suppress(FileExistsError):
            files.call_s3("create_bucket", Bucket=name)
        if public:
            everything = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
            may = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
            policy = {"Version": "2012-10-17", "Statement": [may | {"Resource": everything}]}
            files.call_s3("put_bucket_policy", Bucket=name, Policy=json.dumps(policy))

    def upload(self, folder: Path, address: str) -> None:
        """Put a folder's files at BUCKET/KEY."""
        names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        for_all = {} if self.guarded else {"ACL": "public-read"}  # moto looks at no bucket's policy
        self.files().put([str(folder / name) for name in names], [f"{address}/{name}" for name in names], **for_all)

    def files(self, endpoint: str = "") -> S3FileSystem:
        """The server as its owner sees it, at its own or another endpoint."""
        region = {"region_name": CREDENTIALS["AWS_DEFAULT_REGION"]}
        return S3FileSystem(
            key=KEY, secret=SECRET, endpoint_url=endpoint or self.endpoint, client_kwargs=region,
            config_kwargs={"signature_version": "s3v4"},  # versitygw takes no older one
        )  # fmt: skip


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """A server that keeps its objects below a folder; skips the test where there is none."""
    port = free_port()
    program = go_program(VERSITYGW)
    if program:
        for name in ("objects", "metadata"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        command = [
            str(program),
            "--port",
            f"127.0.0.1:{port}",
            "--access",
            KEY,
            "--secret",
            SECRET,
            "--keep-alive",
            "--quiet",
        ]
        command += ["posix", "--sidecar", str(folder / "metadata"), str(folder / "objects")]
    elif importlib.util.find_spec("moto"):
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    else:
        pytest.skip("needs an S3 server: install Go (versitygw is then built) or moto")
    with open(folder / "s3.log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _await(port, process)
            yield S3Server(f"http://127.0.0.1:{port}", port, program is not None, folder / "objects")
        finally:
            process.terminate()


def go_program(module: str) -> Path | None:
    """A program in the user's cache, built there when it is first asked for (PATH@VERSION); None without Go."""
    parts = module.partition("@")
    name = parts[0].rpartition("/")[2]
    folder = cache.folder()
    program = folder / f"{parts[0].split('/')[2]}-{name}-{parts[2]}"
    if program.exists() or not shutil.which("go"):
        return program if program.exists() else None
    with cache.locked(folder, "go"), cache.workplace(folder, "go") as work:
        environment = os.environ | {"GOBIN": str(work), "CGO_ENABLED": "0"}
        built = subprocess.run(["go", "install", module], env=environment, capture_output=True, text=True, timeout=900)
        if built.returncode:
            pytest.skip(f"{module} could not be built: {built.stderr.strip().splitlines()[-1:]}")
        (work / name).rename(work / program.name)
        return cache.keep(work / program.name, folder)


def _await(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the S3 server did not start (exit code {process.poll()})")


@dataclass
class Proxy:
    """A TCP proxy in front of a server on loopback: `latency` seconds on each request, then `faults`, one a request.

    A fault is "503" (an answer of its own), "cut" (the connection closes unanswered) or "half" (it closes in the
    middle of the answer). A request is what comes in one piece: enough for requests without a body.
    """

    port: int
    latency: float = 0.0
    faults: list[str] = field(default_factory=list)
    requests: int = 0
    endpoint: str = ""

    async def serve(self, started: threading.Event, stopped: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await stopped.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, there = await asyncio.open_connection("127.0.0.1", self.port)
        half = asyncio.Event()
        answers = asyncio.ensure_future(self._answers(back, writer, half))
        try:
            while request := await reader.read(1 << 20):
                self.requests += 1
                await asyncio.sleep(self.latency)
                fault = self.faults.pop(0) if self.faults else ""
                if fault == "cut":
                    break
                if fault == "503":
                    writer.write(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n")
                    continue
                if fault == "half":
                    half.set()
                there.write(request)
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            there.close()
            writer.close()

    async def _answers(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, half: asyncio.Event) -> None:
        try:
            while answer := await back.read(1 << 20):
                writer.write(answer[: len(answer) - 5] if half.is_set() else answer)
                if half.is_set():
                    await writer.drain()
                    break
        except ConnectionError:
            pass
        writer.close()


@contextmanager
def proxy(port: int, latency: float = 0.0) -> Iterator[Proxy]:
    """A proxy to a port, in a thread of its own."""
    made, started = Proxy(port, latency), threading.Event()
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:  # which ends what connections still wait for
            runner.run(made.serve(started, stopped))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(5)
