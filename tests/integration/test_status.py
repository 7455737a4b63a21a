"""What was done to images, asked for by whatever has them."""

import json
import shutil
from pathlib import Path

import pytest
from omero.model import DatasetI, DatasetImageLinkI, ImageI
from omero.rtypes import rstring

from demo.omero_client import import_file
from tests.support.claims import FILL, Claims
from tests.support.replacing import Replacing
from tests.support.servers import Omero


def told(omero: Omero, named: str) -> list[dict]:
    done = omero("roz", "status", named, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def dataset_with(omero: Omero, image: int) -> int:
    dataset = DatasetI()
    dataset.name = rstring("status")
    link = DatasetImageLinkI()
    link.parent, link.child = dataset, ImageI(image, False)
    return omero.client.sf.getUpdateService().saveAndReturnObject(link).parent.id.val


def test_by_fileset_source_image_and_dataset(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    dataset = dataset_with(replacing.omero, replacing.images[1])
    for named in (
        f"Fileset:{new}", f"Fileset:{replacing.fileset}", f"Image:{replacing.images[3]}", f"Dataset:{dataset}",
    ):  # fmt: skip
        [one] = told(replacing.omero, named)
        assert (one["fileset"], one["source"], one["state"]) == (new, replacing.fileset, "proven")
        assert (one["uri"], one["binding"]) == (str(acquisition / "v2.zarr"), "external-info")
        assert (one["as_recorded"], one["source_gone"]) == (True, False)
        assert one["check"]["before"]["check"] == "sample"
    shown = replacing.omero("roz", "status", f"Fileset:{new}").out
    assert "before: " in shown and f"Fileset:{replacing.fileset}" in shown


def test_a_source_leads_to_what_is_in_force_now(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    first = replacing.replaced(acquisition / "v2.zarr", "external-info")
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "moved.zarr")
    second = replacing.replaced(tmp_path / "moved.zarr", "external-info")
    recorded = [(one["fileset"], one["state"]) for one in told(replacing.omero, f"Fileset:{replacing.fileset}")]
    assert recorded == [(first, "proven"), (second, "proven")]
    of_source = replacing.roll_back(replacing.fileset)
    assert of_source.code == 1 and f"omero roz rollback Fileset:{second}" in of_source.err


def test_what_was_changed_since_is_told(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    replacing.sql("UPDATE image SET external_id = NULL WHERE id = %s", replacing.images[0])
    assert told(replacing.omero, f"Fileset:{new}")[0]["as_recorded"] is False
    assert "(changed since)" in replacing.omero("roz", "status", f"Fileset:{new}").out


@pytest.mark.parametrize("kind", ["Plate", "Image"])
def test_by_plate(omero_cli: Omero, shared: Path, kind: str) -> None:
    fileset, images = import_file(omero_cli.client, shared / "layouts" / "originals" / "plate23.ome.tif")
    hql = f"select s.well.plate.id from WellSample s where s.image.id = {images[0]}"
    [[plate]] = omero_cli.client.sf.getQueryService().projection(hql, None)
    named = {"Plate": f"Plate:{plate.val}", "Image": f"Image:{images[5]}"}[kind]
    assert told(omero_cli, named) == []
    done = omero_cli("roz", "replace-fileset", f"Fileset:{fileset}", str(shared / "layouts" / "v4_plate23.zarr"))
    assert done.code == 0, done.err
    [one] = told(omero_cli, named)
    assert (one["source"], len(one["images"])) == (fileset, 12)


def test_what_has_no_images_or_is_not_there(omero_cli: Omero) -> None:
    assert omero_cli("roz", "status", "Experimenter:0").code == 2
    assert omero_cli("roz", "status", "nonsense").code == 2
    assert omero_cli("roz", "status", "Fileset:99999999").code == 1


def test_several_by_name_and_a_bad_one_stops_no_other(
    replacing: Replacing, acquisition: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    omero = replacing.omero
    dataset = dataset_with(omero, replacing.images[0])
    name = f"status of {new}"
    replacing.sql("UPDATE dataset SET name = %s WHERE id = %s", name, dataset)
    monkeypatch.setenv("COLUMNS", "80")
    done = omero("roz", "status", "Fileset:99999999", f"Dataset:name:{name}", f"Image:{replacing.images[1]}")
    assert done.code == 1 and "Fileset:99999999: it does not exist" in done.err and "1 of 3 failed" in done.err
    assert done.out.count(f"Fileset:{new}: replace, proven, 4 images") == 2
    assert omero("roz", "status", f"Dataset:name:no {name}").code == 1


def test_a_fill_that_cannot_be_read_hides_nothing_else(replacing: Replacing, acquisition: Path) -> None:
    new = replacing.replaced(acquisition / "v2.zarr", "external-info")
    Claims(replacing.omero.client).note(new, "rubbish", ns=FILL)
    done = replacing.omero("roz", "status", f"Fileset:{new}")
    assert done.code == 1 and f"Fileset:{new}: replace, proven" in done.out
    assert "the record of a fill cannot be read" in done.err
