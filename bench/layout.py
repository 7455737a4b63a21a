"""How fast the metadata of a plate are read: `python -m bench.layout [--wells 384] [--fields 9]`.

On disk the measure is the bare reading and parsing of the same files; on an S3 server with 30 ms a request it is a bare
asynchronous HTTP client that fetches the same objects over 64 connections (signed: with URLs that were signed before).
Prints ratios, the median of three runs, and ends with exit code 1 where one is over its limit.
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from yarl import URL

from bench.plate import write_plate
from omero_roz.layout.reading import read_layout
from omero_roz.layout.store import Absent, Part, Store, part
from omero_roz.ports.zarr.remote import CONNECTIONS
from omero_roz.ports.zarr.stores import Access, open_store
from omero_sandbox.database.postgres import free_port
from tests.support.s3 import CREDENTIALS, go_program, running_s3

TOXIPROXY = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
LATENCY_MS = 30
RUNS = 3
LOCAL, REMOTE = 3.0, 2.5  # times the bare reading, the bare client


class Recorder:
    """A store that knows which files were asked for and there."""

    def __init__(self, store: Store) -> None:
        self._store, self.uri, self.found = store, store.uri, list[str]()
        self.children, self.bucket, self.files, self.below = store.children, store.bucket, store.files, store.below
        self.real = store.real

    def get_many(self, files: Sequence[str | Part]) -> list[bytes | Absent]:
        contents, paths = self._store.get_many(files), [part(file).path for file in files]
        self.found += [path for path, content in zip(paths, contents, strict=True) if not isinstance(content, Absent)]
        return contents


def main() -> int:
    """Measure disk, public and private bucket."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wells", type=int, default=384)
    parser.add_argument("--fields", type=int, default=9)
    options = parser.parse_args()
    os.environ |= CREDENTIALS
    with tempfile.TemporaryDirectory(prefix="omero-roz-bench-") as folder:
        plate = write_plate(Path(folder, "plate.zarr"), options.wells, options.fields)
        recorder = Recorder(open_store(str(plate)))
        read_layout(recorder)  # type: ignore[arg-type]
        images = options.wells * options.fields
        print(f"{images} images, {len(recorder.found)} files")
        good = _told("disk", _local(plate, recorder.found), LOCAL)
        for name, ratio in _remote(plate, recorder.found, Path(folder, "s3")):
            good &= _told(f"{name} bucket, {LATENCY_MS} ms a request", ratio, REMOTE)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"peak memory of all of it: {peak / 1024:.0f} MB, {peak / images:.1f} kB an image")
    return 0 if good else 1


def _told(what: str, ratio: float, limit: float) -> bool:
    print(f"{what}: {ratio:.2f} times the bare reading (limit {limit})", flush=True)
    return ratio <= limit


def _local(plate: Path, files: Sequence[str]) -> float:
    def bare() -> None:
        for file in files:
            content = (plate / file).read_bytes()
            ET.fromstring(content) if file.endswith(".xml") else json.loads(content)

    return _ratio(lambda: read_layout(open_store(str(plate))), bare)


def _remote(plate: Path, files: Sequence[str], folder: Path) -> Iterator[tuple[str, float]]:
    folder.mkdir()
    with running_s3(folder) as server, _slow(server.port) as endpoint:
        for name in ("public", "private"):
            server.make_bucket(name, public=name == "public")
            shutil.copytree(plate, server.objects / name / "plate.zarr")
            keys = [f"{name}/plate.zarr/{file}" for file in files]
            access = Access(endpoint=endpoint, anonymous=name == "public")
            signer = server.files(endpoint)
            urls = [signer.sign(key) if name == "private" else f"{endpoint}/{key}" for key in keys]
            store = open_store(f"s3://{name}/plate.zarr", access)
            yield name, _ratio(lambda store=store: read_layout(store), lambda urls=urls: asyncio.run(_fetch(urls)))  # type: ignore[misc]


async def _fetch(urls: Sequence[str]) -> None:
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        waiting = iter(urls)

        async def worker() -> None:
            for url in waiting:
                async with session.get(URL(url, encoded=True)) as answer:
                    answer.raise_for_status()
                    await answer.read()

        await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))


def _ratio(ours: Callable[[], object], bare: Callable[[], object]) -> float:
    """The median of runs side by side: what else the machine does then slows both."""
    return statistics.median(_seconds(ours) / _seconds(bare) for _ in range(RUNS))


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


@contextmanager
def _slow(port: int) -> Iterator[str]:
    """The URL of a toxiproxy that delays each request to a port on loopback."""
    program = go_program(TOXIPROXY)
    if program is None:
        sys.exit("needs Go, to build an S3 server and toxiproxy")
    control, listen = free_port(), free_port()
    command = [str(program), "-host", "127.0.0.1", "-port", str(control)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            api = f"http://127.0.0.1:{control}/proxies"
            _post(
                api, {"name": "s3", "listen": f"127.0.0.1:{listen}", "upstream": f"127.0.0.1:{port}", "enabled": True}
            )
            _post(f"{api}/s3/toxics", {"type": "latency", "stream": "upstream", "attributes": {"latency": LATENCY_MS}})
            yield f"http://127.0.0.1:{listen}"
        finally:
            process.terminate()


def _post(url: str, values: dict) -> None:
    request = urllib.request.Request(url, json.dumps(values).encode(), {"Content-Type": "application/json"})
    for attempt in range(100):
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except urllib.error.HTTPError:
            raise
        except OSError:
            if attempt == 99:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
