"""A curator proves that OMERO shows what the Zarrs hold, and finds those that rot."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from distributed import LocalCluster
from jsonschema import Draft202012Validator
from omero.model import (
    DatasetI,
    DatasetImageLinkI,
    ImageI,
    PlateI,
    ProjectDatasetLinkI,
    ProjectI,
    ScreenI,
    ScreenPlateLinkI,
)
from omero.rtypes import rstring

from demo.omero_client import import_file
from omero_roz.verify import image
from omero_roz.verify.certificate import Certificate
from omero_roz.verify.image import ImageCheck
from tests.integration.test_import import imported
from tests.support.replacing import Replacing
from tests.support.servers import Omero, Result


def verified(omero_cli: Omero, *args: object, code: int = 0) -> dict:
    """The certificate that `verify --json` prints."""
    result = omero_cli("roz", "verify", *map(str, args), "--json")
    assert result.code == code, result.err
    return json.loads(result.out)


def problems(certificate: dict) -> list[str]:
    return [problem for image in certificate["images"] for problem in image["problems"]]


@pytest.fixture
def zarr(acquisition: Path, tmp_path: Path) -> Path:
    """A Zarr of one's own, to be damaged."""
    shutil.copytree(acquisition / "v2.zarr", tmp_path / "own.zarr")
    return tmp_path / "own.zarr"


def test_an_import_is_right(omero_cli: Omero, zarr: Path) -> None:
    done = imported(omero_cli, zarr)
    found = verified(omero_cli, f"Fileset:{done['fileset']}", "--check", "all")
    assert found["ok"]
    assert found["counts"] == {"images": 4, "ok": 4, "failed": 0, "planes": 25, "chunks": 107, "absent": 0}
    first = found["images"][0]
    assert (first["binding"], first["uri"], first["link"]) == ("external-info", str(zarr / "0"), "ok")
    assert (first["levels"], first["planes"], first["drawn"], first["check"]) == (2, 18, True, "all")


def test_containers_plates_and_zarrs_lead_to_their_images(omero_cli: Omero, zarr: Path, shared: Path) -> None:
    images = imported(omero_cli, zarr)["images"]
    plate = imported(omero_cli, shared / "layouts" / "v4_plate23.zarr")
    update = omero_cli.client.sf.getUpdateService()
    dataset, project, screen = DatasetI(), ProjectI(), ScreenI()
    for one in (dataset, project, screen):
        one.name = rstring("verified")
    links = [(DatasetImageLinkI(), dataset, ImageI(images[0], False)), (ProjectDatasetLinkI(), project, dataset)]
    links += [(ScreenPlateLinkI(), screen, PlateI(plate["plates"][0], False))]
    for link, parent, child in links:
        link.parent, link.child = parent, child
    saved = update.saveAndReturnArray([link for link, _, _ in links])
    named = [f"Dataset:{saved[0].parent.id.val}", f"Project:{saved[1].parent.id.val}"]
    for name in named:
        assert [one["image"] for one in verified(omero_cli, name)["images"]] == images[:1]
    for name in (f"Screen:{saved[2].parent.id.val}", f"Plate:{plate['plates'][0]}"):
        assert [one["image"] for one in verified(omero_cli, name)["images"]] == sorted(plate["images"])
    assert [one["image"] for one in verified(omero_cli, zarr)["images"]] == images


def test_a_table_names_them_too(omero_cli: Omero, zarr: Path, tmp_path: Path) -> None:
    images = imported(omero_cli, zarr)["images"]
    table = tmp_path / "table.csv"
    table.write_text("note,object\none,Image:{}\nanother,Image:{}\n".format(*images))
    assert [one["image"] for one in verified(omero_cli, "--from", table)["images"]] == images[:2]


def test_another_path_here_than_on_the_server(omero_cli: Omero, zarr: Path, acquisition: Path) -> None:
    options = ("--server-path", f"{zarr}={acquisition / 'v2.zarr'}")
    fileset = imported(omero_cli, zarr, *options)["fileset"]
    found = verified(omero_cli, f"Fileset:{fileset}", *options)
    assert found["images"][0]["uri"] == str(zarr / "0")
    assert [one["image"] for one in verified(omero_cli, zarr, *options)["images"]] != []


def test_a_replacement_by_zarr_reader(replacing: Replacing, acquisition: Path) -> None:
    fileset = replacing.replaced(acquisition / "v2.zarr", "zarr-reader")
    found = verified(replacing.omero, f"Fileset:{fileset}")
    assert found["ok"], problems(found)
    assert {one["binding"] for one in found["images"]} == {"zarr-reader"}
    assert set(replacing.images) <= {
        one["image"] for one in verified(replacing.omero, acquisition / "v2.zarr")["images"]
    }


def test_images_that_are_not_bound(omero_cli: Omero, acquisition: Path) -> None:
    fileset, images = import_file(omero_cli.client, acquisition / "acquisition.ome.tif")
    found = verified(omero_cli, f"Fileset:{fileset}", code=1)
    assert found["counts"]["failed"] == len(images)
    assert problems(found) == ["it is not bound to a Zarr"] * len(images)


Damage = Callable[[Path], None]


def remove(zarr: Path) -> None:
    shutil.rmtree(zarr / "0")


def a_chunk(zarr: Path) -> Path:
    return zarr / "0" / "0" / "0" / "0" / "0" / "0" / "0"


def broken_chunk(zarr: Path) -> None:
    a_chunk(zarr).write_bytes(b"damaged")


def other_size(zarr: Path) -> None:
    array = zarr / "0" / "0" / ".zarray"
    data = json.loads(array.read_text())
    data["shape"][-1] -= 1
    array.write_text(json.dumps(data))


def broken_metadata(zarr: Path) -> None:
    (zarr / "0" / ".zattrs").write_text("{")


@pytest.mark.parametrize(
    "damage, link, told",
    [
        (remove, "gone", "not found (404)"),
        (broken_chunk, "ok", "0/0/0/0/0/0/0: the pixels cannot be read"),
        (other_size, "ok", "sizes: 128 x 96"),
        (broken_metadata, "ok", ".zattrs"),
    ],
)
def test_what_rots_is_found(omero_cli: Omero, zarr: Path, damage: Damage, link: str, told: str) -> None:
    fileset = imported(omero_cli, zarr)["fileset"]
    damage(zarr)
    found = verified(omero_cli, f"Fileset:{fileset}", code=1)
    assert found["counts"]["failed"] == 1
    [bad] = [one for one in found["images"] if not one["ok"]]
    assert bad["link"] == link
    assert any(told in problem for problem in bad["problems"]), bad["problems"]
    text = omero_cli("roz", "verify", f"Fileset:{fileset}")
    assert text.code == 1 and "3 right, 1 wrong" in text.out and "1 of 4 images are not right" in text.err


def test_absent_chunks_are_legal_but_counted(omero_cli: Omero, zarr: Path) -> None:
    fileset = imported(omero_cli, zarr)["fileset"]
    a_chunk(zarr).unlink()
    found = verified(omero_cli, f"Fileset:{fileset}")
    assert (found["ok"], found["counts"]["absent"], found["images"][0]["source"]) == (True, 1, None)


def test_absent_chunks_are_compared_with_the_source(replacing: Replacing, zarr: Path) -> None:
    fileset = replacing.replaced(zarr, "api")
    assert verified(replacing.omero, f"Fileset:{fileset}")["images"][0]["source"] is None
    a_chunk(zarr).unlink()
    found = verified(replacing.omero, f"Fileset:{fileset}", code=1)
    first = found["images"][0]
    assert (first["absent"], first["source"]) == (1, "different")
    assert "are not those of the source" in problems(found)[0]


def test_a_certificate_is_gone_on_with(
    omero_cli: Omero, zarr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fileset, file = imported(omero_cli, zarr)["fileset"], tmp_path / "certificate.json"
    options = (f"Fileset:{fileset}", "--certificate", str(file), "--jobs", "1")
    add, seen, check = Certificate.add, list[int](), image.check_image

    def stopped(certificate: Certificate, result: ImageCheck) -> None:
        if len(certificate.images) == 2:
            raise KeyboardInterrupt
        add(certificate, result)

    def counted(session, bound, how):
        seen.append(bound.image.id)
        return check(session, bound, how)

    monkeypatch.setattr(Certificate, "add", stopped)
    assert omero_cli("roz", "verify", *options).code == 1
    half = json.loads(file.read_text())
    assert (half["ended"], half["ok"], half["counts"]["images"]) == (None, False, 2)
    monkeypatch.setattr(Certificate, "add", add)
    monkeypatch.setattr(image, "check_image", counted)
    whole = verified(omero_cli, *options)
    assert json.loads(file.read_text()) == whole
    assert whole["ok"] and whole["counts"]["images"] == 4 and whole["began"] == half["began"]
    known = {one["image"] for one in half["images"]}
    assert set(seen) == {one["image"] for one in whole["images"]} - known
    verified(omero_cli, *options)
    assert len(seen) == 2  # nothing was looked at again
    verified(omero_cli, *options, "--check", "all")
    assert len(seen) == 6  # but by a stricter check


def test_what_failed_is_looked_at_again(omero_cli: Omero, zarr: Path, tmp_path: Path) -> None:
    fileset, file = imported(omero_cli, zarr)["fileset"], tmp_path / "certificate.json"
    (zarr / "0").rename(zarr / "away")
    assert verified(omero_cli, f"Fileset:{fileset}", "--certificate", file, code=1)["counts"]["failed"] == 1
    (zarr / "away").rename(zarr / "0")
    assert verified(omero_cli, f"Fileset:{fileset}", "--certificate", file)["ok"]


def test_the_certificate_is_written_on_the_fileset(omero_cli: Omero, zarr: Path) -> None:
    fileset = imported(omero_cli, zarr)["fileset"]
    found = verified(omero_cli, f"Fileset:{fileset}", "--record")
    query = f"""select a from FilesetAnnotationLink l join l.child a where l.parent.id = {fileset}
        and a.ns like 'omero-roz/certificate%' order by a.id"""
    text, summary = omero_cli.client.sf.getQueryService().findAllByQuery(query, None)
    assert json.loads(text.textValue.val) == found
    assert {pair.name: pair.value for pair in summary.mapValue}["Verified"] == "all right"


def test_usage(omero_cli: Omero, tmp_path: Path) -> None:
    def fails(code: int, *args: str) -> Result:
        result = omero_cli("roz", "verify", *args)
        assert result.code == code, result.err
        return result

    fails(2)
    assert "has no images" in fails(2, "Tag:1").err
    assert "Image:999999999" in fails(1, "Image:999999999").err
    (tmp_path / "certificate.json").write_text("{}")
    assert "no certificate" in fails(2, "Image:1", "--certificate", str(tmp_path / "certificate.json")).err
    (tmp_path / "empty").mkdir()
    assert "no image that you may see is bound to it" in fails(1, str(tmp_path / "empty")).err


def test_the_certificate_is_as_its_schema_says(omero_cli: Omero, zarr: Path) -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "certificate.schema.json").read_text("utf-8"))
    fileset = imported(omero_cli, zarr)["fileset"]
    remove(zarr)
    Draft202012Validator(schema).validate(verified(omero_cli, f"Fileset:{fileset}", code=1))


def test_a_dask_cluster_does_the_same(omero_cli: Omero, zarr: Path) -> None:
    fileset = imported(omero_cli, zarr)["fileset"]
    remove(zarr)
    here = verified(omero_cli, f"Fileset:{fileset}", code=1)
    options = {"processes": False, "dashboard_address": None, "n_workers": 1, "threads_per_worker": 2}
    with LocalCluster(**options) as cluster:
        there = verified(omero_cli, f"Fileset:{fileset}", "--dask", cluster.scheduler_address, code=1)
    assert there["images"] == here["images"]


def test_a_cluster_that_is_not_there(omero_cli: Omero, zarr: Path) -> None:
    fileset = imported(omero_cli, zarr)["fileset"]
    result = omero_cli("roz", "verify", f"Fileset:{fileset}", "--dask", "inproc://nowhere/1")
    assert result.code == 1 and "no scheduler answers" in result.err


def test_a_bad_object_a_source_and_a_table(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    table, report = tmp_path / "table.csv", tmp_path / "report.csv"
    table.write_text(f"fileset,zarr\n{replacing.fileset},{acquisition / 'v2.zarr'}\n")
    done = replacing.omero("roz", "replace-fileset", "--from", str(table), "--report", str(report))
    assert done.code == 0, done.err
    assert f",Fileset:{replacing.fileset}," in report.read_text()
    missing = replacing.omero(
        "roz", "verify", "Fileset:99999999", f"Fileset:{replacing.fileset}", "Image:name:nobody's name", "--json"
    )
    assert missing.code == 1 and "2 of 3 failed" in missing.err
    assert sorted(one["image"] for one in json.loads(missing.out)["images"]) == sorted(replacing.images)
    for same in (table, report):
        found = verified(replacing.omero, "--from", same)
        assert found["ok"] and found["counts"]["images"] == 4
    assert replacing.omero("roz", "replace-fileset", "Fileset:1", "/x", "--prefix", "/y").code == 2


@pytest.mark.parametrize("verb", ["rollback", "cleanup"])
def test_a_line_that_names_no_fileset_stops_no_other(omero_cli: Omero, tmp_path: Path, verb: str) -> None:
    table = tmp_path / "table.csv"
    table.write_text("object\nrubbish\nFileset:999999999\n")
    done = omero_cli("roz", verb, "--from", str(table), *(["--yes"] if verb == "cleanup" else []))
    assert done.code == 1 and "rubbish" in done.err and "Fileset:999999999" in done.err, done.err


def lines_of(report: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(report.open(newline="")))


def test_what_one_verb_reports_every_other_takes(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    zarr, source, omero = acquisition / "v2.zarr", replacing.fileset, replacing.omero
    table = tmp_path / "table.csv"
    table.write_text(f"fileset,zarr\nImage:{replacing.images[1]},{zarr}\nImage:99999999,{zarr}\n")
    reports = {name: tmp_path / f"{name}.csv" for name in ("replace", "verify", "complete", "back", "import", "dry")}

    def does(*words: object, name: str, code: int = 0) -> list[dict[str, str]]:
        done = omero("roz", *map(str, words), "--report", str(reports[name]))
        assert done.code == code, done.err
        return lines_of(reports[name])

    replaced, missing = does("replace-fileset", "--from", table, name="replace", code=1)
    new = replaced["new"]
    assert (replaced["fileset"], replaced["state"], replaced["reason"]) == (f"Fileset:{source}", "replaced", "")
    assert missing["state"] == "refused" and "Image:99999999" in missing["reason"]
    reports["replace"].write_text("".join(reports["replace"].read_text().splitlines(True)[:2]))
    [verified] = does("verify", "--from", reports["replace"], name="verify")
    assert (verified["new"], verified["zarr"], verified["state"]) == (new, str(zarr), "right")
    [complete] = does("completeness", "--from", reports["verify"], name="complete")
    assert (complete["new"], complete["zarr"], complete["state"]) == (new, str(zarr), "complete")
    assert omero("roz", "completeness", str(zarr), f"Fileset:{source}").code == 0  # it is followed to its images
    named = omero("roz", "completeness", str(zarr), "Image:name:nobody's name")
    assert named.code == 1 and "nothing that you may see has this name" in named.err
    [back] = does("rollback", "--from", reports["complete"], name="back")
    assert (back["fileset"], back["new"], back["state"]) == (new, f"Fileset:{source}", "rolled back")
    [again] = does("import", "--from", reports["verify"], name="import")
    assert again["state"] == "imported" and again["new"].startswith("Fileset:")
    shown = does("replace-fileset", f"Fileset:{source}", zarr, "--dry-run", name="dry")
    assert [int(row["image"]) for row in shown] == sorted(replacing.images)
    assert [row["series"] for row in shown] == ["0", "1", "2", "3"]
    [kept] = does("cleanup", "--from", reports["replace"], "--yes", name="back", code=1)
    assert (kept["fileset"], kept["state"]) == (f"Fileset:{source}", "refused") and kept["reason"]


def test_every_difference_is_in_the_report(replacing: Replacing, acquisition: Path, tmp_path: Path) -> None:
    zarr, report = shutil.copytree(acquisition / "v2.zarr", tmp_path / "less.zarr"), tmp_path / "report.csv"
    for series in ("1", "2", "3"):
        array = zarr / series / "0" / ".zarray"
        about = json.loads(array.read_text())
        array.write_text(json.dumps(about | {"dtype": "<u4"}))
    table = tmp_path / "table.csv"
    table.write_text(f"fileset,zarr\n{replacing.fileset},{zarr}\n")
    done = replacing.omero("roz", "replace-fileset", "--from", str(table), "--report", str(report))
    [line] = lines_of(report)
    assert done.code == 1 and "more)" not in line["reason"]
    assert line["reason"].count("uint32") >= 3, line["reason"]
