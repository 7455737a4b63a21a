"""`omero-sandbox start --web`: OMERO.web comes and goes with the sandbox."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from omero.config import ConfigXml

from omero_sandbox.web.process import address
from tests.integration.test_sandbox_life import command, kill, processes, start


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "sandbox with blanks"
    yield folder
    command("stop", "--data", folder)


def answers(url: str) -> bool:
    with urllib.request.urlopen(f"{url}webclient/login/", timeout=20) as answer:
        return b"omero:" in answer.read()


def of_web(data: Path) -> list[int]:
    return [process.pid for process in processes(data) if "omeroweb.wsgi:application" in process.cmdline()]


def test_start_status_stop(data: Path) -> None:
    assert start(data)["web"] is None
    shown = command("start", "--data", data, "--web")  # beside the one that runs
    assert shown.returncode == 0, shown.stderr
    access = json.loads(command("status", "--data", data, "--json").stdout)
    assert f"OMERO.web  {access['web']}\n" in shown.stdout
    assert answers(access["web"])
    assert start(data) == access
    secret = data / "web" / "var" / "django_secret_key"
    assert secret.stat().st_mode & 0o077 == 0
    assert all(secret.read_text() not in " ".join(process.cmdline()) for process in processes(data))
    assert command("stop", "--data", data).returncode == 0
    assert processes(data) == []
    assert address(data) is None


def test_killed(data: Path) -> None:
    access = start(data, "--web")
    kill(processes(data))
    assert json.loads(command("status", "--data", data, "--json").stdout) == {"running": False}
    assert start(data, "--web") == access
    for part in of_web(data):
        os.kill(part, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while of_web(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert json.loads(command("status", "--data", data, "--json").stdout)["web"] is None
    assert answers(start(data, "--web")["web"])


def test_settings_of_the_users_own_are_kept_and_bad_ones_told(data: Path) -> None:
    start(data, "--web")
    command("stop", "--data", data)
    config = ConfigXml(str(data / "web" / "etc" / "grid" / "config.xml"))
    config["omero.web.session_engine"] = "none"
    config.close()
    failed = command("start", "--data", data, "--web")
    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert "OMERO.web" in failed.stderr and "web.log" in failed.stderr
    assert processes(data) == []
