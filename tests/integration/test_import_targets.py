"""Where imported images and plates go, what they are called, and several Zarrs at once."""

import json
import shutil
from pathlib import Path

import pytest
from omero.gateway import BlitzGateway

from tests.support.servers import Omero


def imported(omero_cli: Omero, *arguments: str) -> list[dict]:
    result = omero_cli("roz", "import", "--json", "--again", *arguments)
    assert result.code == 0, result.err
    return json.loads(result.out)


def children(omero_cli: Omero, hql: str) -> list:
    rows = omero_cli.client.sf.getQueryService().projection(hql, None)
    return [tuple(value.val for value in row) for row in rows]


def in_dataset(omero_cli: Omero, name: str) -> list[tuple[int, list[int]]]:
    """The datasets of a name with their images, oldest first."""
    ids = [i for (i,) in children(omero_cli, f"select d.id from Dataset d where d.name = '{name}' order by d.id")]
    hql = "select l.child.id from DatasetImageLink l where l.parent.id = {} order by l.child.id"
    return [(i, [image for (image,) in children(omero_cli, hql.format(i))]) for i in ids]


def test_a_plate_goes_onto_the_screen_with_all_its_wells(omero_cli: Omero, shared: Path) -> None:
    screen = omero_cli("obj", "new", "Screen", "name=roz").out.strip()
    [done] = imported(omero_cli, str(shared / "layouts" / "v4_plateacq3.zarr"), "--target", screen)
    gateway = BlitzGateway(client_obj=omero_cli.client)
    [plate] = gateway.getObject("Screen", int(screen.partition(":")[2])).listChildren()
    assert [plate.getId()] == done["plates"]
    assert (plate.getName(), plate.countPlateAcquisitions()) == ("Plate Name 0", 3)
    wells = {(well.row, well.column): well.countWellSample() for well in plate.listChildren()}
    assert wells == {(0, 0): 6, (0, 1): 6, (1, 0): 6, (1, 1): 6}
    assert done["plain"] == []


def test_an_ordinary_run_prints_the_plate(omero_cli: Omero, shared: Path) -> None:
    result = omero_cli("roz", "import", str(shared / "layouts" / "o03_plate23.zarr"), "--again")
    assert result.code == 0, result.err
    assert result.out.startswith("Plate:") and "Image:" not in result.out


def test_containers_by_name(omero_cli: Omero, acquisition: Path) -> None:
    zarr = str(acquisition / "v2.zarr")
    [first] = imported(omero_cli, zarr, "--target", "Dataset:name:by name")
    [second] = imported(omero_cli, zarr, "--target", "Dataset:name:by name")
    [third] = imported(omero_cli, zarr, "--target", "Dataset:@name:by name")
    [fourth] = imported(omero_cli, zarr, "--target", "Dataset:name:by name")
    [fifth] = imported(omero_cli, zarr, "--target", "Dataset:-name:by name")
    (number, old), (_, new) = in_dataset(omero_cli, "by name")
    [as_omero] = imported(omero_cli, zarr, "-d", str(number), "-n", "as omero import", "--dry-run")
    assert [t["id"] for t in as_omero["targets"]] == [number] and as_omero["images"][0]["name"].startswith("as omero")
    assert old == sorted(first["images"] + second["images"] + fifth["images"])
    assert new == sorted(third["images"] + fourth["images"])
    refused = omero_cli("roz", "import", zarr, "--again", "--target", "Dataset:%name:by name")
    assert refused.code == 1 and "2 of yours" in refused.err
    [only] = imported(omero_cli, zarr, "--target", "Dataset:%name:nobody has it yet")
    assert in_dataset(omero_cli, "nobody has it yet")[0][1] == only["images"]


def test_images_of_a_project_go_into_a_new_dataset(omero_cli: Omero, acquisition: Path) -> None:
    project = omero_cli("obj", "new", "Project", "name=roz").out.strip()
    [done] = imported(omero_cli, str(acquisition / "v2.zarr"), "--target", project)
    number = project.partition(":")[2]
    hql = f"select d.name, d.id from ProjectDatasetLink l join l.child d where l.parent.id = {number}"
    [(name, dataset)] = children(omero_cli, hql)
    assert name == "v2.zarr"
    assert dict(in_dataset(omero_cli, name))[dataset] == done["images"]


@pytest.mark.parametrize(("layout", "target"), [("v4_plate23", "Dataset:name:x"), ("v4_m3", "Screen:name:x")])
def test_a_target_that_nothing_can_go_into(omero_cli: Omero, shared: Path, layout: str, target: str) -> None:
    result = omero_cli("roz", "import", str(shared / "layouts" / f"{layout}.zarr"), "--again", "--target", target)
    assert result.code == 1
    assert ("give a Screen" in result.err) == (layout == "v4_plate23")


def test_each_zarr_takes_the_target_that_fits_and_a_later_one_as_well(
    omero_cli: Omero, shared: Path, tmp_path: Path
) -> None:
    for name in ("v4_single", "v4_plate23"):
        shutil.copytree(shared / "layouts" / f"{name}.zarr", tmp_path / f"{name}.zarr")
    zarrs = [str(tmp_path / f"{name}.zarr") for name in ("v4_single", "v4_plate23")]

    def run(*targets: str) -> list[dict]:
        done = omero_cli("roz", "import", "--json", *zarrs, *(word for t in targets for word in ("--target", t)))
        assert done.code == 0, done.err
        return json.loads(done.out)

    name = tmp_path.name
    both = (f"Dataset:name:{name}", f"Screen:name:{name}")
    image, plate = run(*both)
    assert [image["state"], plate["state"]] == ["imported", "imported"]
    on_screen = f"select l.child.id from ScreenPlateLink l where l.parent.name = '{name}'"
    assert in_dataset(omero_cli, name)[0][1] == image["images"]
    assert children(omero_cli, on_screen) == [(plate["plates"][0],)]
    assert [one["state"] for one in run(*both)] == ["skipped", "skipped"]
    other = (f"Dataset:name:{name} 2", f"Screen:name:{name}")
    assert [one["state"] for one in run(*other)] == ["linked", "skipped"]
    assert in_dataset(omero_cli, f"{name} 2")[0][1] == in_dataset(omero_cli, name)[0][1] == image["images"]
    assert len(children(omero_cli, on_screen)) == 1
    assert omero_cli("roz", "import", zarrs[1], "--target", f"Dataset:name:{name}").code == 1


@pytest.mark.parametrize("target", ["Image:1", "Dataset:99999999999999999999", "Dataset:name:"])
def test_what_is_no_target(omero_cli: Omero, acquisition: Path, target: str) -> None:
    result = omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--again", "--target", target)
    assert result.code == 2 and f"--target {target}" in result.err


def test_a_dry_run_says_which_steps_are_of_which_zarr(omero_cli: Omero, shared: Path) -> None:
    zarrs = [str((shared / "layouts" / f"{name}.zarr").resolve()) for name in ("v4_float", "v4_plate23")]
    lines = omero_cli("roz", "import", *zarrs, "--again", "--dry-run").out.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("1. ")]
    assert [lines[number - 1] for number in starts] == [f"{zarr}:" for zarr in zarrs]
    assert "12 images with 6 wells" in "".join(lines[starts[1] :])


def test_an_empty_name_is_refused(omero_cli: Omero, acquisition: Path) -> None:
    for wrong in (("--name", ""), ("--name", " "), ("--target", "Dataset:name: ")):  # a variable that was not set
        result = omero_cli("roz", "import", str(acquisition / "v2.zarr"), "--again", *wrong)
        assert result.code == 2 and "the name is empty" in result.err


def test_what_goes_nowhere_is_told(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    zarr = shutil.copytree(shared / "layouts" / "v4_plate23.zarr", tmp_path / "mixed.zarr")
    shutil.copytree(zarr / "A" / "1" / "0", zarr / "0")  # beside the plate
    (zarr / "OME" / ".zattrs").unlink()
    (zarr / "OME" / "METADATA.ome.xml").unlink()
    only_screen = omero_cli("roz", "import", str(zarr), "--dry-run", "--target", "Screen:name:x")
    assert "warning: " in only_screen.err and "1 image that is on no plate" in only_screen.err
    only_dataset = omero_cli("roz", "import", str(zarr), "--dry-run", "--target", "Dataset:name:x")
    assert "1 plate goes into none" in only_dataset.err
    table = tmp_path / "table.csv"
    table.write_text(f"uri,target\n{zarr},Screen:name:a;b;Dataset:name:c\n")
    both = omero_cli("roz", "import", "--from", str(table), "--json")
    assert both.code == 0 and "warning" not in both.err, both.err
    [done] = json.loads(both.out)
    assert in_dataset(omero_cli, "c")[-1][1] == done["plain"] and len(done["plain"]) == 1
    hql = "select l.child.id from ScreenPlateLink l where l.parent.name = 'a;b'"
    assert [plate for (plate,) in children(omero_cli, hql)] == done["plates"]


def test_names(omero_cli: Omero, shared: Path, acquisition: Path) -> None:
    def names(done: dict) -> list[str]:
        hql = f"select i.name from Image i where i.fileset.id = {done['fileset']} order by i.series"
        return [name for (name,) in children(omero_cli, hql)]

    [several] = imported(omero_cli, str(acquisition / "v2.zarr"), "--name", "Zelle")
    assert names(several) == ["Zelle [Zelle α [01]]", "Zelle [overview]", "Zelle [stack]", "Zelle [ratio GFP/Cy5]"]
    [one] = imported(omero_cli, str(shared / "layouts" / "v4_single.zarr"), "--name", "Zelle")
    assert names(one) == ["Zelle"]
    [plate] = imported(omero_cli, str(shared / "layouts" / "v4_r_C12H2.zarr"), "--name", "Platte")
    assert children(omero_cli, f"select p.name from Plate p where p.id = {plate['plates'][0]}") == [("Platte",)]
    assert names(plate) == ["test", "test 2"]


def test_a_table_of_zarrs(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    for name in ("v4_single", "v4_float"):
        shutil.copytree(shared / "layouts" / f"{name}.zarr", tmp_path / f"{name}.zarr")
    table = tmp_path / "table.csv"
    rows = [
        f"{tmp_path}/v4_single.zarr,Dataset:name:table,one",
        f"{tmp_path}/nowhere.zarr,,",
        f"{tmp_path}/v4_float.zarr,,",
    ]
    table.write_text("\n".join(["uri,target,name", *rows]) + "\n")
    result = omero_cli("roz", "import", "--from", str(table), "--json")
    assert result.code == 1
    one, missing, other = json.loads(result.out)
    assert [o["state"] for o in (one, missing, other)] == ["imported", "failed", "imported"]
    assert missing["problems"][0]["where"].endswith("nowhere.zarr")
    assert in_dataset(omero_cli, "table")[0][1] == one["images"]
    again = omero_cli("roz", "import", "--from", str(table))
    assert again.code == 1
    assert "3 Zarrs: 2 skipped, 1 failed" in again.err


TOLD = {
    "uri|target\nx|y\n": "but is 'uri|target'",
    "uri,uri\nx,y\n": "each once",
    "uri,target,name\nx,,a, b\n": "line 2 has more cells",  # else the name would be "a"
    'uri\n"x\ny\n': "unexpected end of data",  # else y would be swallowed
}


@pytest.mark.parametrize("content", TOLD)
def test_what_is_wrong_with_a_table_is_told(omero_cli: Omero, tmp_path: Path, content: str) -> None:
    (tmp_path / "table.csv").write_text(content)
    result = omero_cli("roz", "import", "--from", str(tmp_path / "table.csv"))
    assert (result.code, TOLD[content] in result.err) == (2, True), result.err


def test_a_table_as_excel_writes_it(omero_cli: Omero, shared: Path, tmp_path: Path) -> None:
    zarr = shared / "layouts" / "v4_single.zarr"
    text = f'Zarr, target, name\r\n{zarr}, Dataset:name:a table,"a, b"\r\n'
    (tmp_path / "table.csv").write_text(text, "utf-8-sig", newline="")
    [planned] = imported(omero_cli, "--from", str(tmp_path / "table.csv"), "--dry-run")
    assert (planned["images"][0]["name"], planned["targets"][0]["name"]) == ("a, b", "a table")


@pytest.mark.parametrize("content", ["where,target\nx,y\n", "uri,targets\nx,y\n", "uri\n\n,\n", None])
def test_a_wrong_table(omero_cli: Omero, tmp_path: Path, content: str | None) -> None:
    table = tmp_path / "table.csv"
    if content is not None:
        table.write_text(content)
    assert omero_cli("roz", "import", "--from", str(table)).code == 2
    result = omero_cli("roz", "import", "--from", str(table), "--json")
    assert result.code == 2 and [one["state"] for one in json.loads(result.out)] == ["failed"]


def test_a_password_in_an_address_is_not_repeated(omero_cli: Omero, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("uri\nhttps://me:geheim@127.0.0.1/x.zarr\n/nowhere.zarr\n")
    result = omero_cli("roz", "import", "--from", str(table), "--json")
    assert result.code == 1
    assert "geheim" not in result.out + result.err
    assert [one["uri"] for one in json.loads(result.out)] == [None, "/nowhere.zarr"]
