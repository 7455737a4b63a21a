"""The environment that set-up copies from the cache."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from omero_roz.ice import SetupError
from tools import environment

COMMAND = "# -*- coding: utf-8 -*-\nimport sys\nprint(sys.argv[1:])\n"


@pytest.mark.parametrize(
    "start",
    ["#!/cache/bin/python3.12\n", "#!/bin/sh\n'''exec' \"/my cache/bin/python\" \"$0\" \"$@\"\n' '''\n"],
)
def test_a_copied_command_starts_with_its_new_python(tmp_path: Path, start: str) -> None:
    command = tmp_path / "a command"
    command.write_text(start + COMMAND)
    command.chmod(0o755)
    python = tmp_path / "with space" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    environment._start_with(python, command)
    assert command.read_text().endswith(f"' '''\n{COMMAND}")
    assert str(python) in command.read_text()
    assert subprocess.run([command, "a b"], capture_output=True, text=True).stdout == "['a b']\n"


def test_a_copied_program_stays_as_it_is(tmp_path: Path) -> None:
    program = tmp_path / "ruff"
    program.write_bytes(b"\x7fELF #!/bin/python\n")
    environment._start_with(Path("/python"), program)
    assert program.read_bytes() == b"\x7fELF #!/bin/python\n"


def test_another_pin_or_own_wheel_makes_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def make(model: Path, has_ice: bool) -> None:
        model.mkdir()
        made.append(model.name)

    monkeypatch.setattr(environment, "_make_model", make)
    monkeypatch.delenv("OMERO_ROZ_ICE_WHEEL", raising=False)
    first = environment._model(tmp_path, False)
    assert environment._model(tmp_path, False) == first
    assert made == [first.name]
    monkeypatch.setenv("OMERO_ROZ_ICE_WHEEL", "/own.whl")
    second = environment._model(tmp_path, False)
    assert sorted(os.listdir(tmp_path)) == sorted([first.name, second.name])
    os.utime(tmp_path / first.name / "used", (0, 0))
    assert environment._model(tmp_path, False) == second
    assert os.listdir(tmp_path) == [second.name]
    pins = tmp_path.with_name("pins.txt")
    pins.write_text("a==1\n")
    monkeypatch.setattr(environment, "PINS", pins)
    assert environment._model(tmp_path, False) != second


def test_a_first_set_up_says_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "_make_model", lambda model, has_ice: model.mkdir())
    (tmp_path / "environment-work-killed").mkdir()
    environment._model(tmp_path, False)
    told = capsys.readouterr().out
    assert f"of disk in {tmp_path}" in told
    assert "minutes" in told
    assert not (tmp_path / "environment-work-killed").exists()
    environment._model(tmp_path, False)
    assert capsys.readouterr().out == ""


def test_too_small_a_disk_is_refused_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: SimpleNamespace(free=700_000_000))
    monkeypatch.setattr(environment, "_make_model", lambda model, has_ice: pytest.fail("it went on"))
    with pytest.raises(SetupError, match=r"1.2 GB are needed on its disk, and 0.7 GB are free"):
        environment._model(tmp_path, False)
    assert os.listdir(tmp_path) == []
