"""Where Ice comes from, what is said when something is missing, and the cache."""

import importlib.metadata
import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from omero_roz.ice import VERSION, SetupError, alive, cache, needs, wheel
from omero_roz.ice.__main__ import main
from omero_roz.ice.obtaining import obtain, requirement

ROOT = Path(__file__).resolve().parents[3]


def fake_wheel(path: Path, version: str = VERSION) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Ice.py", f"def stringVersion(): return {version!r}\n")
    return path


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool as set-up does."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )


def test_the_users_own_wheel_is_taken(tmp_path: Path) -> None:
    own = fake_wheel(tmp_path / "own wheel.whl")
    done = run({"OMERO_ROZ_ICE_WHEEL": str(own)}, "-m", "omero_roz.ice")
    assert (done.returncode, done.stdout.strip()) == (0, str(own))


def test_an_own_wheel_that_does_not_work_is_refused(tmp_path: Path) -> None:
    own = fake_wheel(tmp_path / "old.whl", "3.7.9")
    done = run({"OMERO_ROZ_ICE_WHEEL": str(own), "PYTHONPATH": ""}, "-m", "omero_roz.ice")
    assert done.returncode == 1
    assert f"OMERO_ROZ_ICE_WHEEL={own}: no Ice {VERSION}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wheel_in_the_cache_is_taken_and_a_broken_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = wheel.importable
    monkeypatch.setattr(wheel, "importable", lambda environment=None: bool(environment) and real(environment))
    monkeypatch.delenv("OMERO_ROZ_ICE_WHEEL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = fake_wheel(tmp_path / "omero-roz" / wheel.NAME)
    kept.with_name(wheel.NAME.replace("-cp", "-0-cp", 1)).write_bytes(b"half a wheel")
    assert obtain() == kept


def test_installed_ice_is_enough(tmp_path: Path) -> None:
    fake_wheel(tmp_path / "ice.whl")
    (tmp_path / "zeroc_ice-1.dist-info").mkdir()
    (tmp_path / "zeroc_ice-1.dist-info/METADATA").write_text(f"Name: zeroc-ice\nVersion: {VERSION}\n")
    path = os.pathsep.join(map(str, (tmp_path / "ice.whl", tmp_path)))
    done = run({"PYTHONPATH": path, "OMERO_ROZ_ICE_WHEEL": ""}, "-m", "omero_roz.ice")
    assert (done.returncode, done.stdout.strip()) == (0, f"zeroc-ice=={VERSION}")


def test_ice_that_pip_does_not_know_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip would fetch its sources all the same, and fail."""
    monkeypatch.setattr(wheel, "importable", lambda environment=None: True)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: importlib.metadata.distribution(f"no {name}"))
    monkeypatch.delenv("OMERO_ROZ_ICE_WHEEL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = fake_wheel(tmp_path / "omero-roz" / wheel.NAME)
    assert requirement() == str(kept)


def test_it_runs_out_of_a_wheel_by_the_standard_library_alone(tmp_path: Path) -> None:
    """So one line installs omero-roz where there is nothing yet."""
    packed, own = tmp_path / "omero_roz.whl", fake_wheel(tmp_path / "own.whl")
    with zipfile.ZipFile(packed, "w") as archive:
        for path in [ROOT / "omero_roz/__init__.py", *(ROOT / "omero_roz/ice").glob("*.py")]:
            archive.write(path, path.relative_to(ROOT))
    done = subprocess.run(
        [sys.executable, "-S", "-m", "omero_roz.ice"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(packed), "OMERO_ROZ_ICE_WHEEL": str(own)},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, str(own)), done.stderr


def test_another_python_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert main() == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"Ice: omero-roz is for Python 3.11 to 3.13, and {sys.executable} is 3.14: start another one\n"


def test_a_log_is_told_that_set_up_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "EVERY_LOG", 0.01)
    told, seen = io.StringIO(), threading.Event()
    monkeypatch.setattr(sys, "stderr", told)

    def how_far() -> str:
        if told.getvalue():
            seen.set()
        return "40 %"

    with alive.alive("compiling", how_far):
        assert seen.wait(30)
    assert set(told.getvalue().splitlines()) == {"compiling, 40 %, 0 s"}


def test_a_terminal_has_one_line_that_goes_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive, "EVERY_TERMINAL", 0.01)
    told, seen = io.StringIO(), threading.Event()
    monkeypatch.setattr(told, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", told)
    with alive.alive("compiling", lambda: seen.set() or ""):
        assert seen.wait(30)
    assert "\n" not in told.getvalue()
    assert told.getvalue().endswith("\r\033[K")


@pytest.fixture
def bare_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose compiler finds no header: its own are not searched."""
    compiler = tmp_path / "c++"
    compiler.write_text(
        '#!/bin/sh\nfor last; do case "$last" in *.cpp) source=$last;; esac; done\n! grep -q "<" "$source"\n'
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))


@pytest.mark.usefixtures("bare_system")
def test_every_missing_header_is_named_at_once() -> None:
    advice = needs.advice(needs.missing())
    for debian, conda in [("python3-dev", "python"), ("libssl-dev", "openssl"), ("libbz2-dev", "bzip2")]:
        assert f"Debian: {debian}" in advice
        assert f"conda: {conda}" in advice
    assert "apt-get install python3-dev libssl-dev libbz2-dev" in advice
    assert "g++" not in advice


def test_without_a_compiler_the_headers_are_still_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here.h").touch()
    here, nowhere = (needs.Library(name, f"{name}-dev", name, f"{name}.h") for name in ("here", "nowhere"))
    monkeypatch.setattr(needs, "LIBRARIES", (here, nowhere))
    monkeypatch.setattr(needs, "include_flags", lambda: [f"-I{tmp_path}"])
    monkeypatch.setenv("CXX", "/nowhere/c++")
    assert needs.missing() == [needs.COMPILER, nowhere]


def test_a_missing_venv_module_is_named(tmp_path: Path) -> None:
    """Debian's python3 without python3-venv has venv but no ensurepip."""
    blocker = "u.find_spec = lambda name, *a, find=u.find_spec: None if name == 'ensurepip' else find(name, *a)"
    code = f"import importlib.util as u; {blocker}; import pathlib; import tools.environment as e"
    code += f"; e.make(pathlib.Path({str(tmp_path / 'v')!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "SetupError" in done.stderr
    assert "Debian: python3-venv" in done.stderr
    assert not (tmp_path / "v").exists()


def test_work_left_by_a_killed_run_is_cleared_and_what_is_kept_is_whole(tmp_path: Path) -> None:
    (tmp_path / "ice-work-killed").mkdir()
    (tmp_path / "other-work-at-it").mkdir()
    with cache.locked(tmp_path, "ice"), cache.workplace(tmp_path, "ice") as folder:
        assert [path.name for path in tmp_path.glob("ice-work-*")] == [folder.name]
        (folder / "a.whl").write_text("whole")
        assert cache.keep(folder / "a.whl", tmp_path).read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.whl", "ice.lock", "other-work-at-it"]


def test_two_set_ups_do_not_fill_the_cache_at_the_same_time(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from omero_roz.ice import cache\n"
        "with cache.locked(pathlib.Path(sys.argv[1]), 'ice'): print('in')"
    )
    with cache.locked(tmp_path, "ice"):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert other.stderr is not None
        assert "waiting" in other.stderr.readline()
        assert other.poll() is None
    assert other.communicate(timeout=30)[0] == "in\n"


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SetupError, match="set XDG_CACHE_HOME"):
        cache.folder()
