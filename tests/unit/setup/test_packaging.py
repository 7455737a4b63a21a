"""What is installed: versions that fit together, the plugin in omero's namespace, and Docker's services."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]


def test_omero_is_shared_with_omero_py() -> None:
    assert not (ROOT / "omero/__init__.py").exists()
    assert not (ROOT / "omero/plugins/__init__.py").exists()


def test_the_omero_command_knows_roz() -> None:
    """As a list of arguments, because the command itself refuses root."""
    code = "import omero.cli; omero.cli.argv(['omero', 'roz', '-h'])"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True)
    assert "inspect" in done.stdout, done.stderr


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="not in the environment that set-up makes")
def test_pins_name_one_version_of_every_dependency() -> None:
    """Set-up installs without asking for dependencies, so what the pins leave out would be missing."""
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "tools/pins.txt").read_text(), re.M))
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    assert len(names) == len(pinned)
    lacking = {
        f"{distribution}: {requirement}"
        for distribution in [*pinned, "omero-roz"]
        for requirement in importlib.metadata.requires(distribution) or []
        if _needed(requirement, ("test", "lint") if distribution == "omero-roz" else ())
        if re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower() not in names | {"zeroc-ice"}
    }
    assert not lacking


def _needed(requirement: str, extras: tuple[str, ...]) -> bool:
    marker = Requirement(requirement).marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def test_the_wheel_holds_the_plugin_and_every_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".*", "*.egg-info", "build", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(source)], check=True)
    with zipfile.ZipFile(next(tmp_path.glob("omero_roz-*.whl"))) as archive:
        names = set(archive.namelist())
    code = {
        path.relative_to(ROOT).as_posix()
        for name in ("omero_roz", "omero_sandbox", "ome_graph")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".md")
    }
    assert {*code, "omero/plugins/roz.py"} <= names
    assert not {name for name in names if name.startswith(("tools/", "tests/", "demo/", "omero/__init__"))}


def test_compose_has_all_services() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert set(compose["services"]) == {"database", "omero", "web", "s3"}
    assert any(volume.endswith(":/zarrs:ro") for volume in compose["services"]["omero"]["volumes"])
    ports = [port for service in compose["services"].values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_of_named_versions() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    images = [service["image"] for service in compose["services"].values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", (ROOT / "docker/omero-server/Dockerfile").read_text(), re.MULTILINE)
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", image) for image in images), images


def _compose() -> list[str] | None:
    commands = (["docker-compose"], ["docker", "compose"])
    usable = (c for c in commands if shutil.which(c[0]))
    return next((c for c in usable if subprocess.run([*c, "version"], capture_output=True).returncode == 0), None)


@pytest.mark.skipif(_compose() is None, reason="no docker compose here")
def test_compose_is_valid() -> None:
    done = subprocess.run([*(_compose() or []), "config", "-q"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_jars_script_replaces_other_versions_of_the_same_artifact(tmp_path: Path) -> None:
    script = (ROOT / "docker/omero-server/40-zarr-jars.sh").read_text()
    server, jars = tmp_path / "server", tmp_path / "jars"
    for folder, names in {
        server: ["jzarr.jar", "s3fs-1.0.jar", "OMEZarrReader.jar", "jzarr-tools-1.0.jar", "blitz.jar"],
        jars: [
            "jzarr-0.4.2.jar",
            "s3fs-2.2.3.jar",
            "OMEZarrReader-0.6.0.jar",
            "omero-zarr-pixel-buffer-0.6.2-SNAPSHOT.jar",
        ],
    }.items():
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    moved = script.replace("/opt/omero/server/OMERO.server/lib/server", str(server)).replace(
        "/opt/zarr-jars", str(jars)
    )
    for _ in range(2):
        subprocess.run(["bash", "-c", moved], check=True)
    expected = {path.name for path in jars.iterdir()} | {"jzarr-tools-1.0.jar", "blitz.jar"}
    assert {path.name for path in server.iterdir()} == expected
