"""OMERO.web beside a sandbox: one gunicorn on the loopback, with an OMERODIR of its own in the sandbox's directory.

DIR/web/
  etc/grid/config.xml  its settings: `OMERODIR=DIR/web omero config set omero.web…` adds to them
  var/                 its log and the secret key that it makes for itself
  sessions/            who is logged in
  static/              links to the package's own
  port                 where it serves
  web.log              what gunicorn said
"""

import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import psutil
from omero.config import ConfigXml

from omero_sandbox import processes
from omero_sandbox.database import postgres

APPLICATION = "omeroweb.wsgi:application"
SETTINGS = "omero_sandbox.web.settings"
USUAL_PORT = 4080
THREADS = 8
START_SECONDS = 60.0
STOP_SECONDS = 5.0


class WebError(Exception):
    """OMERO.web could not be started; the message says in one line why, and what to do."""


def address(data: Path) -> str | None:
    """The URL of the OMERO.web that runs for the sandbox on `data`, or None."""
    return _url(_port(data)) if _running(data) else None


def start(data: Path, omero_port: int) -> str:
    """Start OMERO.web for the sandbox on `data`, whose ssl port is given, and wait until it answers; returns its URL.

    Its port is the one that it had before, else 4080, else any free one. Raises WebError; nothing is left behind then.
    """
    if find_spec("omeroweb") is None:
        raise WebError("OMERO.web is not installed: pip install 'omero-roz[web]'")
    stop(data)
    home = data / "web"
    port = next((p for p in (_port(data), USUAL_PORT) if p and postgres.is_free(p)), None) or postgres.free_port()
    _configure(home, omero_port)
    (home / "port").write_text(f"{port}\n")
    command = [
        sys.executable, "-m", "gunicorn", "--bind", f"{postgres.LOOPBACK}:{port}", "--threads", str(THREADS),
        "--timeout", "300", "--no-control-socket", "--chdir", str(home), APPLICATION,
    ]  # fmt: skip
    environment = {**os.environ, "OMERODIR": str(home), "DJANGO_SETTINGS_MODULE": SETTINGS}
    pid = processes.launch(command, home / "web.log", environment)
    try:
        _await_answer(pid, _url(port), home / "web.log")
    except BaseException:
        stop(data)
        raise
    return _url(port)


def stop(data: Path) -> bool:
    """Stop the OMERO.web of the sandbox on `data`, and what a killed one left; False if nothing ran."""
    found = _running(data)
    for process in found:
        process.terminate()
    _, left = psutil.wait_procs(found, STOP_SECONDS)
    for process in left:
        process.kill()
    psutil.wait_procs(left, STOP_SECONDS)
    return bool(found)


def _configure(home: Path, omero_port: int) -> None:
    """Make the OMERODIR; nobody stays logged in, as the sessions in OMERO have ended too."""
    shutil.rmtree(home / "sessions", ignore_errors=True)
    for folder in ("etc/grid", "var", "sessions", "static"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    _link_static_files(home / "static")
    config = ConfigXml(str(home / "etc" / "grid" / "config.xml"))
    try:
        config["omero.web.server_list"] = json.dumps([[postgres.LOOPBACK, omero_port, "omero"]])
    finally:
        config.close()


def _link_static_files(folder: Path) -> None:
    """Some of OMERO.web's views read its static files from the disk, where a real installation collects them."""
    (package,) = getattr(find_spec("omeroweb"), "submodule_search_locations", None) or ("",)
    shutil.rmtree(folder)
    folder.mkdir()
    for part in Path(package).glob("*/static/*"):
        (folder / part.name).symlink_to(part)


def _await_answer(pid: int, url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}webclient/login/", timeout=10)
            return
        except urllib.error.HTTPError as error:
            raise WebError(f"OMERO.web answers {error.code}: see {log.parent / 'var' / 'log'}") from error
        except OSError as error:
            if not processes.alive(pid):
                lines = log.read_text(errors="replace").splitlines() or ["it said nothing"]
                raise WebError(f"OMERO.web ended while starting: {lines[-1]} (see {log})") from error
            if time.monotonic() > deadline:
                raise WebError(f"OMERO.web did not start in {START_SECONDS:.0f} s: see {log}") from error
            time.sleep(0.1)


def _running(data: Path) -> list[psutil.Process]:
    """The processes of this sandbox's OMERO.web, whoever started them: a master and its workers."""
    marks = {APPLICATION, str(data / "web")}
    found = [p for p in psutil.process_iter(["cmdline"]) if marks <= set(p.info["cmdline"] or ())]
    return [process for process in found if processes.alive(process.pid)]


def _port(data: Path) -> int | None:
    try:
        return int((data / "web" / "port").read_text())
    except (OSError, ValueError):
        return None


def _url(port: int | None) -> str:
    return f"http://{postgres.LOOPBACK}:{port}/"
