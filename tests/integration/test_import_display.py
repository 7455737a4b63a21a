"""Statistics, rendering settings and thumbnails of imported images."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr
from omero.gateway import BlitzGateway

from omero_roz.cli import progress
from omero_roz.errors import Refused, Unreachable
from omero_roz.import_ import steps
from tests.support.servers import Omero


def imported(omero_cli: Omero, path: Path, *options: str) -> list:
    """The images of one Zarr, as BlitzGateway has them."""
    result = omero_cli("roz", "import", str(path), "--json", "--again", *options)
    assert result.code == 0, result.err
    [done] = json.loads(result.out)
    assert done["problems"] == []
    gateway = BlitzGateway(client_obj=omero_cli.client)
    return [gateway.getObject("Image", number) for number in done["images"]]


def channels(omero_cli: Omero, image, *columns: str) -> list[tuple]:
    hql = f"""select {", ".join(columns)} from Pixels p join p.channels c join c.statsInfo s
        where p.id = {image.getPixelsId()} order by index(c)"""
    rows = omero_cli.client.sf.getQueryService().projection(hql, None)
    return [tuple(value.val for value in row) for row in rows]


def ranges(omero_cli: Omero, image) -> list[tuple]:
    return channels(omero_cli, image, "s.globalMin", "s.globalMax")


def settings(omero_cli: Omero, image) -> list:
    hql = f"""select r from RenderingDef r join fetch r.model join fetch r.waveRendering b join fetch b.family
        left outer join fetch b.spatialDomainEnhancement where r.pixels.id = {image.getPixelsId()}"""
    [found] = omero_cli.client.sf.getQueryService().findAllByQuery(hql, None)
    return [found, *found.copyWaveRendering()]


def sha1(path: Path) -> str:
    """Over all planes of a tczyx array, in the order XYZCT, little-endian."""
    array = np.asarray(zarr.open_array(str(path), mode="r"))
    return hashlib.sha1(array.transpose(0, 1, 2, 3, 4).astype(array.dtype.newbyteorder("<")).tobytes()).hexdigest()


def test_minima_and_maxima_that_the_converter_wrote(omero_cli: Omero, shared: Path) -> None:
    image = imported(omero_cli, shared / "layouts" / "v4_t_names.zarr")[0]
    assert ranges(omero_cli, image) == [(5, 32761), (2, 32764), (0, 32762)]
    assert image.getPrimaryPixels().getSha1() == "Pending..."
    definition, *bindings = settings(omero_cli, image)
    assert (definition.model.value.val, definition.defaultZ.val) == ("rgb", 1)
    assert [(b.inputStart.val, b.inputEnd.val) for b in bindings] == [(5, 32761), (2, 32764), (0, 32762)]
    assert image.getThumbnail()


def test_a_window_of_nothing_is_not_believed(omero_cli: Omero, shared: Path) -> None:
    image = imported(omero_cli, shared / "layouts" / "v4_r_C12H2.zarr")[0]
    assert ranges(omero_cli, image) == [(0, 0)]
    [_, binding] = settings(omero_cli, image)
    assert (binding.inputStart.val, binding.inputEnd.val) == (0, 255)


def test_every_pixel_read(omero_cli: Omero, shared: Path) -> None:
    path = shared / "layouts" / "v4_t_names.zarr"
    images = imported(omero_cli, path, "--stats", "read")
    assert ranges(omero_cli, images[0]) == [(5, 32761), (2, 32764), (0, 32762)]
    assert [i.getPrimaryPixels().getSha1() for i in images] == [sha1(path / str(n) / "0") for n in range(len(images))]


def test_no_statistics(omero_cli: Omero, shared: Path) -> None:
    image = imported(omero_cli, shared / "layouts" / "v4_t_names.zarr", "--stats", "none")[0]
    assert ranges(omero_cli, image) == [(0, 0)] * 3


@pytest.mark.parametrize("omitted", [False, True])
def test_the_omero_block_decides_the_display(omero_cli: Omero, shared: Path, tmp_path: Path, omitted: bool) -> None:
    path = tmp_path / "own.zarr"
    shutil.copytree(shared / "layouts" / "v4_rgb.zarr", path)
    attributes = json.loads((path / "0" / ".zattrs").read_text())
    if omitted:
        del attributes["omero"]
    else:
        first, second, third = attributes["omero"]["channels"]
        first |= {"active": False, "inverted": True, "lut": "fire.lut", "color": "00FFFF", "family": "exponential"}
        first["window"] |= {"start": 3, "end": 40}
        del second["active"]
        third["window"] |= {"start": 9, "end": 9}
        attributes["omero"]["rdefs"] = {"model": "greyscale", "defaultZ": 99}
    (path / "0" / ".zattrs").write_text(json.dumps(attributes))
    [image] = imported(omero_cli, path)
    definition, *bindings = settings(omero_cli, image)
    windows = [(b.inputStart.val, b.inputEnd.val) for b in bindings]
    if omitted:
        assert definition.model.value.val == "rgb"
        assert windows == [(0, 255)] * 3
        assert all(b.active.val for b in bindings)
        return
    assert (definition.model.value.val, definition.defaultZ.val) == ("greyscale", 0)
    assert windows == [(3, 40), (0, 63), (0, 63)]
    assert [b.active.val for b in bindings] == [False, True, True]
    assert (bindings[0].lookupTable.val, bindings[0].family.value.val) == ("fire.lut", "exponential")
    assert [len(b.copySpatialDomainEnhancement()) for b in bindings] == [1, 0, 0]
    assert (bindings[0].red.val, bindings[0].green.val, bindings[0].blue.val) == (0, 255, 255)
    assert channels(omero_cli, image, "c.red", "c.green", "c.blue")[0] == (255, 0, 0)


def test_thumbnails_are_drawn_and_stored(omero_cli: Omero, shared: Path) -> None:
    images = imported(omero_cli, shared / "layouts" / "v4_plate23.zarr")
    hql = "select t.sizeX, t.sizeY, t.mimeType from Thumbnail t where t.pixels.id = {}"
    query = omero_cli.client.sf.getQueryService()
    for image in images:
        [[x, y, mimetype]] = query.projection(hql.format(image.getPixelsId()), None)
        assert (x.val, y.val, mimetype.val) == (96, 96, "image/jpeg")


@pytest.mark.parametrize("fails", [Refused("no", "making thumbnails"), Unreachable("gone", "it"), KeyboardInterrupt()])
def test_thumbnails_that_fail_or_are_stopped_fail_no_import(
    omero_cli: Omero, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: BaseException
) -> None:
    zarr = shutil.copytree(shared / "layouts" / "v4_plate23.zarr", tmp_path / "plate.zarr")

    def drawn(*_: object) -> Iterator[int]:
        yield 1
        raise fails

    monkeypatch.setattr(steps, "make_thumbnails", drawn)
    done = omero_cli("roz", "import", str(zarr), "--json")
    assert done.code == 0, done.err
    [result] = json.loads(done.out)
    assert (result["state"], result["thumbnails"]) == ("imported", 1)
    assert result["problems"][0]["severity"] == "warning"
    assert "OMERO draws each when somebody looks at it" in done.err
    [record] = json.loads(omero_cli("roz", "status", f"Fileset:{result['fileset']}", "--json").out)
    assert record["state"] == "proven"
    if isinstance(fails, KeyboardInterrupt):
        report = tmp_path / "report.json"
        both = omero_cli("roz", "import", str(zarr), str(zarr), "--again", "--report", str(report))
        assert [line["state"] for line in json.loads(report.read_text())] == ["imported"]  # written all the same
        assert both.code == 1 and both.err.count("the import is done") == 1, both.err  # the second is not begun


def test_who_stops_it_when_thumbnails_begin_is_told_that_all_is_done(
    omero_cli: Omero, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr = shutil.copytree(shared / "layouts" / "v4_plate23.zarr", tmp_path / "plate.zarr")
    say = progress._Lines.__call__

    def stopping(self: progress._Lines, what: str, done: int, total: int) -> None:
        if what.startswith("making thumbnails"):
            raise KeyboardInterrupt
        say(self, what, done, total)

    monkeypatch.setattr(progress._Lines, "__call__", stopping)
    done = omero_cli("roz", "import", str(zarr), "--json")
    [result] = json.loads(done.out)
    assert (done.code, result["state"], result["thumbnails"]) == (0, "imported", 0)
    assert "the import is done" in done.err
