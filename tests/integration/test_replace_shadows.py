"""The binding zarr-reader: what its shadows are, which Zarrs it refuses, what a full disk leaves."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from numcodecs import Blosc, Delta, Zstd

from demo.omero_client import import_file, shown
from tests.support.replacing import Replacing
from tests.support.rows import all_rows


def shadows_of(replacing: Replacing, fileset: int) -> Path:
    [[prefix]] = replacing.sql("SELECT templateprefix FROM fileset WHERE id = %s", fileset)
    assert replacing.server.repository
    return Path(replacing.server.repository, prefix)


def refused(replacing: Replacing, path: Path) -> str:
    """Run a replacement that must be refused with nothing changed and nothing left; what it said."""
    before = all_rows(replacing.server, replacing.omero.client)
    done = replacing.run(path, "zarr-reader")
    assert done.code == 1, done.out
    after = all_rows(replacing.server, replacing.omero.client)
    assert before.changed_in(after) == {}
    assert set(before.new_in(after)) <= {"originalfile"}
    assert not list(Path(replacing.server.repository).rglob(f"Fileset-{replacing.fileset}/*"))
    return done.err


def copy(acquisition: Path, folder: Path, name: str = "x.zarr") -> Path:
    shutil.copytree(acquisition / "v2.zarr", folder / name)
    return folder / name


def test_what_a_shadow_is(replacing: Replacing, acquisition: Path) -> None:
    source = acquisition / "v2.zarr"
    folder = shadows_of(replacing, replacing.replaced(source, "zarr-reader"))
    for number in range(4):
        shadow = folder / f"{number}.zarr"
        assert (folder / f"{number}.zarr.bfoptions").read_text() == "omezarr.list_pixels=false\n"
        assert not shadow.is_symlink()
        for name in (".zgroup", ".zattrs", "0/.zarray", "1/.zarray"):
            assert (shadow / name).read_bytes() == (source / str(number) / name).read_bytes()
            assert not (shadow / name).is_symlink()
        assert not (shadow / "0").is_symlink()
        links = {str(path.relative_to(shadow)): os.readlink(path) for path in shadow.rglob("*") if path.is_symlink()}
        chunks = [path for level in "01" for path in (source / str(number) / level).iterdir() if path.is_dir()]
        assert links == {str(path.relative_to(source / str(number))): str(path) for path in chunks}


def test_images_of_different_types(replacing: Replacing, shared: Path) -> None:
    replacing.fileset, replacing.images = import_file(
        replacing.omero.client, shared / "layouts" / "originals" / "multi_names.ome.tif"
    )
    before = replacing.planes()
    new = replacing.replaced(shared / "layouts" / "v4_t_names.zarr", "zarr-reader")
    assert replacing.planes() == before
    assert replacing.rolled_back(new) == replacing.fileset
    assert shown(replacing.omero.client, replacing.images) == before


def test_the_server_sees_the_zarr_elsewhere(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    there = copy(acquisition, tmp_path, "there.zarr")
    here = acquisition / "v2.zarr"
    new = replacing.replaced(here, "zarr-reader", "--server-path", f"{here}={there}")
    links = [os.readlink(path) for path in shadows_of(replacing, new).rglob("*") if path.is_symlink()]
    assert links and all(link.startswith(f"{there}/") for link in links)


def test_other_pixels_are_noticed_and_the_source_comes_back(
    replacing: Replacing, acquisition: Path, tmp_path: Path
) -> None:
    before, planes = all_rows(replacing.server, replacing.omero.client), replacing.planes()
    wrong = copy(acquisition, tmp_path)
    level = zarr.open_array(wrong / "0" / "0", mode="r+")
    level[:] = level[:] + 1
    here = acquisition / "v2.zarr"
    done = replacing.run(here, "zarr-reader", "--server-path", f"{here}={wrong}")
    assert done.code == 1 and "other pixels" in done.err
    assert before.changed_in(all_rows(replacing.server, replacing.omero.client)) == {}
    assert replacing.planes() == planes


def a_link(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    (folder / "link.zarr").symlink_to(copy(acquisition, folder))
    return folder / "link.zarr"


def inside_the_repository(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    return copy(acquisition, replacing.own_directory(), f"{folder.name}.zarr")


def chunks_that_lead_out(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    path = copy(acquisition, folder)
    shutil.move(path / "1" / "0" / "0", folder / "outside")
    (path / "1" / "0" / "0").symlink_to(folder / "outside")
    return path


def a_chunk_that_leads_out(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    path = copy(acquisition, folder)
    chunk = path / "2" / "0" / "0" / "0" / "0" / "0" / "0"
    shutil.move(chunk, folder / "chunk")
    chunk.symlink_to(folder / "chunk")
    return path


def zarr_v3(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    return acquisition / "v3.zarr"


def rewritten(acquisition: Path, folder: Path, **options: object) -> Path:
    path = copy(acquisition, folder)
    pixels = zarr.open_array(path / "3" / "0")[:]
    shutil.rmtree(path / "3" / "0")
    separator = {"name": "v2", "separator": "/"}
    array = zarr.create_array(
        path / "3" / "0", shape=pixels.shape, dtype=pixels.dtype, chunks=pixels.shape, zarr_format=2,
        chunk_key_encoding=separator, **options,
    )  # fmt: skip
    array[:] = pixels
    return path


def zstd(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    return rewritten(acquisition, folder, compressors=Zstd())


def filters(replacing: Replacing, acquisition: Path, folder: Path) -> Path:
    return rewritten(acquisition, folder, compressors=Blosc(), filters=[Delta(dtype="f4")])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (a_link, "symbolic link"), (inside_the_repository, "lies in the ManagedRepository"),
        (chunks_that_lead_out, "leads out"), (a_chunk_that_leads_out, "leads out"), (zarr_v3, "reads Zarr v2 only"),
        (zstd, "compressor zstd"), (filters, "filters"),
    ],
)  # fmt: skip
def test_a_zarr_that_is_refused(
    replacing: Replacing, acquisition: Path, tmp_path: Path, make: Callable, told: str
) -> None:
    path = make(replacing, acquisition, tmp_path)
    assert told in refused(replacing, path)


def test_axes_that_the_reader_would_turn(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    path = copy(acquisition, tmp_path)
    for level in "01":
        pixels = zarr.open_array(path / "3" / level)[:]
        shutil.rmtree(path / "3" / level)
        turned = zarr.create_array(
            path / "3" / level, shape=np.swapaxes(pixels, 3, 4).shape, dtype=pixels.dtype, chunks=(1, 1, 1, 16, 16),
            zarr_format=2, compressors=Blosc(), chunk_key_encoding={"name": "v2", "separator": "/"},
        )  # fmt: skip
        turned[:] = np.swapaxes(pixels, 3, 4)
    attributes = json.loads((path / "3" / ".zattrs").read_text())
    axes = attributes["multiscales"][0]["axes"]
    attributes["multiscales"][0]["axes"] = [*axes[:3], axes[4], axes[3]]
    (path / "3" / ".zattrs").write_text(json.dumps(attributes))
    assert "y and x" in refused(replacing, path)


@pytest.mark.parametrize("call", ["symlink", "write", "mkdir"])
@pytest.mark.parametrize("number", [1, 5])
def test_a_full_disk(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """The disk is full at the nth link, file or directory of the shadows."""
    left, real = number, getattr(os, call)

    def full(path, *args, **options):
        nonlocal left
        left -= 1
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path if isinstance(path, str) else None)
        return real(path, *args, **options)

    monkeypatch.setattr(f"omero_roz.ports.repository.disk.os.{call}", full)
    done = replacing.run(acquisition / "v2.zarr", "zarr-reader")
    monkeypatch.undo()
    assert done.code == 1 and "No space left" in done.err
    assert replacing.filesets() == {replacing.fileset}
    assert not list(Path(replacing.server.repository).rglob(f"Fileset-{replacing.fileset}/*"))
    replacing.replaced(acquisition / "v2.zarr", "zarr-reader")


def test_a_disk_that_takes_a_part_only(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is nearly full writes less than it was given, and says so by a number only."""
    write = os.write
    monkeypatch.setattr("omero_roz.ports.repository.disk.os.write", lambda to, data: write(to, data[:7]))
    folder = shadows_of(replacing, replacing.replaced(acquisition / "v2.zarr", "zarr-reader", "--no-probe"))
    monkeypatch.undo()
    for name in (".zgroup", ".zattrs", "0/.zarray"):
        assert (folder / "1.zarr" / name).read_bytes() == (acquisition / "v2.zarr" / "1" / name).read_bytes()


def test_what_a_dead_run_left_is_removed_and_no_link_followed(
    replacing: Replacing, acquisition: Path, tmp_path: Path
) -> None:
    precious = copy(acquisition, tmp_path, "precious.zarr")
    before = sorted(path for path in precious.rglob("*"))
    first = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    replacing.rolled_back(first)
    folder = shadows_of(replacing, first).parent
    left, link, file = (folder / f"2026-01-01_00-00-00.00000{number}" for number in range(3))
    left.mkdir()
    (left / "0").symlink_to(precious)
    link.symlink_to(precious)
    file.write_text("x")
    (folder / "by hand").mkdir()
    second = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    kept = {"by hand", *(shadows_of(replacing, f).name for f in (first, second))}
    assert {path.name for path in folder.iterdir()} == kept
    assert sorted(path for path in precious.rglob("*")) == before
