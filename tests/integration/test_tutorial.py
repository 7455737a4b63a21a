"""docs/tutorial.md is true: its commands are run in their order, and each line that it shows has to come."""

import re
import shlex
from pathlib import Path

import pytest

from demo.acquisition import write_layout, write_ome_tiff
from demo.omero_client import Account, import_file
from demo.plate import write_plate_layout, write_plate_tiff
from tests.support.servers import Omero, Server

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
OBJECT = re.compile(r"\b(Fileset|Image):(\d+)")
NUMBER = re.compile(r"\d+(\.\d+)?")
REFUSED = "# exit 1"
REPOSITORY = "/OMERO/ManagedRepository"


def commands() -> list[tuple[str, list[str]]]:
    """The tutorial's commands, each with the lines that it shows below it."""
    shown: list[tuple[str, list[str]]] = []
    for block in re.findall(r"(?:^    .*\n)+", TUTORIAL.read_text(), re.M):
        if not block.startswith("    $ "):
            continue
        for line in block.splitlines():
            if line.startswith("    $ omero roz "):
                shown.append((line.removeprefix("    $ omero roz "), []))
            else:
                shown[-1][1].append(line)
    return shown


def shape(line: str) -> str:
    """A line without its numbers and its columns' widths."""
    return NUMBER.sub("#", " ".join(line.split()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The tutorial's files, without its table."""
    write_ome_tiff(tmp_path / "cells.ome.tif")
    write_layout(tmp_path / "cells.zarr")
    write_plate_tiff(tmp_path / "plate.ome.tif")
    write_plate_layout(tmp_path / "plate.zarr")
    return tmp_path


def test_the_tutorial_is_true(data: Path, server: Server, curator: Account, omero_cli: Omero) -> None:
    if not (server.dsn and server.repository):
        pytest.skip("needs --db and --managed-repository")
    cells, images = import_file(omero_cli.client, data / "cells.ome.tif")
    plate, wells = import_file(omero_cli.client, data / "plate.ome.tif")
    ids = {"Fileset:1": f"Fileset:{cells}", "Fileset:2": f"Fileset:{plate}", "Image:1": f"Image:{images[0]}"}
    ids |= {"Image:5": f"Image:{wells[0]}"}
    (data / "filesets.csv").write_text(
        f"fileset,zarr\nFileset:{cells},{data / 'cells.zarr'}\nFileset:{plate},{data / 'plate.zarr'}\n"
    )
    said = {str(data): "/data", curator.name: "curator"}
    for command, lines in commands():
        words = shlex.split(OBJECT.sub(lambda known: ids[known[0]], command), comments=True)
        options = {"omero": server.dsn, REPOSITORY: server.repository}
        done = omero_cli("roz", *(options.get(word, word.replace("/data/", f"{data}/")) for word in words))
        assert done.code == command.endswith(REFUSED), (command, done)
        output = done.out + done.err
        for real, told in said.items():
            output = output.replace(real, told)
        came = iter(output.splitlines())
        for line in lines:
            real = next((one for one in came if shape(one) == shape(line)), None)
            assert real is not None, (command, line, output)
            for known, object_ in zip(OBJECT.finditer(line), OBJECT.finditer(real), strict=True):
                assert ids.setdefault(known[0], object_[0]) == object_[0], (command, line, output)
