"""A curator replaces a fileset by its Zarr, looks at it, and takes it back."""

import json
import shutil
from pathlib import Path

import pytest
import zarr
from omero.gateway import BlitzGateway

from demo.omero_client import import_file, shown
from omero_roz.replace import steps
from tests.support.counted import counted
from tests.support.servers import Omero


@pytest.fixture
def source(omero_cli: Omero, acquisition: Path) -> tuple[str, list[int]]:
    """A fileset of four images imported from OME-TIFF, and its images by series."""
    fileset, images = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    return f"Fileset:{fileset}", images


def binding(omero_cli: Omero, image: int) -> str:
    return omero_cli("obj", "ext-info-get", f"Image:{image}", "lsid").out.strip()


def fileset_of(omero_cli: Omero, image: int) -> str:
    return f"Fileset:{BlitzGateway(client_obj=omero_cli.client).getObject('Image', image).getFileset().getId()}"


def test_replaced_and_rolled_back(omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]) -> None:
    fileset, images = source
    gateway = BlitzGateway(client_obj=omero_cli.client)
    names = [gateway.getObject("Image", i).getName() for i in images]
    before = shown(omero_cli.client, images)

    replaced = omero_cli("roz", "replace-fileset", fileset, str(acquisition / "v2.zarr"))
    assert replaced.code == 0, replaced.err
    new = replaced.out.strip()
    assert [fileset_of(omero_cli, i) for i in images] == [new] * 4 != [fileset] * 4
    assert [binding(omero_cli, i) for i in images] == [str(acquisition / "v2.zarr" / n) for n in "0123"]
    assert [gateway.getObject("Image", i).getName() for i in images] == names
    assert shown(omero_cli.client, images) == before
    [record] = json.loads(omero_cli("roz", "status", new, "--json").out)
    assert (record["state"], record["source"]) == ("proven", int(fileset.partition(":")[2]))

    back = omero_cli("roz", "rollback", new)
    assert back.code == 0, back.err
    assert back.out.strip() == fileset
    assert [fileset_of(omero_cli, i) for i in images] == [fileset] * 4
    assert [binding(omero_cli, i) for i in images] == [""] * 4
    assert shown(omero_cli.client, images) == before
    assert json.loads(omero_cli("roz", "status", new, "--json").out)[0]["state"] == "rolled-back"


def test_a_rollback_can_be_rolled_back(omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]) -> None:
    fileset, images = source
    new = omero_cli("roz", "replace-fileset", fileset, str(acquisition / "v2.zarr")).out.strip()
    assert omero_cli("roz", "rollback", new).code == 0
    again = omero_cli("roz", "rollback", fileset)
    assert (again.code, again.out.strip()) == (0, new), again.err
    assert binding(omero_cli, images[2]) == str(acquisition / "v2.zarr" / "2")


def test_a_real_ome_tiff_and_its_layout(omero_cli: Omero, shared: Path) -> None:
    fileset, images = import_file(omero_cli.client, shared / "layouts" / "originals" / "multi_names.ome.tif")
    before = shown(omero_cli.client, images)
    zarr_path = str(shared / "layouts" / "v4_t_names.zarr")
    replaced = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", zarr_path)
    assert replaced.code == 0, replaced.err
    assert len(before) == 18
    assert shown(omero_cli.client, images) == before


def refused(omero_cli: Omero, source: tuple[str, list[int]], *args: str) -> str:
    """Run a replacement that must be refused with nothing changed; what it printed."""
    fileset, images = source
    result = omero_cli("roz", "replace-fileset", fileset, *args)
    assert result.code == 1
    assert [fileset_of(omero_cli, i) for i in images] == [fileset] * len(images)
    assert [binding(omero_cli, i) for i in images] == [""] * len(images)
    return result.err


def test_every_difference_is_told_and_nothing_changed(
    omero_cli: Omero, shared: Path, source: tuple[str, list[int]]
) -> None:
    said = refused(omero_cli, source, str(shared / "layouts" / "v4_m3.zarr"))
    for image in source[1]:
        assert str(image) in said
    assert "96" in said and "60" in said and "no such series" in said


def test_another_type_is_refused(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, source: tuple[str, list[int]]
) -> None:
    changed = tmp_path / "changed.zarr"
    shutil.copytree(acquisition / "v2.zarr", changed)
    xml = changed / "OME" / "METADATA.ome.xml"
    xml.write_text(xml.read_text().replace('Type="uint8"', 'Type="int8"'))
    for level in "01":
        metadata = changed / "2" / level / ".zarray"
        metadata.write_text(metadata.read_text().replace("|u1", "|i1"))
    said = refused(omero_cli, source, str(changed))
    assert "uint8" in said and "int8" in said


def test_other_pixels_are_noticed_and_the_source_comes_back(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, source: tuple[str, list[int]]
) -> None:
    """What the server is told to read is another conversion: it reads, and only the Zarr's own planes tell."""
    wrong = tmp_path / "wrong.zarr"
    shutil.copytree(acquisition / "v2.zarr", wrong)
    level = zarr.open_array(wrong / "0" / "0", mode="r+")
    level[:] = level[:] + 1
    right = acquisition / "v2.zarr"
    said = refused(omero_cli, source, str(right), "--server-path", f"{right}={wrong}")
    assert "other pixels" in said


def test_a_server_that_falls_back_to_the_old_file_is_noticed(
    omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]
) -> None:
    """The server cannot open its path and goes on showing the OME-TIFF: equal before and after proves nothing."""
    images = everything(omero_cli)
    right = acquisition / "v2.zarr"
    said = refused(omero_cli, source, str(right), "--server-path", f"{right}=/nowhere/at/all")
    assert "OMERO does not read it from the Zarr" in said and "--server-path" in said
    assert everything(omero_cli) == images


def test_zarr_v3_without_a_reader_is_noticed_though_the_old_file_has_the_same_pixels(
    omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]
) -> None:
    images = everything(omero_cli)
    said = refused(omero_cli, source, str(acquisition / "v3.zarr"))
    assert "opens Zarr v2 only" in said
    assert everything(omero_cli) == images


def everything(omero_cli: Omero) -> dict[str, int]:
    """How many images, pixels and channels there are, scratch images included."""
    return counted(omero_cli, "Image", "Pixels", "Channel", "LogicalChannel")


def test_a_dry_run_changes_nothing(omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]) -> None:
    fileset, images = source
    result = omero_cli("roz", "replace-fileset", fileset, str(acquisition / "v2.zarr"), "--dry-run")
    assert result.code == 0, result.err
    assert "move 4 images" in result.out
    assert [fileset_of(omero_cli, i) for i in images] == [fileset] * 4


def test_a_rollback_of_what_changed_since_is_refused(
    omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]
) -> None:
    fileset, images = source
    new = omero_cli("roz", "replace-fileset", fileset, str(acquisition / "v2.zarr")).out.strip()
    lsid = str(acquisition / "v2.zarr" / "3")
    changed = omero_cli("obj", "ext-info-set", f"Image:{images[0]}", "3", "com.glencoesoftware.ngff:multiscales", lsid)
    assert changed.code == 0, changed.err
    result = omero_cli("roz", "rollback", new)
    assert result.code == 1
    assert f"Image:{images[0]}" in result.err
    assert fileset_of(omero_cli, images[1]) == new


def test_a_fileset_that_is_not_there_and_one_without_record(omero_cli: Omero, source: tuple[str, list[int]]) -> None:
    assert "does not exist" in omero_cli("roz", "rollback", "Fileset:999999999").err
    result = omero_cli("roz", "rollback", source[0])
    assert result.code == 1
    assert "no record" in result.err


@pytest.mark.parametrize("verb", ["replace-fileset", "rollback", "cleanup"])
@pytest.mark.parametrize("named", ["Image:{}", "Fileset:99999999999999999999", "Fileset:x", "Dataset:1"])
def test_only_a_fileset_is_taken_for_a_fileset(
    omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]], verb: str, named: str
) -> None:
    fileset, images = source
    zarrs = [str(acquisition / "v2.zarr")] if verb == "replace-fileset" else []
    result = omero_cli("roz", verb, named.format(fileset.partition(":")[2]), *zarrs)
    assert result.code == 2
    assert [fileset_of(omero_cli, i) for i in images] == [fileset] * 4


def test_a_server_path_that_says_nothing_of_the_zarr_is_refused(
    omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]]
) -> None:
    result = omero_cli(
        "roz", "replace-fileset", source[0], str(acquisition / "v2.zarr"), "--server-path", "/nomatch=/srv"
    )
    assert result.code == 2
    assert "/nomatch" in result.err


def test_a_server_path_may_be_named_through_a_link(omero_cli: Omero, acquisition: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(acquisition)
    planned = omero_cli(
        "roz", "import", str(link / "v2.zarr"), "--server-path", f"{link}=/srv", "--dry-run", "--json", "--again"
    )
    assert planned.code == 0, planned.err
    assert "/srv/v2.zarr/0" in planned.out


def test_a_zarr_that_goes_away_after_the_move_brings_the_source_back(
    omero_cli: Omero, acquisition: Path, tmp_path: Path, source: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone.zarr"
    shutil.copytree(acquisition / "v2.zarr", gone)
    after = steps.after

    def without_zarr(*args, **kwargs):
        shutil.rmtree(gone)
        return after(*args, **kwargs)

    monkeypatch.setattr(steps, "after", without_zarr)
    said = refused(omero_cli, source, str(gone))
    assert str(gone) in said


def test_stopped_while_proving_says_what_is_so(
    omero_cli: Omero, acquisition: Path, source: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fileset, images = source

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "after", stop)
    stopped = omero_cli("roz", "replace-fileset", fileset, str(acquisition / "v2.zarr"))
    monkeypatch.undo()
    new = fileset_of(omero_cli, images[0])
    assert (stopped.code, new != fileset) == (1, True)
    assert f"{fileset} is replaced by {new}, but not proven" in stopped.err
    again = omero_cli("roz", "replace-fileset", fileset, str(acquisition / "v2.zarr"))
    assert (again.code, again.out.strip()) == (0, new), again.err
    assert json.loads(omero_cli("roz", "status", new, "--json").out)[0]["state"] == "proven"
